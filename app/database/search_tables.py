"""The tables that product search reads: copies of the catalogue in the shape of its questions. See ADR-0020.

`product_search` has everything that finds, filters and orders a product, in rows of about a kilobyte. Prices and
availability are in no index of it, so that their changes stay in place (HOT).
The tables that a rebuild replaces refer to no other one: dropping the old ones then locks nothing but them.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR

from app.database.metadata import metadata, moment

_WORD = Text(collation="C")  # compared by bytes: words with one beginning stand together
TIERS = (64_000, 8_000, 1_000)  # products: the most popular, in three tiers of which each holds the next one
NO_TIER = 2**31 - 1  # the popularity that no product has: a small catalogue has no large tiers
STEPS = 128  # of the order by price: a word of one product in a hundred has a page in one or two of them
MARKED_STEPS = 512  # of the others: what begins with the same word, such as a brand, may fill several of them
SAMPLES = (4, 16, 64, 256, 1_024)  # one row in so many, by a hash of its id


def sample_condition(one_in: int, product_id: str = "product_id") -> str:
    """Which rows are in the sample; a larger sample contains the smaller ones."""
    return f"(hashint4({product_id}) & {one_in - 1}) = 0"


def sample_level(product_id: str) -> str:
    """Sorts products by the smallest sample that they are in."""
    levels = [f"WHEN {sample_condition(n, product_id)} THEN {-n}" for n in reversed(SAMPLES)]
    return f"CASE {' '.join(levels)} ELSE 0 END"


def tier_condition(tier: int) -> str:
    """Which rows are in a tier, 1 for the largest."""
    return f"tier >= {tier}"


def _gin(name: str, *columns: str, where: str | None = None) -> Index:
    return Index(
        name,
        *columns,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=None if where is None else text(where),
    )


product_search = Table(
    "product_search",
    metadata,
    Column("product_id", Integer, primary_key=True, autoincrement=False),
    Column("popularity", Integer, nullable=False),  # in steps of some per cent: a sale seldom changes it
    Column("tier", SmallInteger, nullable=False),  # the smallest of TIERS that the product is in, 0 for none
    Column("available", Boolean, nullable=False),  # kept by a trigger on stock, in the same transaction
    Column("on_sale", Boolean, nullable=False),
    Column("price_min_minor", BigInteger, nullable=False),  # what shoppers see, in the shop's currency
    Column("price_max_minor", BigInteger, nullable=False),
    Column("created_at", moment, nullable=False),
    Column("sort_name", Text, nullable=False),  # the name's words without case and accents
    Column("facet_ids", ARRAY(Integer), nullable=False),  # of facet_value; and 0, which every product has
    Column("name_vector", TSVECTOR, nullable=False),  # name, brand, leaf category, skus, in every language
    Column("text_vector", TSVECTOR, nullable=False),  # the same, all else that is said of it, and marks of its steps
    Index(None, "popularity", "product_id"),
    Index(None, "created_at", "product_id"),
    Index(None, "sort_name", "product_id"),
    _gin("product_search_name_idx", "name_vector", "facet_ids"),
    _gin("product_search_text_idx", "text_vector", "facet_ids"),
    *(
        _gin(f"product_search_tier_{tier}_{what}_idx", f"{what}_vector", "facet_ids", where=tier_condition(tier))
        for tier in range(1, len(TIERS) + 1)
        for what in ("name", "text")
    ),
    *(_gin(f"product_search_sample_{n}_idx", "text_vector", "facet_ids", where=sample_condition(n)) for n in SAMPLES),
)

product_price_order = Table(  # products by price: in all (category 0), and in each of their categories
    "product_price_order",
    metadata,
    Column("category_id", Integer, primary_key=True),
    Column("price_minor", BigInteger, primary_key=True),
    Column("product_id", Integer, primary_key=True),
    Column("keys", ARRAY(Integer)),  # in category 0: the product's words, each with the step of its price
    Index(None, "product_id"),
    _gin("product_price_order_keys_idx", "keys", where="keys IS NOT NULL"),
)

facet_value = Table(  # the dictionary behind product_search.facet_ids; processes keep it, so what it says never changes
    "facet_value",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),  # category, brand, attribute or option
    Column("slug", Text, nullable=False),  # of the attribute or option; empty for the others
    Column("label", Text, nullable=False),  # the attribute's or option's name; a category's own
    Column("value", Text, nullable=False),  # what goes into a filter; a category's id
    Column("words", TSVECTOR, nullable=False),  # of a category or brand, for suggestions
    Column("depth", SmallInteger, nullable=False),  # of a category, 1 at the root
    Column("product_count", Integer, nullable=False, server_default="0"),  # as of search_state.refreshed_at
    UniqueConstraint("kind", "slug", "value"),
    _gin("facet_value_words_idx", "words"),
)

search_facet = Table(  # what the shop says of a facet; one that is not here is shown, after those that are
    "search_facet",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("position", SmallInteger, nullable=False),
    Column("hidden", Boolean, nullable=False),
)

search_word = Table(  # the words of names: what completions and corrections are taken from
    "search_word",
    metadata,
    Column("language", Text, primary_key=True),
    Column("word", _WORD, primary_key=True),
    Column("lexeme", _WORD, nullable=False),
    Column("product_count", Integer, nullable=False, server_default="1"),
    Column("deletions", ARRAY(_WORD), nullable=False),  # the word with letters left out
    _gin("search_word_deletions_idx", "deletions"),
)

search_lexeme = Table(  # how many products have the frequent ones, as of search_state.refreshed_at
    "search_lexeme",
    metadata,
    Column("lexeme", _WORD, primary_key=True),
    Column("name_count", Integer, nullable=False),
    Column("text_count", Integer, nullable=False),
)

search_synonym = Table(
    "search_synonym",
    metadata,
    Column("language", Text, primary_key=True),
    Column("words", Text, primary_key=True),
    Column("expansion", Text, primary_key=True),
)

search_pin = Table(
    "search_pin",
    metadata,
    Column("language", Text, primary_key=True),
    Column("query", Text, primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("product_id", Integer, ForeignKey("product.id"), nullable=False, index=True),
)

search_miss = Table(  # queries that found nothing
    "search_miss",
    metadata,
    Column("language", Text, primary_key=True),
    Column("query", Text, primary_key=True),
    Column("times", Integer, nullable=False),
    Column("first_at", moment, nullable=False),
    Column("last_at", moment, nullable=False),
    Index(None, "times"),
)

search_change = Table(  # products that changed while the index was built anew; empty at other times
    "search_change",
    metadata,
    Column("product_id", Integer, nullable=False),
)

search_state = Table(  # one row
    "search_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("product_count", Integer, nullable=False),
    Column("tier_popularity", ARRAY(Integer), nullable=False),  # from where on a product is in each of TIERS; rises
    Column("price_steps", ARRAY(BigInteger), nullable=False, server_default="{}"),  # where all but the first begin
    Column("name_steps", ARRAY(Text), nullable=False, server_default="{}"),  # the same of sort_name
    Column("time_steps", ARRAY(moment), nullable=False, server_default="{}"),  # and of created_at
    Column("built_count", Integer, nullable=False, server_default="0"),  # products when the index was built, with these
    Column("refreshed_at", moment),  # null: the index has to be built
)
