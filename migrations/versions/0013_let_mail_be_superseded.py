"""Let an e-mail that waits be superseded by a newer one: it is not sent, and forgotten as if it were.

Revision ID: 0013
"""

from alembic import op

revision = "0013"
down_revision = "0012"

CHECKS = {
    "mail_message_state_check": "state IN ('waiting', 'sent', 'superseded', 'failed')",
    "mail_message_forgotten_check": (
        "(state IN ('sent', 'superseded')) = (recipient IS NULL) AND (state IN ('sent', 'superseded')) = (data IS NULL)"
    ),
}


def upgrade() -> None:
    for name, condition in CHECKS.items():
        op.drop_constraint(name, "mail_message")
        op.create_check_constraint(op.f(name), "mail_message", condition)
