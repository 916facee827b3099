"""A server in a process of its own, for what only a socket can show."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import structlog

from app.bootstrap import Shop
from app.devstack.ports import http_status, pick_port
from app.devstack.supervisor import Child
from tests.conftest import REPOSITORY, START_SECONDS, Servers


@pytest.fixture(scope="package", autouse=True)
def plain_logs() -> Iterator[None]:
    """Log lines as in production: drawing a traceback with colours takes longer than the test that causes it."""
    processors = structlog.get_config()["processors"]
    plain = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(processors=plain)
    yield
    structlog.configure(processors=processors)


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """One `cartograph serve`."""

    child: Child
    port: int


@pytest.fixture(scope="session")
async def server(
    servers: Servers, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServerProcess]:
    """A server on the tests' shop."""
    folder = tmp_path_factory.mktemp("server")
    port = pick_port()
    environment = {**os.environ, **servers.environment(), "CARTOGRAPH_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
    child = servers.supervisor.spawn("server", command, log=folder / "server.log", env=environment, cwd=REPOSITORY)
    async with asyncio.timeout(START_SECONDS):
        while http_status(port, "/readyz") != 200:
            assert child.exit_code() is None, child.output()
            await asyncio.sleep(0.05)
    yield ServerProcess(child, port)
    servers.supervisor.stop(child)
