"""A database of jobs alone, and workers on it that are processes of their own."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import pytest

from app.bootstrap import Shop, build_shop
from app.devstack.supervisor import Child
from app.settings import load_settings
from tests.conftest import REPOSITORY, Servers
from tests.integration.jobs.worker_process import TABLES

StartWorker = Callable[..., Child]


@pytest.fixture(scope="session")
async def own_database(servers: Servers) -> AsyncIterator[Shop]:
    """A shop whose database no other test writes jobs into."""
    servers.postgres.create_database("jobs")
    shop = build_shop(load_settings(servers.environment("jobs")))
    await shop.migrate()
    yield shop
    await shop.close()
    servers.postgres.drop_database("jobs")


@pytest.fixture
async def queue(servers: Servers, own_database: Shop) -> Shop:
    """That shop, with nothing in its queue and no trace of a worker."""
    connection = await asyncpg.connect(servers.postgres.url("jobs"))
    await connection.execute(
        "DROP TABLE IF EXISTS trace, gate; TRUNCATE jobs.job, jobs.pace RESTART IDENTITY;" + TABLES
    )
    await connection.close()
    return own_database


@pytest.fixture
async def rows(servers: Servers) -> AsyncIterator[asyncpg.Connection]:
    """A look at that database, past the shop."""
    connection = await asyncpg.connect(servers.postgres.url("jobs"))
    yield connection
    await connection.close()


@contextmanager
def worker(servers: Servers, url: str, folder: Path, name: str, lease: float, drain: float) -> Iterator[Child]:
    command = [sys.executable, "-m", "tests.integration.jobs.worker_process", url, str(lease), str(drain)]
    child = servers.supervisor.spawn(name, command, log=folder / f"{name}.log", cwd=REPOSITORY)
    try:
        yield child
    finally:
        servers.supervisor.stop(child)


@pytest.fixture
def start_worker(servers: Servers, tmp_path: Path) -> Iterator[StartWorker]:
    """Starts workers, which end with the test at the latest."""
    with ExitStack() as stack:
        numbers = iter(range(100))

        def start(*, url: str | None = None, lease: float = 30, drain: float = 20) -> Child:
            where = url or servers.postgres.url("jobs")
            return stack.enter_context(worker(servers, where, tmp_path, f"worker-{next(numbers)}", lease, drain))

        yield start
