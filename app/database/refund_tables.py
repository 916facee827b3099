"""Refunds' table. Two triggers of the migration's stand behind it: one logs its states, and one refuses refunds that
come to more than their payment, or are in another currency. See ADR-0030.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import UUID

from app.database.metadata import metadata, moment

refund = Table(
    "refund",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),  # also the key that makes the provider's calls idempotent
    Column("order_id", UUID(as_uuid=True), ForeignKey("orders.id"), nullable=False),
    Column("attempt_id", UUID(as_uuid=True), ForeignKey("payment_attempt.id"), nullable=False),
    Column("intent_id", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("provider_id", Text, unique=True),
    Column("failure", Text),
    Column("created_at", moment, nullable=False),
    Column("updated_at", moment, nullable=False),
    Column("sent_at", moment),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("state IN ('pending', 'succeeded', 'failed')", name="state_known"),
    CheckConstraint("state <> 'succeeded' OR provider_id IS NOT NULL", name="made_at_the_provider"),
    Index(None, "attempt_id"),
    Index(None, "order_id"),
    Index(None, "updated_at", postgresql_where=text("state = 'pending'")),
)
