"""Refunds, whose states are logged like all others, and which never come to more than their payment.

Revision ID: 0010
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    column,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

KEY, MOMENT = UUID(as_uuid=True), DateTime(timezone=True)
_EDGES = {"": "pending", "pending": "succeeded failed", "succeeded": "failed"}
# the payment's row is locked first, so that of refunds at the same time each sees those before it
_CHECK = """
CREATE FUNCTION check_refunds_of_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paid payment_attempt%ROWTYPE;
    taken bigint;
BEGIN
    SELECT * INTO paid FROM payment_attempt WHERE id = NEW.attempt_id FOR NO KEY UPDATE;
    SELECT sum(amount_minor) INTO taken FROM refund WHERE attempt_id = NEW.attempt_id AND state <> 'failed';
    IF taken > paid.amount_minor OR NEW.currency <> paid.currency THEN
        RAISE EXCEPTION 'refunds of the payment come to % %, it was % %', taken, NEW.currency, paid.amount_minor,
            paid.currency USING ERRCODE = 'check_violation', TABLE = 'refund', CONSTRAINT = 'refund_within_payment';
    END IF;
    RETURN NULL;
END
$$
"""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Additions: what runs on the version before goes on running."""
    op.create_table(
        "refund",
        Column("id", KEY, nullable=False),
        Column("order_id", KEY, nullable=False),
        Column("attempt_id", KEY, nullable=False),
        Column("intent_id", Text, nullable=False),
        Column("currency", Text, nullable=False),
        Column("amount_minor", BigInteger, nullable=False),
        Column("state", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("provider_id", Text, nullable=True),
        Column("failure", Text, nullable=True),
        Column("created_at", MOMENT, nullable=False),
        Column("updated_at", MOMENT, nullable=False),
        Column("sent_at", MOMENT, nullable=True),
        CheckConstraint("amount_minor > 0", name=op.f("refund_amount_positive_check")),
        CheckConstraint("state IN ('pending', 'succeeded', 'failed')", name=op.f("refund_state_known_check")),
        CheckConstraint(
            "state <> 'succeeded' OR provider_id IS NOT NULL", name=op.f("refund_made_at_the_provider_check")
        ),
        ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("refund_order_id_fkey")),
        ForeignKeyConstraint(["attempt_id"], ["payment_attempt.id"], name=op.f("refund_attempt_id_fkey")),
        PrimaryKeyConstraint("id", name=op.f("refund_pkey")),
        UniqueConstraint("provider_id", name=op.f("refund_provider_id_key")),
    )
    op.create_index(op.f("refund_attempt_id_idx"), "refund", ["attempt_id"])
    op.create_index(op.f("refund_order_id_idx"), "refund", ["order_id"])
    op.create_index(op.f("refund_updated_at_idx"), "refund", ["updated_at"], postgresql_where=text("state = 'pending'"))
    op.bulk_insert(
        table("state_edge", column("machine", Text), column("before", Text), column("after", Text)),
        [
            {"machine": "refund", "before": before, "after": after}
            for before, followers in _EDGES.items()
            for after in followers.split()
        ],
    )
    op.execute(_CHECK)
    op.execute(
        "CREATE TRIGGER within_payment AFTER INSERT OR UPDATE OF state, amount_minor, currency, attempt_id ON refund"
        " FOR EACH ROW EXECUTE FUNCTION check_refunds_of_payment()"
    )
    op.execute(
        "CREATE TRIGGER log_refund AFTER INSERT OR UPDATE OF state ON refund"
        " FOR EACH ROW EXECUTE FUNCTION log_state_change('refund', 'state', 'id')"
    )
