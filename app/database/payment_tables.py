"""The tables of what the payment provider says by itself: events, disputes, and findings of the reconciler.

See ADR-0029.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from app.database.metadata import metadata, moment

payment_event = Table(
    "payment_event",
    metadata,
    Column("id", Text, primary_key=True),  # the provider's
    Column("type", Text, nullable=False),
    Column("intent_id", Text),
    Column("attempt_id", UUID(as_uuid=True)),  # what the payment's metadata names; it need not exist
    Column("created", moment, nullable=False),
    Column("received_at", moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    CheckConstraint("state IN ('applied', 'parked', 'ignored', 'dead')", name="state_known"),
    Index(None, "received_at"),
    Index("payment_event_waiting_idx", "received_at", postgresql_where=text("state IN ('parked', 'dead')")),
)

payment_dispute = Table(
    "payment_dispute",
    metadata,
    Column("id", Text, primary_key=True),  # the provider's
    Column("intent_id", Text, nullable=False, index=True),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("status", Text, nullable=False),  # the provider's word
    Column("stage", SmallInteger, nullable=False),  # 0 open, 1 the bank decides, 2 over
    Column("due_by", moment),
    Column("opened_at", moment, nullable=False),
    Column("as_of", moment, nullable=False),  # when the provider said so
)

payment_finding = Table(
    "payment_finding",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),  # the payment, or the order where there is none
    Column("detail", Text, nullable=False),
    Column("order_id", UUID(as_uuid=True)),
    Column("intent_id", Text),
    Column("first_seen_at", moment, nullable=False),
    Column("last_seen_at", moment, nullable=False),
    Column("resolved_at", moment),  # null: somebody has to look at it
    UniqueConstraint("kind", "subject"),
    Index("payment_finding_open_idx", "first_seen_at", postgresql_where=text("resolved_at IS NULL")),
)
