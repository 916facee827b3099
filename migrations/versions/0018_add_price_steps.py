"""Steps of the order by price, and the words of each, for words by price.

Until the index is built anew (the worker does it within the hour where there are many products, or `cartograph search
rebuild`) the order has no steps: everything is found, by the slower way. Processes of the release before write rows
without keys: build the index when they are gone.

Revision ID: 0018
"""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, text
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0018"
down_revision = "0017"

WORD_KEY = """
CREATE FUNCTION word_key(word text, step integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ((hashtext(word) & 16383) << 8) | step
$$
"""
WORD_KEYS = """
CREATE FUNCTION word_keys(words tsvector, step integer) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT AS $$
    SELECT array_agg(word_key(word, step)) FROM unnest(tsvector_to_array(words)) AS word
$$
"""


def upgrade() -> None:
    """One transaction, so a failure leaves nothing behind."""
    op.execute(WORD_KEY)
    op.execute(WORD_KEYS)
    array = ARRAY(BigInteger)
    op.add_column("search_state", Column("price_steps", array, nullable=False, server_default="{}"))
    op.add_column("search_state", Column("built_count", Integer, nullable=False, server_default="0"))
    op.add_column("product_price_order", Column("keys", ARRAY(Integer)))
    op.create_index(
        "product_price_order_keys_idx",
        "product_price_order",
        ["keys"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text("keys IS NOT NULL"),
    )
