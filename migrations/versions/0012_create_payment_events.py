"""Create the tables of what the payment provider says by itself: events, disputes, and where it and the shop disagree.

Revision ID: 0012
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

MOMENT = DateTime(timezone=True)

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Tables of their own that nothing else refers to."""
    op.create_table(
        "payment_event",
        Column("id", Text(), nullable=False),
        Column("type", Text(), nullable=False),
        Column("intent_id", Text()),
        Column("attempt_id", UUID(as_uuid=True)),
        Column("created", MOMENT, nullable=False),
        Column("received_at", MOMENT, nullable=False),
        Column("state", Text(), nullable=False),
        Column("tries", Integer(), nullable=False, server_default="0"),
        CheckConstraint(
            "state IN ('applied', 'parked', 'ignored', 'dead')", name=op.f("payment_event_state_known_check")
        ),
        PrimaryKeyConstraint("id", name="payment_event_pkey"),
    )
    op.create_index("payment_event_received_at_idx", "payment_event", ["received_at"])
    op.create_index(
        "payment_event_waiting_idx",
        "payment_event",
        ["received_at"],
        postgresql_where=text("state IN ('parked', 'dead')"),
    )
    op.create_table(
        "payment_dispute",
        Column("id", Text(), nullable=False),
        Column("intent_id", Text(), nullable=False),
        Column("currency", Text(), nullable=False),
        Column("amount_minor", BigInteger(), nullable=False),
        Column("reason", Text(), nullable=False),
        Column("status", Text(), nullable=False),
        Column("stage", SmallInteger(), nullable=False),
        Column("due_by", MOMENT),
        Column("opened_at", MOMENT, nullable=False),
        Column("as_of", MOMENT, nullable=False),
        PrimaryKeyConstraint("id", name="payment_dispute_pkey"),
    )
    op.create_index("payment_dispute_intent_id_idx", "payment_dispute", ["intent_id"])
    op.create_table(
        "payment_finding",
        Column("id", BigInteger(), Identity(always=True), nullable=False),
        Column("kind", Text(), nullable=False),
        Column("subject", Text(), nullable=False),
        Column("detail", Text(), nullable=False),
        Column("order_id", UUID(as_uuid=True)),
        Column("intent_id", Text()),
        Column("first_seen_at", MOMENT, nullable=False),
        Column("last_seen_at", MOMENT, nullable=False),
        Column("resolved_at", MOMENT),
        PrimaryKeyConstraint("id", name="payment_finding_pkey"),
        UniqueConstraint("kind", "subject", name="payment_finding_kind_subject_key"),
    )
    op.create_index(
        "payment_finding_open_idx", "payment_finding", ["first_seen_at"], postgresql_where=text("resolved_at IS NULL")
    )
