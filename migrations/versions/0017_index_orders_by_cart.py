"""Find a cart's orders by an index, canceled ones too: a cart that was paid shows its order even if that was canceled.

Revision ID: 0017
"""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_index(op.f("orders_cart_id_idx"), "orders", ["cart_id"])
