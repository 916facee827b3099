"""The tables of jobs, in a schema of their own: the shape that pgqueuer's statements want. See ADR-0026.

Which columns, and what the unique indexes keep, is pgqueuer's to say: a test holds them against what the installed one
would make. Of its other tables and indexes there is what its taking of jobs needs.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import BYTEA, ENUM, JSONB, UUID

from app.database.metadata import metadata, moment

SCHEMA = "jobs"
CHANNEL = "cartograph_jobs"  # a trigger tells it of new jobs, once they are committed
STATES = ("queued", "picked", "successful", "exception", "canceled", "deleted", "failed")

job_status = ENUM(*STATES, name="job_status", schema=SCHEMA, metadata=metadata)


def _now(name: str) -> Column[object]:
    return Column(name, moment, nullable=False, server_default=text("now()"))


job = Table(
    "job",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("priority", Integer, nullable=False),
    Column("queue_manager_id", UUID(as_uuid=True)),  # the worker that runs it
    _now("created"),
    _now("updated"),
    _now("heartbeat"),  # of that worker: one that has not been heard of for long has lost its jobs
    _now("execute_after"),
    Column("status", job_status, nullable=False),
    Column("entrypoint", Text, nullable=False),  # its kind
    Column("dedupe_key", Text),  # kind and key; null for a job that stands for itself
    Column("payload", BYTEA),
    Column("headers", JSONB),  # error: of the last try; again: when it is to be run after this; recurring
    Column("attempts", Integer, nullable=False, server_default="0"),  # tries begun
    Column("slot", BigInteger),  # which of its kind's places it takes while it runs
    Index(
        "job_ep_prio_id_idx",
        "entrypoint",
        text("priority DESC"),
        "id",
        postgresql_where=text("status = 'queued'"),
    ),
    Index("job_ep_ea_idx", "entrypoint", "execute_after", postgresql_where=text("status = 'queued'")),
    Index("job_picked_heartbeat_idx", "heartbeat", postgresql_where=text("status = 'picked'")),
    Index("job_queue_manager_id_idx", "queue_manager_id", postgresql_where=text("queue_manager_id IS NOT NULL")),
    Index(
        "job_unique_dedupe_key",
        "dedupe_key",
        unique=True,
        postgresql_where=text("status IN ('queued', 'picked') AND dedupe_key IS NOT NULL"),
    ),
    Index(  # pgqueuer's statements know it by its name
        "job_picked_slot_idx",
        "entrypoint",
        "slot",
        unique=True,
        postgresql_where=text("status = 'picked' AND slot IS NOT NULL"),
    ),
    schema=SCHEMA,
)

job_log = Table(  # pgqueuer writes into it; a trigger keeps it empty
    "job_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _now("created"),
    Column("job_id", BigInteger, nullable=False),
    Column("status", job_status, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("entrypoint", Text, nullable=False),
    Column("traceback", JSONB),
    Column("aggregated", Boolean, server_default=text("false")),
    schema=SCHEMA,
)

pace = Table(  # calls that are spread out over time, by all workers together
    "pace",
    metadata,
    Column("name", Text, primary_key=True),
    Column("free_at", moment, nullable=False),  # when the next one may be made
    schema=SCHEMA,
)
