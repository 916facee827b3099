"""A worker with kinds of its own, in a process that a test can stop, freeze and kill.

    python -m tests.integration.jobs.worker_process DATABASE_URL LEASE_SECONDS DRAIN_SECONDS

Its handlers write what they do into the table `trace`, and wait until the test opens a gate in the table `gate`: for
all, or with a worker's number behind its name.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text

from app import telemetry
from app.core.clock import SystemClock
from app.database.engine import Database
from app.jobs.domain import JobKind, RetryPolicy
from app.jobs.queue import open_queue
from app.worker.recurring import Scheduled
from app.worker.runner import JobRunner
from tests.waiting import until

TABLES = """
    CREATE TABLE trace (id bigserial PRIMARY KEY, what text, job text, worker int);
    CREATE TABLE gate (name text PRIMARY KEY);
"""
STARTED = "the worker has started"  # and ends as it should when it is told to
QUICK = RetryPolicy(tries=3, first_pause_seconds=0.01, longest_pause_seconds=0.05)


class Handlers:
    """What the kinds do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, what: str, job: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(
                text("INSERT INTO trace (what, job, worker) VALUES (:what, :job, :worker)"),
                {"what": what, "job": job, "worker": os.getpid()},
            )

    async def is_open(self, gate: str) -> bool:
        async with self._database.read_fresh() as connection:
            query = text("SELECT count(*) FROM gate WHERE name IN (:gate, :gate || ' ' || :worker)")
            return bool(await connection.scalar(query, {"gate": gate, "worker": str(os.getpid())}))

    async def count(self, payload: Mapping[str, str]) -> None:
        await self.note("done", payload["job"])

    async def hold(self, payload: Mapping[str, str]) -> None:
        await self.note("begun", payload["job"])
        await until(lambda: self.is_open(payload["gate"]))
        await self.note("ended", payload["job"])

    async def wait_for_file(self, payload: Mapping[str, str]) -> None:
        await self.note("begun", payload["job"])
        await until(Path(payload["file"]).exists)

    async def fail(self, payload: Mapping[str, str]) -> None:
        await self.note("begun", payload["job"])
        if not await self.is_open(payload["job"]):
            raise RuntimeError(f"no gate {payload['job']}\nand more lines of it")

    async def die(self, payload: Mapping[str, str]) -> None:
        await self.note("begun", payload["job"])
        os.kill(os.getpid(), signal.SIGKILL)

    async def sweep(self) -> int:
        await self.note("swept", "sweep")
        return 0


async def main(url: str, lease: timedelta, drain_seconds: float) -> None:
    telemetry.configure_logging("INFO")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(STARTED, flush=True)
    database = Database.connect(url, pool_size=10, statement_timeout_seconds=10)
    handlers = Handlers(database)
    kinds = [handlers.count, handlers.hold, handlers.wait_for_file, handlers.fail, handlers.die]
    runner = JobRunner(
        partial(open_queue, database, uuid4(), lease),
        [JobKind(handle.__name__, handle, QUICK) for handle in kinds],
        [Scheduled("sweep", 3_600.0, handlers.sweep)],
        lease=lease,
        drain_seconds=drain_seconds,
        clock=SystemClock(),
        chance=random.random,
    )
    await runner.run(stop)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], timedelta(seconds=float(sys.argv[2])), float(sys.argv[3])))
