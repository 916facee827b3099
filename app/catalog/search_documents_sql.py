"""The statements of `search_documents`: each takes a whole batch, and names the table of hit rows it writes to."""

from __future__ import annotations

from functools import cache

from sqlalchemy import ARRAY, Column, DateTime, Integer, Text, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.catalog.price_sql import SOLD

_IDS = bindparam("product_ids", type_=ARRAY(Integer))
_ROWS = bindparam("rows", type_=JSONB)
_CURRENCY = bindparam("currency", type_=Text)

# exact up to 32, then 32 steps for each doubling: two per cent a step
POPULARITY_STEP = """
    CASE WHEN {0} < 32 THEN {0} ELSE 32 + floor(32 * ln({0}::float8 / 32) / ln(2::float8) + 1e-9)::int END
"""


def tier_of(step: str, bounds: str = "tier_popularity") -> str:
    """The smallest tier that a step of popularity is in, 0 for none."""
    places = f"unnest({bounds}) WITH ORDINALITY AS bound (least, place)"
    return f"(SELECT coalesce(max(place), 0) FROM {places} WHERE {step} >= least)"


_SOLD = f"SELECT * FROM ({SOLD}) AS sold WHERE currency = :currency"

READ_DOCUMENTS = text(f"""
    SELECT product.id, product.name, product.brand, product.description, product.tags, product.attributes,
           product.options, product.popularity, product.created_at, coalesce(category.path_names, '{{}}') AS path_names,
           coalesce(category.path_ids, '{{}}') AS path_ids, price_min, price_max, on_sale, skus,
           (SELECT jsonb_agg(jsonb_build_array(language, translated.name, translated.description))
            FROM product_translation AS translated WHERE translated.product_id = product.id) AS translations
    FROM product JOIN ({_SOLD}) AS sold ON sold.product_id = product.id
    LEFT JOIN category ON category.id = product.category_id
""").bindparams(_IDS, _CURRENCY)

FIND_FACETS = text("""
    SELECT id, kind, slug, value FROM facet_value
    WHERE (kind, slug, value) IN (
        SELECT kind, slug, value FROM jsonb_to_recordset(:rows) AS wanted (kind text, slug text, value text))
""").bindparams(_ROWS)
ADD_FACETS = text("""
    INSERT INTO facet_value (kind, slug, label, value, depth, words)
    SELECT kind, slug, label, value, depth, to_tsvector('simple', words) FROM jsonb_to_recordset(:rows) AS wanted (
        kind text, slug text, label text, value text, depth smallint, words text)
    ORDER BY kind, slug, value
    ON CONFLICT DO NOTHING
""").bindparams(_ROWS)

KNOWN_WORDS = text("SELECT word FROM search_word WHERE language = :language AND word = ANY(:words)").bindparams(
    bindparam("words", type_=ARRAY(Text))
)


@cache
def add_words(config: str, prefix: str) -> TextClause:
    """New words of names. prefix: what the lexemes of their language stand behind."""
    return text(f"""
        INSERT INTO search_word (language, word, lexeme, deletions)
        SELECT :language, word, lexeme, deletions FROM (
            SELECT word, deletions, (
                SELECT string_agg('{prefix}' || lexeme, ' ' ORDER BY positions[1])
                FROM unnest(to_tsvector('{config}', token))) AS lexeme
            FROM jsonb_to_recordset(:rows) AS new (word text, token text, deletions text[])
        ) AS stemmed WHERE lexeme IS NOT NULL
        ORDER BY word
        ON CONFLICT DO NOTHING
    """).bindparams(_ROWS)


