"""Add what carts need to be kept, merged and changed exactly once: rules, owners, idempotency keys.

Revision ID: 0003
"""

from alembic import op
from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, ForeignKey, Integer, PrimaryKeyConstraint, Text, text
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, UUID

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """One transaction; every new column has a constant default, so no table is rewritten."""
    op.add_column("variant", Column("quantity_minimum", Integer, server_default="1", nullable=False))
    op.add_column("variant", Column("quantity_maximum", Integer, nullable=True))
    op.add_column("variant", Column("quantity_step", Integer, server_default="1", nullable=False))
    op.create_check_constraint(
        op.f("variant_quantity_rule_check"),
        "variant",
        "quantity_step > 0 AND quantity_minimum > 0 AND quantity_minimum % quantity_step = 0"
        " AND (quantity_maximum IS NULL"
        " OR quantity_maximum >= quantity_minimum AND quantity_maximum % quantity_step = 0)",
    )

    op.add_column("cart", Column("customer_id", UUID, nullable=True))
    op.add_column(
        "cart",
        Column(
            "merged_into",
            UUID,
            ForeignKey("cart.id", name=op.f("cart_merged_into_fkey"), ondelete="SET NULL"),
            nullable=True,
        ),
    )
    op.add_column("cart", Column("merge_report", JSONB(none_as_null=True), nullable=True))
    op.drop_constraint(op.f("cart_state_known_check"), "cart")
    op.create_check_constraint(
        op.f("cart_state_known_check"), "cart", "state IN ('active', 'in_checkout', 'completed', 'merged')"
    )
    op.drop_index(op.f("cart_expires_at_idx"), "cart")
    op.create_index(
        op.f("cart_expires_at_idx"), "cart", ["expires_at"], postgresql_where=text("state IN ('active', 'merged')")
    )
    op.create_index(
        op.f("cart_customer_id_idx"), "cart", ["customer_id"], postgresql_where=text("customer_id IS NOT NULL")
    )
    op.create_index(
        op.f("cart_merged_into_idx"), "cart", ["merged_into"], postgresql_where=text("merged_into IS NOT NULL")
    )

    op.create_table(
        "idempotency_key",
        Column("scope", BYTEA, nullable=False),
        Column("key", Text, nullable=False),
        Column("input_digest", BYTEA, nullable=False),
        Column("has_effect", Boolean, nullable=False),
        Column("subject", UUID, nullable=True),
        Column("faults", JSONB(none_as_null=True), nullable=True),
        Column("answer", BYTEA, nullable=True),
        Column("answer_digest", BYTEA, nullable=True),
        Column("created_at", DateTime(timezone=True), nullable=False),
        CheckConstraint("(answer IS NULL) = (answer_digest IS NULL)", name=op.f("idempotency_key_answer_whole_check")),
        PrimaryKeyConstraint("scope", "key", name=op.f("idempotency_key_pkey")),
    )
    op.create_index(op.f("idempotency_key_created_at_idx"), "idempotency_key", ["created_at"])
