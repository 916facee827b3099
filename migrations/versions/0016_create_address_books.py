"""Customers' address books, and which accounts were deleted.

Revision ID: 0016
"""

from alembic import op
from sqlalchemy import Boolean, Column, DateTime, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0016"
down_revision = "0015"

SCHEMA = "accounts"


def upgrade() -> None:
    """Additions: what runs on the version before goes on running."""
    op.create_table(
        "saved_address",
        Column("id", UUID, nullable=False),
        Column("customer_id", UUID, nullable=False),
        Column("address", JSONB, nullable=False),
        Column("is_default_shipping", Boolean, nullable=False),
        Column("is_default_billing", Boolean, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("id", name=op.f("saved_address_pkey")),
        schema=SCHEMA,
    )
    op.create_index(op.f("saved_address_customer_id_idx"), "saved_address", ["customer_id"], schema=SCHEMA)
    for kind in ("shipping", "billing"):
        op.create_index(
            f"saved_address_one_{kind}_idx",
            "saved_address",
            ["customer_id"],
            unique=True,
            schema=SCHEMA,
            postgresql_where=text(f"is_default_{kind}"),
        )
    op.create_table(
        "deleted_customer",
        Column("id", UUID, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("id", name=op.f("deleted_customer_pkey")),
        schema=SCHEMA,
    )
    op.create_index(op.f("deleted_customer_at_idx"), "deleted_customer", ["at"], schema=SCHEMA)
