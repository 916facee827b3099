"""The table of e-mails: those that wait, with what they are to say, and what became of the others. See ADR-0027."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB

from app.database.metadata import metadata, moment

mail_message = Table(
    "mail_message",
    metadata,
    Column("key", Text, primary_key=True),
    Column("template", Text, nullable=False),
    Column("recipient", Text),
    Column("language", Text, nullable=False),
    Column("data", JSONB),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("posted_at", moment, nullable=False, server_default=func.now()),
    Column("ended_at", moment),
    Column("reason", Text),  # of a failure
    CheckConstraint("state IN ('waiting', 'sent', 'superseded', 'failed')", name="state"),
    CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name="ended"),
    # the address and the links of what was sent, or need not be, are forgotten at once
    CheckConstraint(
        "(state IN ('sent', 'superseded')) = (recipient IS NULL)"
        " AND (state IN ('sent', 'superseded')) = (data IS NULL)",
        name="forgotten",
    ),
    CheckConstraint("(state = 'failed') = (reason IS NOT NULL)", name="reason"),
    Index(None, "ended_at"),
    Index("mail_message_failed_idx", "ended_at", postgresql_where=text("state = 'failed'")),
)
