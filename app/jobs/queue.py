"""`JobQueue` on pgqueuer, the only module that knows it. See ADR-0026.

pgqueuer takes jobs: in order, none twice, no more of a kind than it may, and those again whose worker has not been
heard of for the lease. What becomes of a job afterwards is decided by our own statements, for what pgqueuer's do not
have: only the worker that holds a job may end it, and one that was written again while it ran is run again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import asyncpg
import msgspec
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import QueueEntrypoint, QueueManagerId
from pgqueuer.queries import EntrypointExecutionParameter, Queries

from app.database import job_tables
from app.database.engine import Database
from app.jobs.claims import Claimed, Outcome

STATEMENT_SECONDS = 10
SETTINGS = DBSettings(  # every name that it would otherwise look for in the environment
    prefix="",
    db_schema=job_tables.SCHEMA,
    queue_table=job_tables.job.name,
    queue_table_log=job_tables.job_log.name,
    queue_status_type=str(job_tables.job_status.name),
    durability=Durability.durable,
)
_COUNT_TRY = """
    UPDATE jobs.job SET attempts = attempts + 1 WHERE id = ANY ($1) AND status = 'picked' AND queue_manager_id = $2
    RETURNING id, attempts
"""
_GIVE_BACK = """
    WITH mine AS (
        SELECT job.id, outcome.verdict, outcome.pause, (job.headers ->> 'again')::timestamptz AS again,
               CASE outcome.verdict WHEN 'let_go' THEN job.headers ->> 'error' ELSE outcome.error END AS error
        FROM jobs.job JOIN unnest($2::bigint[], $3::text[], $4::interval[], $5::text[])
            AS outcome (id, verdict, pause, error) ON outcome.id = job.id
        WHERE job.status = 'picked' AND job.queue_manager_id = $1
        ORDER BY job.id FOR UPDATE OF job
    ), ended AS (
        DELETE FROM jobs.job USING mine WHERE job.id = mine.id AND mine.verdict = 'done' AND mine.again IS NULL
    )
    UPDATE jobs.job SET
        status = (CASE WHEN mine.verdict = 'dead' AND mine.again IS NULL THEN 'failed' ELSE 'queued' END)
                 ::jobs.job_status,
        attempts = CASE WHEN mine.verdict = 'retry' OR mine.verdict = 'dead' AND mine.again IS NULL THEN job.attempts
                        WHEN mine.verdict = 'let_go' THEN job.attempts - 1 ELSE 0 END,
        execute_after = CASE WHEN mine.verdict IN ('recur', 'retry') THEN least(mine.again, now() + mine.pause)
                             ELSE coalesce(mine.again, job.execute_after) END,
        headers = jsonb_strip_nulls(
            coalesce(job.headers, '{}') || jsonb_build_object('again', NULL, 'error', mine.error)),
        queue_manager_id = NULL, slot = NULL, updated = now()
    FROM mine WHERE job.id = mine.id AND NOT (mine.verdict = 'done' AND mine.again IS NULL)
"""
_KEEP = """
    UPDATE jobs.job SET heartbeat = now() WHERE id = ANY ($1) AND status = 'picked' AND queue_manager_id = $2
"""
_RELEASE = """
    UPDATE jobs.job SET status = 'queued', queue_manager_id = NULL, slot = NULL, updated = now()
    WHERE queue_manager_id = $2 AND status = 'picked' AND id <> ALL ($1)
"""
_RECUR = """
    INSERT INTO jobs.job (priority, entrypoint, payload, dedupe_key, headers, status)
    SELECT 0, name, '{}', name || ':recurring', '{"recurring": true}', 'queued' FROM unnest($1::text[]) AS name
    WHERE NOT EXISTS (SELECT FROM jobs.job WHERE dedupe_key = name || ':recurring' AND status IN ('queued', 'picked'))
    ON CONFLICT DO NOTHING
"""
_FORGET = """
    DELETE FROM jobs.job WHERE headers ? 'recurring' AND status = 'queued' AND entrypoint <> ALL ($1::text[])
    AND execute_after < now() - interval '1 minute'
"""


class PgQueue:
    """`JobQueue` on one connection, for one task.

    worker: its own identity; lease: after which a worker that was not heard of has lost its jobs; places, recurring: as
    in `OpenQueue`.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        worker: UUID,
        lease: timedelta,
        places: Mapping[str, int],
        recurring: Sequence[str],
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._places = {
            QueueEntrypoint(kind): EntrypointExecutionParameter(concurrency_limit=number)
            for kind, number in places.items()
        }
        self._recurring = list(recurring)
        self._lease = lease
        self._queries = Queries(
            AsyncpgDriver(connection), qbe=QueryBuilderEnvironment(SETTINGS), qbq=QueryQueueBuilder(SETTINGS)
        )

    async def claim(self, limit: int, *, running: Collection[int]) -> list[Claimed]:
        """Take up to so many jobs that are due."""
        taken = await self._queries.dequeue(
            batch_size=limit,
            entrypoints=self._places,
            queue_manager_id=QueueManagerId(self._worker),
            global_concurrency_limit=None,
            heartbeat_timeout=self._lease,
        )
        new = {int(job.id): job for job in taken if job.id not in running}  # its own, where it was late to keep them
        if not new:
            return []
        counted = await self._connection.fetch(_COUNT_TRY, list(new), self._worker)
        tries = {row["id"]: row["attempts"] for row in counted}
        return [
            Claimed(id_, job.entrypoint, msgspec.json.decode(job.payload or b"{}", type=dict[str, str]), tries[id_])
            for id_, job in new.items()
            if id_ in tries
        ]

    async def give_back(self, outcomes: Sequence[Outcome]) -> None:
        """Say how these ended, in one statement."""
        await self._connection.execute(
            _GIVE_BACK,
            self._worker,
            [outcome.id for outcome in outcomes],
            [outcome.verdict.value for outcome in outcomes],
            [timedelta(seconds=outcome.pause_seconds) for outcome in outcomes],
            [outcome.error for outcome in outcomes],
        )

    async def keep(self, held: Collection[int]) -> None:
        """Say that this worker lives, and has these; and see to the schedule's entries."""
        await self._connection.execute(_KEEP, list(held), self._worker)
        await self._connection.execute(_RECUR, self._recurring)
        await self._connection.execute(_FORGET, self._recurring)

    async def resume(self, held: Collection[int]) -> None:
        """Give back at once what this worker has without knowing."""
        await self._connection.execute(_RELEASE, list(held), self._worker)


@asynccontextmanager
async def open_queue(
    database: Database,
    worker: UUID,
    lease: timedelta,
    wake: Callable[[], None],
    *,
    places: Mapping[str, int],
    recurring: Sequence[str],
) -> AsyncIterator[PgQueue]:
    """`OpenQueue` for one worker, on a connection of its own."""
    async with database.apart(statement_timeout_seconds=STATEMENT_SECONDS) as connection:
        connection.add_termination_listener(lambda *_: wake())
        await connection.add_listener(job_tables.CHANNEL, lambda *_: wake())
        yield PgQueue(connection, worker, lease, places, recurring)
