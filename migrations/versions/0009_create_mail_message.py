"""Create the table of e-mails.

Revision ID: 0009
"""

from alembic import op
from sqlalchemy import CheckConstraint, Column, DateTime, PrimaryKeyConstraint, Text, text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"

moment = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "mail_message",
        Column("key", Text, nullable=False),
        Column("template", Text, nullable=False),
        Column("recipient", Text),
        Column("language", Text, nullable=False),
        Column("data", JSONB),
        Column("state", Text, nullable=False, server_default="waiting"),
        Column("posted_at", moment, nullable=False, server_default=text("now()")),
        Column("ended_at", moment),
        Column("reason", Text),
        PrimaryKeyConstraint("key", name="mail_message_pkey"),
        CheckConstraint("state IN ('waiting', 'sent', 'failed')", name=op.f("mail_message_state_check")),
        CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name=op.f("mail_message_ended_check")),
        CheckConstraint(
            "(state = 'sent') = (recipient IS NULL) AND (state = 'sent') = (data IS NULL)",
            name=op.f("mail_message_forgotten_check"),
        ),
        CheckConstraint("(state = 'failed') = (reason IS NOT NULL)", name=op.f("mail_message_reason_check")),
    )
    op.create_index("mail_message_ended_at_idx", "mail_message", ["ended_at"])
    op.create_index("mail_message_failed_idx", "mail_message", ["ended_at"], postgresql_where=text("state = 'failed'"))
