"""Log every change of a state, refuse what is not drawn, and let payments wait in a queue.

Revision ID: 0007
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    Text,
)

MOMENT = DateTime(timezone=True)
_EDGES = {
    "attempt": {
        "": "pending",
        "pending": "queued action_required processing succeeded failed canceled",
        "queued": "action_required processing succeeded failed canceled",
        "action_required": "processing succeeded failed canceled",
        "processing": "action_required succeeded failed canceled",
    },
    "order": {"": "pending", "pending": "confirmed canceled", "confirmed": "completed canceled"},
    "order_payment": {
        "": "pending",
        "pending": "action_required delayed paid failed",
        "action_required": "pending paid failed",
        "delayed": "pending action_required paid failed",
        "paid": "partially_refunded refunded",
        "partially_refunded": "paid refunded",
        "refunded": "paid partially_refunded",
    },
    "reservation": {"": "held", "held": "sold released", "sold": "returned"},
}
_WATCHED = (  # table, machine, the state's column, the key's columns
    ("orders", "order", "status", ("id",)),
    ("orders", "order_payment", "payment_status", ("id",)),
    ("payment_attempt", "attempt", "state", ("id",)),
    ("reservation", "reservation", "state", ("order_id", "variant_id")),
)
_LOG = """
CREATE FUNCTION log_state_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_now jsonb := to_jsonb(NEW);
    was text := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ->> TG_ARGV[1] ELSE '' END;
BEGIN
    IF was IS DISTINCT FROM is_now ->> TG_ARGV[1] THEN
        INSERT INTO state_change (at, machine, subject, before, after)
        VALUES (clock_timestamp(), TG_ARGV[0], concat_ws('/', is_now ->> TG_ARGV[2], is_now ->> TG_ARGV[3]),
                was, is_now ->> TG_ARGV[1]);
    END IF;
    RETURN NULL;
END
$$
"""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Additions, and wider checks: what runs on the version before goes on running."""
    edges = op.create_table(
        "state_edge",
        Column("machine", Text, nullable=False),
        Column("before", Text, nullable=False),
        Column("after", Text, nullable=False),
        PrimaryKeyConstraint("machine", "before", "after", name=op.f("state_edge_pkey")),
    )
    op.create_table(
        "state_change",
        Column("id", BigInteger, Identity(always=True), nullable=False),
        Column("at", MOMENT, nullable=False),
        Column("machine", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("before", Text, nullable=False),
        Column("after", Text, nullable=False),
        ForeignKeyConstraint(
            ["machine", "before", "after"],
            ["state_edge.machine", "state_edge.before", "state_edge.after"],
            name=op.f("state_change_machine_fkey"),
        ),
        PrimaryKeyConstraint("id", name=op.f("state_change_pkey")),
    )
    op.create_index(op.f("state_change_subject_machine_idx"), "state_change", ["subject", "machine"])
    op.bulk_insert(
        edges,
        [
            {"machine": machine, "before": before, "after": after}
            for machine, drawn in _EDGES.items()
            for before, followers in drawn.items()
            for after in followers.split()
        ],
    )
    _let_payments_wait()
    op.execute(_LOG)
    for table, machine, column, key in _WATCHED:
        named = ", ".join(f"'{word}'" for word in (machine, column, *key))
        op.execute(
            f"CREATE TRIGGER log_{machine} AFTER INSERT OR UPDATE OF {column} ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION log_state_change({named})"
        )


def _let_payments_wait() -> None:
    op.add_column("payment_attempt", Column("tries", Integer, server_default="0", nullable=False))
    for name in ("sent_at", "queued_at", "cancel_requested_at"):
        op.add_column("payment_attempt", Column(name, MOMENT, nullable=True))
    _replace_check(
        "payment_attempt",
        "state_known",
        "state IN ('pending', 'queued', 'action_required', 'processing', 'succeeded', 'failed', 'canceled')",
    )
    _replace_check("reservation", "state_known", "state IN ('held', 'sold', 'released', 'returned')")
    op.create_check_constraint(
        op.f("orders_payment_status_known_check"),
        "orders",
        "payment_status IN"
        " ('pending', 'action_required', 'delayed', 'paid', 'partially_refunded', 'refunded', 'failed')",
    )


def _replace_check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"{table}_{name}_check"), table)
    op.create_check_constraint(op.f(f"{table}_{name}_check"), table, condition)
