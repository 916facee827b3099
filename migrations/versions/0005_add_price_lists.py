"""Add price lists: prices in other currencies, reductions by promotions of the catalogue, and every price's history.

Revision ID: 0005
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Text,
)

MOMENT = DateTime(timezone=True)

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Additions only: what runs on the version before goes on running."""
    op.add_column("promotion", Column("revision", Integer, server_default="1", nullable=False))
    op.add_column("promotion", Column("applied_revision", Integer, server_default="0", nullable=False))
    op.add_column("variant_price", Column("list_minor", BigInteger, nullable=True))
    op.add_column("variant_price", Column("list_compare_at_minor", BigInteger, nullable=True))
    op.add_column("variant_price", Column("promotion_id", Integer, nullable=True))
    op.create_foreign_key(
        op.f("variant_price_promotion_id_fkey"), "variant_price", "promotion", ["promotion_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("variant_price_reduced_by_promotion_check"),
        "variant_price",
        "(promotion_id IS NULL) = (list_minor IS NULL) AND amount_minor <= coalesce(list_minor, amount_minor)",
    )
    op.create_index(op.f("variant_price_promotion_id_idx"), "variant_price", ["promotion_id"])
    op.create_table(
        "price_change",
        Column("variant_id", Integer, nullable=False),
        Column("currency", Text, nullable=False),
        Column("changed_at", MOMENT, nullable=False),
        Column("amount_minor", BigInteger, nullable=False),
        ForeignKeyConstraint(["variant_id"], ["variant.id"], name=op.f("price_change_variant_id_fkey")),
        PrimaryKeyConstraint("variant_id", "currency", "changed_at", name=op.f("price_change_pkey")),
    )
    op.create_table(
        "product_price",
        Column("product_id", Integer, nullable=False),
        Column("currency", Text, nullable=False),
        Column("price_min_minor", BigInteger, nullable=False),
        Column("price_max_minor", BigInteger, nullable=False),
        Column("on_sale", Boolean, nullable=False),
        ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("product_price_product_id_fkey")),
        PrimaryKeyConstraint("product_id", "currency", name=op.f("product_price_pkey")),
    )
    op.create_index(
        op.f("product_price_currency_price_min_minor_product_id_idx"),
        "product_price",
        ["currency", "price_min_minor", "product_id"],
    )
