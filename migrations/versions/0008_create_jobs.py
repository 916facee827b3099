"""Create the tables of jobs, in the shape that pgqueuer 1.6's statements want.

They are written down here instead of asked of pgqueuer: this makes the same tables whichever version is installed.

Revision ID: 0008
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    Text,
    TextClause,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA, ENUM, JSONB, UUID

revision = "0008"
down_revision = "0007"

STATES = ("queued", "picked", "successful", "exception", "canceled", "deleted", "failed")
status = ENUM(*STATES, name="job_status", schema="jobs", create_type=False)
# a worker that waits hears of new jobs as soon as they are committed
TELL = """
    CREATE FUNCTION jobs.tell() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('cartograph_jobs', ''); RETURN NULL; END $$
"""
TELL_OF_NEW = "CREATE TRIGGER tell AFTER INSERT ON jobs.job FOR EACH STATEMENT EXECUTE FUNCTION jobs.tell()"
# what pgqueuer would note of every job that is taken: of short jobs there would be more history than anything else
FORGET = "CREATE FUNCTION jobs.forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
FORGET_LOG = "CREATE TRIGGER forget BEFORE INSERT ON jobs.job_log FOR EACH ROW EXECUTE FUNCTION jobs.forget()"


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), server_default=text("now()"), nullable=False)


def upgrade() -> None:
    """A schema that nothing else refers to."""
    op.execute("CREATE SCHEMA jobs")
    status.create(op.get_bind())
    op.create_table(
        "job",
        Column("id", BigInteger, nullable=False),
        Column("priority", Integer, nullable=False),
        Column("queue_manager_id", UUID, nullable=True),
        _now("created"),
        _now("updated"),
        _now("heartbeat"),
        _now("execute_after"),
        Column("status", status, nullable=False),
        Column("entrypoint", Text, nullable=False),
        Column("dedupe_key", Text, nullable=True),
        Column("payload", BYTEA, nullable=True),
        Column("headers", JSONB, nullable=True),
        Column("attempts", Integer, server_default="0", nullable=False),
        Column("slot", BigInteger, nullable=True),
        PrimaryKeyConstraint("id", name="job_pkey"),
        schema="jobs",
    )
    indexes: tuple[tuple[str, list[str | TextClause], bool, str], ...] = (
        ("job_ep_prio_id_idx", ["entrypoint", text("priority DESC"), "id"], False, "status = 'queued'"),
        ("job_ep_ea_idx", ["entrypoint", "execute_after"], False, "status = 'queued'"),
        ("job_picked_heartbeat_idx", ["heartbeat"], False, "status = 'picked'"),
        ("job_queue_manager_id_idx", ["queue_manager_id"], False, "queue_manager_id IS NOT NULL"),
        ("job_unique_dedupe_key", ["dedupe_key"], True, "status IN ('queued', 'picked') AND dedupe_key IS NOT NULL"),
        ("job_picked_slot_idx", ["entrypoint", "slot"], True, "status = 'picked' AND slot IS NOT NULL"),
    )
    for name, columns, unique, where in indexes:
        op.create_index(name, "job", columns, unique=unique, schema="jobs", postgresql_where=text(where))
    op.create_table(
        "job_log",
        Column("id", BigInteger, Identity(), nullable=False),
        _now("created"),
        Column("job_id", BigInteger, nullable=False),
        Column("status", status, nullable=False),
        Column("priority", Integer, nullable=False),
        Column("entrypoint", Text, nullable=False),
        Column("traceback", JSONB, nullable=True),
        Column("aggregated", Boolean, server_default=text("false"), nullable=True),
        PrimaryKeyConstraint("id", name="job_log_pkey"),
        schema="jobs",
    )
    op.create_table(
        "pace",
        Column("name", Text, nullable=False),
        Column("free_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("name", name="pace_pkey"),
        schema="jobs",
    )
    for statement in (TELL, TELL_OF_NEW, FORGET, FORGET_LOG):
        op.execute(statement)
