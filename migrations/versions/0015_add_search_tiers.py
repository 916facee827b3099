"""Tiers of the most popular products, finer samples, and what categories and attributes are called elsewhere.

Until the next refresh (the worker's, or `cartograph search refresh`) no product is in a tier: everything is found, by
the slower way. `cartograph search rebuild` also brings the rows into the order in which they are read.

Revision ID: 0015
"""

from alembic import op
from sqlalchemy import Column, ForeignKeyConstraint, Integer, PrimaryKeyConstraint, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0015"
down_revision = "0014"

NOBODY = "{2147483647,2147483647,2147483647}"  # is in any of the three tiers


def upgrade() -> None:
    """One transaction, so a failure leaves nothing behind."""
    op.drop_column("product_search", "head")  # and its two indexes
    op.add_column("product_search", Column("tier", SmallInteger, nullable=False, server_default="0"))
    op.alter_column("product_search", "tier", server_default=None)
    for tier in (1, 2, 3):
        for what in ("name", "text"):
            _create_gin(f"product_search_tier_{tier}_{what}_idx", what, f"tier >= {tier}")
    for sample in (8, 512):
        op.drop_index(f"product_search_sample_{sample}_idx")
    for sample in (4, 16, 256, 1_024):
        _create_gin(f"product_search_sample_{sample}_idx", "text", f"(hashint4(product_id) & {sample - 1}) = 0")
    _create_translations()
    op.drop_column("search_state", "head_popularity")
    op.add_column("search_state", Column("tier_popularity", ARRAY(Integer), nullable=False, server_default=NOBODY))
    op.alter_column("search_state", "tier_popularity", server_default=None)


def _create_translations() -> None:
    op.create_index(op.f("product_translation_language_idx"), "product_translation", ["language"], unique=False)
    op.create_table(
        "category_translation",
        Column("category_id", Integer, nullable=False),
        Column("language", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("description", Text, nullable=False),
        ForeignKeyConstraint(["category_id"], ["category.id"], name=op.f("category_translation_category_id_fkey")),
        PrimaryKeyConstraint("category_id", "language", name=op.f("category_translation_pkey")),
    )
    op.create_table(
        "facet_translation",
        Column("slug", Text, nullable=False),
        Column("language", Text, nullable=False),
        Column("value", Text, nullable=False),
        Column("label", Text, nullable=False),
        PrimaryKeyConstraint("slug", "language", "value", name=op.f("facet_translation_pkey")),
    )


def _create_gin(name: str, what: str, where: str) -> None:
    op.create_index(
        name,
        "product_search",
        [f"{what}_vector", "facet_ids"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text(where),
    )
