"""Jobs' SQL on the side that writes them. See ADR-0026.

It goes through SQLAlchemy's connection on purpose: what is sent past it as the first statement of a
transaction comes before the BEGIN, and stays when the transaction is rolled back.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from app.database.metadata import moment
from app.jobs.domain import Job, merged

# What waits moves to the earlier time; what runs is marked to be run again after it. Either way the row is locked until
# this transaction ends, so nobody takes the job, or lets go of it, without what the transaction has written.
_ENQUEUE = text("""
    INSERT INTO jobs.job AS job (priority, entrypoint, payload, dedupe_key, execute_after, status)
    SELECT 0, new.kind, new.payload, new.dedupe_key, coalesce(new.due_at, now()), 'queued'
    FROM unnest(:kinds, :payloads, :keys, :due) WITH ORDINALITY AS new (kind, payload, dedupe_key, due_at, place)
    ORDER BY new.dedupe_key, new.place
    ON CONFLICT (dedupe_key) WHERE status IN ('queued', 'picked') AND dedupe_key IS NOT NULL
    DO UPDATE SET
        execute_after = CASE job.status WHEN 'queued' THEN least(job.execute_after, excluded.execute_after)
                                        ELSE job.execute_after END,
        headers = CASE job.status WHEN 'queued' THEN job.headers ELSE coalesce(job.headers, '{}') || jsonb_build_object(
            'again', least((job.headers ->> 'again')::timestamptz, excluded.execute_after)) END
""").bindparams(
    bindparam("kinds", type_=ARRAY(Text)),
    bindparam("payloads", type_=ARRAY(BYTEA)),
    bindparam("keys", type_=ARRAY(Text)),
    bindparam("due", type_=ARRAY(moment)),
)


class SqlJobs:
    """`JobStore` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def enqueue(self, *jobs: Job) -> None:
        """Have the worker do these, once the transaction has been committed."""
        new = merged((), jobs)
        if not new:
            return
        values = {
            "kinds": [job.kind for job in new],
            "payloads": [msgspec.json.encode(dict(job.payload)) for job in new],
            "keys": [None if job.key is None else f"{job.kind}:{job.key}" for job in new],
            "due": [job.not_before for job in new],
        }
        await self._connection.execute(_ENQUEUE, values)
