"""The jobs as people see and change them: which there are, the dead ones tried again, or removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Row, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from app.database.engine import Database
from app.jobs.domain import JobCounts, JobReport, JobsNotChanged, JobState

_IDS = bindparam("ids", type_=ARRAY(BigInteger))
_STATUSES = {JobState.DEAD: "failed", JobState.RUNNING: "picked", JobState.WAITING: "queued"}
_STATES = {status: state for state, status in _STATUSES.items()}
_REPORT = """
    SELECT id, entrypoint, dedupe_key, status::text, coalesce((headers ->> 'recurring')::boolean, false) AS recurring,
           attempts, created, CASE status WHEN 'queued' THEN execute_after ELSE updated END AS due_at,
           headers ->> 'error' AS error
    FROM jobs.job
"""
_LIST = text(
    _REPORT
    + """
    WHERE status::text = ANY (:statuses)
    ORDER BY array_position(:statuses, status::text), due_at, id LIMIT :limit
"""
).bindparams(bindparam("statuses", type_=ARRAY(Text)))
_LOCK = text(_REPORT + "WHERE id = ANY (:ids) ORDER BY id FOR UPDATE").bindparams(_IDS)
_COUNT = text("""
    SELECT entrypoint, count(*) FILTER (WHERE status = 'queued' AND execute_after <= now()) AS waiting,
           count(*) FILTER (WHERE status = 'picked') AS running, count(*) FILTER (WHERE status = 'failed') AS dead,
           coalesce(extract(epoch FROM now() - min(execute_after) FILTER (WHERE status = 'queued')), 0) AS oldest
    FROM jobs.job GROUP BY entrypoint ORDER BY entrypoint
""")
_TAKEN = text("""
    SELECT dead.id FROM jobs.job AS dead JOIN jobs.job AS other USING (dedupe_key)
    WHERE dead.id = ANY (:ids) AND dead.status = 'failed'
      AND (other.status IN ('queued', 'picked') OR other.id = ANY (:ids) AND other.id > dead.id)
""").bindparams(_IDS)
_RETRY = text("""
    UPDATE jobs.job SET status = 'queued', attempts = 0, execute_after = now(), updated = now() WHERE id = ANY (:ids)
""").bindparams(_IDS)
_REMOVE = text("DELETE FROM jobs.job WHERE id = ANY (:ids)").bindparams(_IDS)
_HURRY = text("UPDATE jobs.job SET execute_after = now() WHERE headers ? 'recurring' AND status = 'queued'")


class SqlJobDesk:
    """Looks after the jobs, on the primary."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(self, states: Sequence[JobState], *, limit: int) -> list[JobReport]:
        """The jobs in these states, state by state in this order, whichever is due first."""
        values = {"statuses": [_STATUSES[state] for state in states], "limit": limit}
        async with self._database.read_fresh() as connection:
            return [_report(row) for row in await connection.execute(_LIST, values)]

    async def counts(self) -> list[JobCounts]:
        """How many jobs there are, by kind."""
        async with self._database.read_fresh() as connection:
            return [
                JobCounts(row.entrypoint, row.waiting, row.running, row.dead, max(float(row.oldest), 0.0))
                for row in await connection.execute(_COUNT)
            ]

    async def retry(self, ids: Sequence[int]) -> None:
        """Have dead jobs tried again, with all their tries, and waiting ones at once.

        Raises JobsNotChanged, and changes nothing, where one of them is not there, runs, or has a successor.
        """
        async with self._database.write() as connection:
            faults = await _faults(connection, ids)
            taken = (await connection.execute(_TAKEN, {"ids": ids})).scalars()
            faults += [f"job {each}: another one of its key is to run, or runs; remove this one" for each in taken]
            if faults:
                raise JobsNotChanged(faults)
            await connection.execute(_RETRY, {"ids": ids})

    async def remove(self, ids: Sequence[int]) -> None:
        """Remove jobs that wait or are dead, undone.

        Raises JobsNotChanged, and removes none, where one of them is not there, runs, or belongs to the schedule.
        """
        async with self._database.write() as connection:
            faults = await _faults(connection, ids, keep_recurring=True)
            if faults:
                raise JobsNotChanged(faults)
            await connection.execute(_REMOVE, {"ids": ids})

    async def hurry_recurring(self) -> None:
        """Have every entry of the schedule run at once: after a migration, what they keep may be gone."""
        async with self._database.write() as connection:
            await connection.execute(_HURRY)


async def _faults(connection: AsyncConnection, ids: Sequence[int], *, keep_recurring: bool = False) -> list[str]:
    """Lock the jobs; why they cannot be changed."""
    found = {row.id: _report(row) for row in await connection.execute(_LOCK, {"ids": ids})}
    faults = [f"there is no job {id_}: see `cartograph jobs list`" for id_ in ids if id_ not in found]
    for report in found.values():
        if report.state is JobState.RUNNING:
            faults.append(f"job {report.id} is running: wait until it has ended")
        elif report.recurring and keep_recurring:
            faults.append(f"job {report.id} belongs to the worker's schedule: it stays")
    return faults


def _report(row: Row[Any]) -> JobReport:
    key = None if row.dedupe_key is None else row.dedupe_key.removeprefix(f"{row.entrypoint}:")
    return JobReport(
        id=row.id,
        kind=row.entrypoint,
        key=key,
        state=_STATES[row.status],
        recurring=row.recurring,
        tries=row.attempts,
        created_at=row.created,
        due_at=row.due_at,
        error=row.error,
    )
