"""The statements that keep the index's counts: a whole catalogue's, from a sample where it is large."""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, DateTime, Integer, Text, TextClause, bindparam, text

from app.catalog.search_documents_sql import POPULARITY_STEP, tier_of
from app.database.search_tables import MARKED_STEPS, NO_TIER, SAMPLES, TIERS, sample_condition

_TIMES_A_TIER = 4  # products of a catalogue that has the tier: it would save little in a smaller one
SAMPLED_FROM = 100_000  # products: below, everything is counted
SAMPLE = SAMPLES[0]
FREQUENT = 400  # products: what is rarer is not kept, and counts as rare
_IN_SAMPLE = sample_condition(SAMPLE)
_BOUNDS = bindparam("tier_popularity", type_=ARRAY(Integer))

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
    UPDATE product_search SET popularity = step, tier = {tier_of("step")}
    FROM changed, search_state WHERE product_search.product_id = changed.product_id
""").bindparams(bindparam("since", type_=DateTime(timezone=True)))


def _tier_bounds(popularity: str, table: str) -> TextClause:
    """The step of popularity from where on a product is in each tier: one more than that of the first one outside."""
    bounds = [
        f"""CASE WHEN products.count >= {_TIMES_A_TIER * size} THEN (
            SELECT {popularity} + 1 FROM {table} ORDER BY popularity DESC OFFSET {size} LIMIT 1) ELSE {NO_TIER} END"""
        for size in TIERS
    ]
    return text(f"SELECT ARRAY[{', '.join(bounds)}] FROM (SELECT count(*) FROM {table}) AS products")


TIER_BOUNDS = _tier_bounds("popularity", "product_search")
TIER_BOUNDS_OF_PRODUCTS = _tier_bounds(POPULARITY_STEP.format("popularity"), "product")
SET_BUILT = text("""
    UPDATE search_state SET tier_popularity = :tier_popularity, price_steps = :price_steps, name_steps = :name_steps,
        time_steps = :time_steps, built_count = :built_count
""").bindparams(
    _BOUNDS,
    bindparam("price_steps", type_=ARRAY(BigInteger)),
    bindparam("name_steps", type_=ARRAY(Text)),
    bindparam("time_steps", type_=ARRAY(DateTime(timezone=True))),
)
SET_STATE = text("""
    UPDATE search_state SET product_count = :product_count, tier_popularity = :tier_popularity, refreshed_at = :now
""").bindparams(_BOUNDS, bindparam("now", type_=DateTime(timezone=True)))
# products come with the newest times: where there is another step of them, what comes from :edge on has one of its own;
# that lies ahead, so no product there is marked already, nor will be by a statement that does not know of it yet
ADD_TIME_STEP = text(f"""
    UPDATE search_state SET time_steps = time_steps || CAST(:edge AS timestamptz)
    WHERE time_steps <> '{{}}' AND NOT EXISTS (SELECT FROM product_search WHERE created_at >= :edge)
    AND EXISTS (
        SELECT FROM product_search WHERE created_at >= time_steps[cardinality(time_steps)]
        OFFSET greatest(product_count / {MARKED_STEPS}, :least))
""").bindparams(bindparam("edge", type_=DateTime(timezone=True)))
SET_TIERS = text(f"""
    UPDATE product_search SET tier = {tier_of("popularity")} FROM search_state WHERE product_id IN (
        SELECT product_id FROM product_search, search_state WHERE tier <> {tier_of("popularity")}
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
            LEFT JOIN name_stat USING (word) WHERE text_stat.ndoc * {factor} >= {FREQUENT} AND word NOT LIKE '#%'""",
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
