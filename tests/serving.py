"""A `cartograph serve` in a process of its own, for what only a socket can show."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.devstack.ports import http_status, pick_port
from app.devstack.supervisor import Child
from tests.conftest import REPOSITORY, START_SECONDS, Servers


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """One `cartograph serve`."""

    child: Child
    port: int

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(
    servers: Servers, folder: Path, *options: str, without: Sequence[str] = (), **settings: str
) -> AsyncIterator[ServerProcess]:
    """A server on the tests' shop, which is there already.

    settings: what differs from the tests' own; without: those that it is not told.
    """
    port = pick_port()
    environment = {**os.environ, **servers.environment(), "CARTOGRAPH_DATA_DIR": str(folder), **settings}
    for name in without:
        environment.pop(name, None)
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port), *options]
    child = servers.supervisor.spawn(
        f"server-{port}", command, log=folder / "server.log", env=environment, cwd=REPOSITORY
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            while http_status(port, "/readyz") != 200:
                assert child.exit_code() is None, child.output()
                await asyncio.sleep(0.05)
        yield ServerProcess(child, port)
    finally:
        servers.supervisor.stop(child)
