"""Whose an order is, and by which address a guest's orders and carts are found.

Revision ID: 0014
"""

from alembic import op
from sqlalchemy import Column, text
from sqlalchemy.dialects.postgresql import UUID

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Additions: what runs on the version before goes on running. Orders belong to whoever their cart belongs to."""
    op.add_column("orders", Column("customer_id", UUID))
    op.execute("UPDATE orders SET customer_id = cart.customer_id FROM cart WHERE cart.id = orders.cart_id")
    op.create_index(
        "orders_customer_idx",
        "orders",
        ["customer_id", "placed_at", "id"],
        postgresql_where=text("customer_id IS NOT NULL"),
    )
    op.create_index("orders_guest_idx", "orders", [text("lower(email)")], postgresql_where=text("customer_id IS NULL"))
    op.create_index(
        "cart_guest_idx",
        "cart",
        [text("lower(email)")],
        postgresql_where=text("customer_id IS NULL AND email IS NOT NULL"),
    )
