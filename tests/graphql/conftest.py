"""A server in a process of its own, for what only a socket can show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from app.bootstrap import Shop
from tests.conftest import Servers
from tests.serving import ServerProcess, serving


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


@pytest.fixture(scope="session")
async def server(
    servers: Servers, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServerProcess]:
    """A server on the tests' shop."""
    async with serving(servers, tmp_path_factory.mktemp("server")) as process:
        yield process