@cache
def write_hits(table: str, config: str, *, new: bool = False) -> TextClause:
    """Hit rows from documents; rows are written in the order of their ids, as a stock flip locks them.

    new: the table has no such rows yet, and gets them in the order in which they are given. :tier_popularity,
    :name_steps, :time_steps: where each tier and step begins, null for where it begins now.

    A vector that is the same stays the very value that is stored: then no index changes, and the row stays in place.
    """
    kept = ", ".join(
        f"{name} = CASE WHEN {table}.{name} = excluded.{name} THEN {table}.{name} ELSE excluded.{name} END"
        for name in ("name_vector", "text_vector")
    )
    change = f"""
        ORDER BY document.id
        ON CONFLICT (product_id) DO UPDATE SET
            popularity = excluded.popularity, tier = excluded.tier, available = excluded.available,
            on_sale = excluded.on_sale, price_min_minor = excluded.price_min_minor,
            price_max_minor = excluded.price_max_minor, created_at = excluded.created_at,
            sort_name = excluded.sort_name, facet_ids = excluded.facet_ids, {kept}
    """
    return text(f"""
        INSERT INTO {table} (product_id, popularity, tier, available, on_sale, price_min_minor, price_max_minor,
                             created_at, sort_name, facet_ids, name_vector, text_vector)
        SELECT document.id, step, {tier_of("step", "coalesce(:tier_popularity, tier_popularity)")},
               coalesce(available, false), on_sale, price_min, price_max, created_at, sort_name, facet_ids, name_vector,
               name_vector || to_tsvector('{config}', text_words) || coalesce((
                   SELECT tsvector_agg(tagged_vector(language, words)) FROM jsonb_to_recordset(translated_texts)
                   AS translation (language text, words text)), '')
               || {_marks("n", "sort_name", "name_steps")} || {_marks("t", "created_at", "time_steps")}
        FROM (
            SELECT document.*, {POPULARITY_STEP.format("document.popularity")} AS step,
                   to_tsvector('{config}', name_words) || coalesce((
                       SELECT tsvector_agg(tagged_vector(language, words)) FROM jsonb_to_recordset(translated_names)
                       AS translation (language text, words text)), '') AS name_vector,
                   (SELECT bool_or(stock.policy <> 'deny' OR stock.on_hand > stock.reserved) FROM variant
                    JOIN stock ON stock.variant_id = variant.id
                    WHERE variant.product_id = document.id AND variant.active) AS available
            FROM jsonb_to_recordset(:rows) AS document (
                id int, popularity int, on_sale boolean, price_min bigint, price_max bigint, created_at timestamptz,
                sort_name text, facet_ids int[], name_words text, text_words text, translated_names jsonb,
                translated_texts jsonb)
        ) AS document, search_state
        {"" if new else change}
    """).bindparams(
        _ROWS,
        bindparam("tier_popularity", type_=ARRAY(Integer)),
        bindparam("name_steps", type_=ARRAY(Text)),
        bindparam("time_steps", type_=ARRAY(DateTime(timezone=True))),
    )


def _marks(of_order: str, value: str, steps: str) -> str:
    """The marks of the step that a value is in, as lexemes; none where the order has no steps."""
    step = f"width_bucket({value}, nullif(coalesce(:{steps}, {steps}), '{{}}'))"
    return f"coalesce(array_to_tsvector(step_marks('{of_order}', {step})), '')"


def price_places(hits: str, steps: str) -> str:
    """Rows of the order by price: (category, price, product, keys), in category 0 and in each category of a product.

    hits: the table of hit rows; steps: where the steps begin, empty where there are none, and so no keys.
    """
    step = f"width_bucket(price_min_minor, nullif({steps}, '{{}}'))"
    return f"""
        SELECT place AS category_id, price_min_minor AS price_minor, product.id AS product_id,
               CASE WHEN place = 0 THEN word_keys(text_vector, {step}) END AS keys
        FROM {hits} AS hit JOIN product ON product.id = hit.product_id
        LEFT JOIN category ON category.id = product.category_id
        CROSS JOIN LATERAL unnest(0 || coalesce(category.path_ids, '{{}}')) AS place
    """


_PLACES = f"""
    {price_places("product_search", "(SELECT price_steps FROM search_state)")} WHERE product.id = ANY(:product_ids)
"""
LEAVE_PRICE_ORDER = text(f"""
    DELETE FROM product_price_order WHERE product_id = ANY(:product_ids) AND (category_id, price_minor, product_id)
    NOT IN (SELECT category_id, price_minor, product_id FROM ({_PLACES}) AS place)
""").bindparams(_IDS)
JOIN_PRICE_ORDER = text(f"""
    INSERT INTO product_price_order {_PLACES} ON CONFLICT (category_id, price_minor, product_id)
    DO UPDATE SET keys = excluded.keys WHERE product_price_order.keys IS DISTINCT FROM excluded.keys
""").bindparams(_IDS)

UNSOLD = (
    text(f"""
    DELETE FROM product_search WHERE product_id = ANY(:product_ids)
    AND product_id NOT IN (SELECT product_id FROM ({_SOLD}) AS sold) RETURNING product_id
""")
    .bindparams(_IDS, _CURRENCY)
    .columns(Column("product_id", Integer))
)
