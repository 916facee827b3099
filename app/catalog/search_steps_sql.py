"""Words by price: the order by price in steps, and the statement that reads a word's products along them. See ADR-0042.

The order is cut into steps of as many products each. The keys of a product are its words, each with the step of its
price, as numbers in a GIN index. So a word's products are read some steps at a time, from the cursor on, until there is
a page of them: where a word is frequent a step has a page, and a step with none of its products costs one look into the
index. A number may stand for two words, so each row is held against its text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import ARRAY, Integer, Text, TextClause, text

from app.catalog.search_sql import Order, Shape, bound, conditions
from app.database.search_tables import STEPS


def price_steps(hits: str) -> TextClause:
    """Where each step but the first begins, for as many products in each; nowhere without products."""
    shares = f"ARRAY(SELECT place / {STEPS}.0 FROM generate_series(1, {STEPS - 1}) AS place)"
    prices = f"percentile_disc({shares}) WITHIN GROUP (ORDER BY price_min_minor)"
    return text(f"SELECT coalesce({prices}, CAST('{{}}' AS bigint[])) FROM {hits}")


def words_of_parts(lexemes: tuple[tuple[str, ...], ...]) -> dict[str, object]:
    """The values of a statement for the parts of a meaning."""
    return {f"words_{index}": list(words) for index, words in enumerate(lexemes)}


@lru_cache(500)
def steps_statement(shape: Shape, order: Order, parts: int, *, forward: bool, after: bool) -> TextClause:
    """Rows (price_minor, product_id) of one page by price, :at_once steps at a time.

    parts: of the query; of each of them a product has one of :words_0, :words_1 and so on.
    """
    down = order.falling == forward
    direction, sign = ("DESC", "<") if down else ("ASC", ">")
    begin = "(SELECT width_bucket(:after, price_steps) FROM search_state)" if after else str(STEPS - 1 if down else 0)
    left = "begin" if down else f"{STEPS - 1} - begin"  # steps after the first one
    low, high = ("begin - n - :at_once + 1", "begin - n") if down else ("begin + n", "begin + n + :at_once - 1")
    steps = f"generate_series(greatest({low}, 0), least({high}, {STEPS - 1}))"
    keys = ", ".join(
        f"ARRAY(SELECT word_key(word, step) FROM unnest(:words_{part}) AS word, {steps} AS step) AS keys_{part}"
        for part in range(parts)
    )
    met = [f"keys && keys_{part}" for part in range(parts)]
    if after:
        met.append(f"(price_minor, product_id) {sign} (:after, :after_id)")
    by = f"price_minor {direction}, product_id {direction}"
    # a loop gives its outer rows in their order: each stretch of steps after the one before it, until the page is full
    statement = f"""
        SELECT p.price_minor, p.product_id FROM (
            SELECT {keys} FROM (SELECT {begin} AS begin OFFSET 0) AS start
            CROSS JOIN LATERAL generate_series(0, {left}, :at_once) AS n OFFSET 0
        ) AS stretch CROSS JOIN LATERAL (
            SELECT price_minor, product_id FROM product_price_order WHERE {" AND ".join(met)} ORDER BY {by} OFFSET 0
        ) AS p CROSS JOIN LATERAL (
            SELECT true FROM product_search AS s WHERE s.product_id = p.product_id AND {conditions(shape)} OFFSET 0
        ) AS s LIMIT :limit
    """
    words: dict[str, Any] = {f"words_{part}": ARRAY(Text) for part in range(parts)}
    return bound(statement, **words, after=order.type, at_once=Integer())
