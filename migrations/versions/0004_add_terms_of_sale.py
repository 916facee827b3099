"""Add the terms of sale: delivery, taxes, promotions, and what carts and orders keep of them.

Revision ID: 0004
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

MOMENT = DateTime(timezone=True)

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Additions only: what runs on the version before goes on running."""
    op.create_table(
        "delivery_method",
        Column("id", Integer, Identity(always=True, start=101), nullable=False),
        Column("zone", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("position", Integer, nullable=False),
        Column("name", Text, nullable=False),
        Column("countries", ARRAY(Text), nullable=False),
        Column("regions", ARRAY(Text), nullable=False),
        Column("measure", Text, nullable=False),
        Column("bands", JSONB, nullable=False),
        Column("free_from", JSONB, nullable=False),
        Column("estimated_days", Integer, nullable=True),
        Column("is_pick_up", Boolean, nullable=False),
        Column("tax_class", Text, nullable=False),
        Column("active", Boolean, server_default=text("true"), nullable=False),
        CheckConstraint(
            "measure IN ('nothing', 'weight', 'subtotal')", name=op.f("delivery_method_measure_known_check")
        ),
        PrimaryKeyConstraint("id", name=op.f("delivery_method_pkey")),
        UniqueConstraint("zone", "key", name=op.f("delivery_method_zone_key_key")),
    )
    op.create_table(
        "tax_place",
        Column("country", Text, nullable=False),
        Column("region", Text, nullable=False),
        Column("prices_include_tax", Boolean, nullable=False),
        Column("rates", JSONB, nullable=False),
        PrimaryKeyConstraint("country", "region", name=op.f("tax_place_pkey")),
    )
    op.create_table(
        "promotion",
        Column("id", Integer, Identity(always=True), nullable=False),
        Column("key", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("code", Text, nullable=True),
        Column("effect", JSONB, nullable=False),
        Column("product_ids", ARRAY(Integer), nullable=False),
        Column("category_ids", ARRAY(Integer), nullable=False),
        Column("brands", ARRAY(Text), nullable=False),
        Column("minimum", JSONB, nullable=False),
        Column("first_order_only", Boolean, nullable=False),
        Column("combinable", Boolean, nullable=False),
        Column("starts_at", MOMENT, nullable=True),
        Column("ends_at", MOMENT, nullable=True),
        Column("usage_limit", Integer, nullable=True),
        Column("usage_limit_per_customer", Integer, nullable=True),
        Column("used", Integer, server_default="0", nullable=False),
        Column("active", Boolean, nullable=False),
        CheckConstraint("kind IN ('cart', 'catalog')", name=op.f("promotion_kind_known_check")),
        CheckConstraint(
            "used >= 0 AND used <= coalesce(usage_limit, used)", name=op.f("promotion_never_overused_check")
        ),
        PrimaryKeyConstraint("id", name=op.f("promotion_pkey")),
        UniqueConstraint("key", name=op.f("promotion_key_key")),
        UniqueConstraint("code", name=op.f("promotion_code_key")),
    )
    op.create_table(
        "promotion_use",
        Column("order_id", UUID, nullable=False),
        Column("promotion_id", Integer, nullable=False),
        Column("buyer", Text, nullable=False),
        Column("amount_minor", BigInteger, nullable=False),
        ForeignKeyConstraint(["promotion_id"], ["promotion.id"], name=op.f("promotion_use_promotion_id_fkey")),
        PrimaryKeyConstraint("order_id", "promotion_id", name=op.f("promotion_use_pkey")),
    )
    op.create_index(op.f("promotion_use_promotion_id_buyer_idx"), "promotion_use", ["promotion_id", "buyer"])

    op.add_column("cart", Column("discount_codes", ARRAY(Text), server_default="{}", nullable=False))
    op.add_column("cart", Column("country_code", Text, nullable=True))
    op.add_column("orders", Column("tax_lines", JSONB, server_default="[]", nullable=False))
    op.add_column("orders", Column("delivery_is_pick_up", Boolean, server_default=text("false"), nullable=False))
    op.create_index("orders_buyer_idx", "orders", [text("lower(email)")], postgresql_where=text("status <> 'canceled'"))
    op.add_column("variant", Column("tax_class", Text, server_default="standard", nullable=False))
