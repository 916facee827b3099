"""The statements that keep the index's counts: a whole catalogue's, from a sample where it is large."""

from __future__ import annotations

from sqlalchemy import DateTime, Integer, bindparam, text

from app.catalog.search_documents_sql import POPULARITY_STEP
from app.database.search_tables import NO_HEAD, SAMPLES, sample_condition

HEAD_PRODUCTS = 50_000  # the most popular, with an index of their own
SAMPLED_FROM = 100_000  # products: below, everything is counted
SAMPLE = SAMPLES[0]
FREQUENT = 400  # products: what is rarer is not kept, and counts as rare
_IN_SAMPLE = sample_condition(SAMPLE)

PRODUCT_COUNT = text("SELECT count(*) FROM product_search")
NEXT_ID = text("SELECT max(id) FROM (SELECT id FROM product WHERE id > :after ORDER BY id LIMIT :size) AS batch")

# sales of the last thirty days on top of what the catalogue says; a step changes seldom, so most rows are left alone
RESTEP = text(f"""
    WITH sold AS (
        SELECT variant.product_id, sum(order_line.quantity) AS units
        FROM orders JOIN order_line ON order_line.order_id = orders.id JOIN variant ON variant.id = variant_id
        WHERE orders.status IN ('confirmed', 'completed') AND placed_at > :since
        AND variant.product_id > :after AND variant.product_id <= :upto GROUP BY variant.product_id
    ), now AS (
        SELECT product.id, least(product.popularity + coalesce(units, 0), 2147483647)::int AS popularity
        FROM product LEFT JOIN sold ON sold.product_id = product.id
        WHERE product.id > :after AND product.id <= :upto
    ), changed AS (
        SELECT product_id, {POPULARITY_STEP.format("now.popularity")} AS step
        FROM now JOIN product_search ON product_id = now.id
        WHERE product_search.popularity <> {POPULARITY_STEP.format("now.popularity")}
        ORDER BY product_id FOR UPDATE OF product_search
    )
    UPDATE product_search SET popularity = step, head = step >= head_popularity
    FROM changed, search_state WHERE product_search.product_id = changed.product_id
""").bindparams(bindparam("since", type_=DateTime(timezone=True)))

HEAD = text(f"""
    SELECT coalesce((SELECT popularity + 1 FROM product_search
                     ORDER BY popularity DESC OFFSET {HEAD_PRODUCTS} LIMIT 1), {NO_HEAD})
""")
HEAD_OF_PRODUCTS = text(f"""
    SELECT coalesce((SELECT {POPULARITY_STEP.format("popularity")} + 1 FROM product
                     ORDER BY popularity DESC OFFSET {HEAD_PRODUCTS} LIMIT 1), {NO_HEAD})
""")
SET_HEAD_POPULARITY = text("UPDATE search_state SET head_popularity = :head_popularity")
SET_STATE = text("""
    UPDATE search_state SET product_count = :product_count, head_popularity = :head_popularity, refreshed_at = :now
""").bindparams(bindparam("now", type_=DateTime(timezone=True)), bindparam("head_popularity", type_=Integer))
SET_HEAD = text("""
    UPDATE product_search SET head = NOT head WHERE product_id IN (
        SELECT product_id FROM product_search, search_state WHERE head <> (popularity >= head_popularity)
        ORDER BY product_id FOR UPDATE OF product_search)
""")


def count_statements(*, sampled: bool) -> list[str]:
    """Statements that count lexemes, words and facet values anew."""
    where, factor = (f"WHERE {_IN_SAMPLE}", SAMPLE) if sampled else ("", 1)

    def stat(vector: str) -> str:
        return f"ts_stat('SELECT {vector} FROM product_search {where}')"

    return [
        f"""CREATE TEMPORARY TABLE name_stat ON COMMIT DROP AS
            SELECT word, ndoc * {factor} AS found FROM {stat("name_vector")}""",
        "ANALYZE name_stat",
        "DELETE FROM search_lexeme",
        f"""INSERT INTO search_lexeme (lexeme, name_count, text_count)
            SELECT word, coalesce(name_stat.found, 0), text_stat.ndoc * {factor} FROM {stat("text_vector")} AS text_stat
            LEFT JOIN name_stat USING (word) WHERE text_stat.ndoc * {factor} >= {FREQUENT}""",
        """UPDATE search_word SET product_count = coalesce(found, 1)
           FROM (SELECT language AS l, search_word.word AS w, min(found)::int AS found FROM search_word
                 LEFT JOIN name_stat ON name_stat.word = split_part(lexeme, ' ', 1) GROUP BY 1, 2) AS counted
           WHERE language = l AND word = w AND product_count <> coalesce(found, 1)""",
        f"""UPDATE facet_value SET product_count = coalesce(found, 0)
            FROM facet_value AS every LEFT JOIN (
                SELECT id AS counted_id, count(*)::int * {factor} AS found
                FROM (SELECT unnest(facet_ids) AS id FROM product_search {where}) AS each GROUP BY id
            ) AS counted ON counted_id = every.id
            WHERE facet_value.id = every.id AND facet_value.product_count <> coalesce(found, 0)""",
        "ANALYZE search_word, facet_value, search_lexeme",
    ]
