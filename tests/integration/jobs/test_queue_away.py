"""PostgreSQL goes away and comes back under a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.bootstrap import Shop, build_shop
from app.devstack.postgres import PostgresServer
from app.devstack.supervisor import Supervisor
from app.jobs.domain import Job
from app.settings import load_settings
from tests.conftest import Servers
from tests.integration.jobs.conftest import StartWorker
from tests.integration.jobs.test_workers import enqueue, gone
from tests.integration.jobs.worker_process import TABLES
from tests.waiting import until


@pytest.fixture
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with Supervisor() as supervisor:
        server = PostgresServer(supervisor, tmp_path_factory.mktemp("away") / "postgres", durable=False)
        server.start()
        server.create_database("cartograph")
        yield server


@pytest.fixture
async def own(servers: Servers, postgres: PostgresServer) -> AsyncIterator[Shop]:
    shop = build_shop(load_settings({**servers.environment(), "DATABASE_URL": postgres.url("cartograph")}))
    await shop.migrate()
    postgres.execute(TABLES, database="cartograph")
    yield shop
    await shop.close()


async def test_a_worker_outlives_a_restart_of_the_database_and_runs_nothing_twice(
    own: Shop, postgres: PostgresServer, start_worker: StartWorker, tmp_path: Path
) -> None:
    def trace() -> list[str]:
        return postgres.execute(
            "SELECT what, job FROM trace WHERE job <> 'sweep' ORDER BY id", database="cartograph"
        ).splitlines()

    child = start_worker(url=postgres.url("cartograph"))
    file = tmp_path / "go on"
    await enqueue(own, Job("wait_for_file", {"job": "w", "file": str(file)}), Job("count", {"job": "before"}))
    await until(lambda: len(trace()) == 2)

    postgres.stop()
    file.touch()
    await until(lambda: '"kind": "wait_for_file"' in child.output() and "job_queue_away" in child.output())
    postgres.start()
    await own.database.primary.dispose()  # this process' own connections, which do not know yet
    await until(gone(own, "wait_for_file"))
    await enqueue(own, Job("count", {"job": "after"}))
    await until(gone(own, "count"))

    assert sorted(trace()) == ["begun|w", "done|after", "done|before"]
    assert child.exit_code() is None
