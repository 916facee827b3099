"""Create what product search reads: hit rows, price order, facets, words, synonyms, pins, misses; and translations.

The hit rows of before are dropped, not converted: `cartograph search rebuild`, or the worker, makes the new ones. A
shop without products has nothing to be built: its imports write the rows.

Revision ID: 0006
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR

revision = "0006"
down_revision = "0005"

LANGUAGES = {  # the languages that PostgreSQL can stem; `shop_en` has been there before
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
# A product is available when any of its variants can be bought. Only a variant that flips makes its product be looked
# at. Products are locked first, in one order, and counted by a statement of their own: so two checkouts cannot wait
# for each other, and the later one sees what the earlier has sold.
KEEP_AVAILABLE = """
CREATE FUNCTION keep_product_available() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    variant_ids int[];
    product_ids int[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(variant_id) INTO variant_ids FROM new_stock JOIN old_stock USING (variant_id)
        WHERE (new_stock.policy <> 'deny' OR new_stock.on_hand > new_stock.reserved)
           <> (old_stock.policy <> 'deny' OR old_stock.on_hand > old_stock.reserved);
    ELSE
        SELECT array_agg(variant_id) INTO variant_ids FROM new_stock;
    END IF;
    IF variant_ids IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(locked.product_id) INTO product_ids FROM (
        SELECT product_id FROM product_search
        WHERE product_id IN (SELECT product_id FROM variant WHERE id = ANY (variant_ids))
        ORDER BY product_id FOR UPDATE
    ) AS locked;
    IF product_ids IS NULL THEN
        RETURN NULL;
    END IF;
    UPDATE product_search SET available = level.available
    FROM (
        SELECT variant.product_id, bool_or(stock.policy <> 'deny' OR stock.on_hand > stock.reserved) AS available
        FROM variant JOIN stock ON stock.variant_id = variant.id
        WHERE variant.product_id = ANY (product_ids) AND variant.active GROUP BY variant.product_id
    ) AS level
    WHERE product_search.product_id = level.product_id AND product_search.available <> level.available;
    RETURN NULL;
END $$
"""
# another language's lexemes stand in the same vector, each behind its language: one row, one index, one price
CHANGED_ROWS = {"INSERT": "NEW TABLE AS new_stock", "UPDATE": "OLD TABLE AS old_stock NEW TABLE AS new_stock"}
TAGGED_VECTOR = """
CREATE FUNCTION tagged_vector(language text, words text) RETURNS tsvector LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        string_agg(quote_literal(language || '/' || lexeme) || ':' || array_to_string(positions, ','), ' '), ''
    )::tsvector
    FROM unnest(to_tsvector(('shop_' || language)::regconfig, words))
$$
"""


def upgrade() -> None:
    """One transaction, so a failure leaves nothing behind."""
    for language, stemmer in LANGUAGES.items():
        op.execute(f"CREATE TEXT SEARCH CONFIGURATION shop_{language} (COPY = pg_catalog.{stemmer})")
    op.drop_table("product_search")
    _create_tables()
    op.execute("CREATE INDEX variant_lower_sku_idx ON variant (lower(sku))")
    op.execute(
        "INSERT INTO facet_value (id, kind, slug, label, value, words, depth) OVERRIDING SYSTEM VALUE"
        " VALUES (0, 'everything', '', '', '', '', 0)"
    )
    op.execute(
        "INSERT INTO search_state (id, product_count, head_popularity, refreshed_at)"
        " SELECT 1, 0, 2147483647, CASE WHEN NOT EXISTS (SELECT FROM product) THEN now() END"
    )
    op.execute(
        "ALTER TABLE product_search SET (fillfactor = 85, toast_tuple_target = 256,"
        " autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02)"
    )
    op.execute(
        "ALTER TABLE product_search ALTER facet_ids SET STORAGE PLAIN, ALTER name_vector SET STORAGE MAIN,"
        " ALTER text_vector SET STORAGE EXTERNAL"
    )
    op.execute("CREATE AGGREGATE tsvector_agg(tsvector) (SFUNC = tsvector_concat, STYPE = tsvector, INITCOND = '')")
    op.execute(TAGGED_VECTOR)
    op.execute(KEEP_AVAILABLE)
    for event, changed in CHANGED_ROWS.items():
        op.execute(
            f"CREATE TRIGGER keep_product_available_{event.lower()} AFTER {event} ON stock REFERENCING {changed}"
            " FOR EACH STATEMENT EXECUTE FUNCTION keep_product_available()"
        )


def _create_tables() -> None:
    op.create_table(
        "product_search",
        Column("product_id", Integer, autoincrement=False, nullable=False),
        Column("popularity", Integer, nullable=False),
        Column("head", Boolean, nullable=False),
        Column("available", Boolean, nullable=False),
        Column("on_sale", Boolean, nullable=False),
        Column("price_min_minor", BigInteger, nullable=False),
        Column("price_max_minor", BigInteger, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("sort_name", Text, nullable=False),
        Column("facet_ids", ARRAY(Integer), nullable=False),
        Column("name_vector", TSVECTOR, nullable=False),
        Column("text_vector", TSVECTOR, nullable=False),
        PrimaryKeyConstraint("product_id", name=op.f("product_search_pkey")),
    )
    op.create_index(
        op.f("product_search_created_at_product_id_idx"), "product_search", ["created_at", "product_id"], unique=False
    )
    op.create_index(
        "product_search_head_name_idx",
        "product_search",
        ["name_vector", "facet_ids"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text("head"),
    )
    op.create_index(
        "product_search_head_text_idx",
        "product_search",
        ["text_vector", "facet_ids"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text("head"),
    )
    op.create_index(
        "product_search_name_idx",
        "product_search",
        ["name_vector", "facet_ids"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_index(
        op.f("product_search_popularity_product_id_idx"), "product_search", ["popularity", "product_id"], unique=False
    )
    op.create_index(
        "product_search_sample_512_idx",
        "product_search",
        ["text_vector", "facet_ids"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text("(hashint4(product_id) & 511) = 0"),
    )
    op.create_index(
        "product_search_sample_64_idx",
        "product_search",
        ["text_vector", "facet_ids"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text("(hashint4(product_id) & 63) = 0"),
    )
    op.create_index(
        "product_search_sample_8_idx",
        "product_search",
        ["text_vector", "facet_ids"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text("(hashint4(product_id) & 7) = 0"),
    )
    op.create_index(
        op.f("product_search_sort_name_product_id_idx"), "product_search", ["sort_name", "product_id"], unique=False
    )
    op.create_index(
        "product_search_text_idx",
        "product_search",
        ["text_vector", "facet_ids"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_table(
        "product_price_order",
        Column("category_id", Integer, nullable=False),
        Column("price_minor", BigInteger, nullable=False),
        Column("product_id", Integer, nullable=False),
        PrimaryKeyConstraint("category_id", "price_minor", "product_id", name=op.f("product_price_order_pkey")),
    )
    op.create_index(op.f("product_price_order_product_id_idx"), "product_price_order", ["product_id"], unique=False)
    op.create_table(
        "facet_value",
        Column("id", Integer, Identity(always=True), nullable=False),
        Column("kind", Text, nullable=False),
        Column("slug", Text, nullable=False),
        Column("label", Text, nullable=False),
        Column("value", Text, nullable=False),
        Column("words", TSVECTOR, nullable=False),
        Column("depth", SmallInteger, nullable=False),
        Column("product_count", Integer, server_default="0", nullable=False),
        PrimaryKeyConstraint("id", name=op.f("facet_value_pkey")),
        UniqueConstraint("kind", "slug", "value", name=op.f("facet_value_kind_slug_value_key")),
    )
    op.create_index(
        "facet_value_words_idx",
        "facet_value",
        ["words"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_table(
        "search_facet",
        Column("slug", Text, nullable=False),
        Column("position", SmallInteger, nullable=False),
        Column("hidden", Boolean, nullable=False),
        PrimaryKeyConstraint("slug", name=op.f("search_facet_pkey")),
    )
    op.create_table(
        "search_word",
        Column("language", Text, nullable=False),
        Column("word", Text(collation="C"), nullable=False),
        Column("lexeme", Text(collation="C"), nullable=False),
        Column("product_count", Integer, server_default="1", nullable=False),
        Column("deletions", ARRAY(Text(collation="C")), nullable=False),
        PrimaryKeyConstraint("language", "word", name=op.f("search_word_pkey")),
    )
    op.create_index(
        "search_word_deletions_idx",
        "search_word",
        ["deletions"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_table(
        "search_lexeme",
        Column("lexeme", Text(collation="C"), nullable=False),
        Column("name_count", Integer, nullable=False),
        Column("text_count", Integer, nullable=False),
        PrimaryKeyConstraint("lexeme", name=op.f("search_lexeme_pkey")),
    )
    op.create_table(
        "search_synonym",
        Column("language", Text, nullable=False),
        Column("words", Text, nullable=False),
        Column("expansion", Text, nullable=False),
        PrimaryKeyConstraint("language", "words", "expansion", name=op.f("search_synonym_pkey")),
    )
    op.create_table(
        "search_pin",
        Column("language", Text, nullable=False),
        Column("query", Text, nullable=False),
        Column("position", SmallInteger, nullable=False),
        Column("product_id", Integer, nullable=False),
        ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("search_pin_product_id_fkey")),
        PrimaryKeyConstraint("language", "query", "position", name=op.f("search_pin_pkey")),
    )
    op.create_index(op.f("search_pin_product_id_idx"), "search_pin", ["product_id"], unique=False)
    op.create_table(
        "search_miss",
        Column("language", Text, nullable=False),
        Column("query", Text, nullable=False),
        Column("times", Integer, nullable=False),
        Column("first_at", DateTime(timezone=True), nullable=False),
        Column("last_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("language", "query", name=op.f("search_miss_pkey")),
    )
    op.create_index(op.f("search_miss_times_idx"), "search_miss", ["times"], unique=False)
    op.create_table("search_change", Column("product_id", Integer, nullable=False))
    op.create_table(
        "search_state",
        Column("id", Integer, autoincrement=False, nullable=False),
        Column("product_count", Integer, nullable=False),
        Column("head_popularity", Integer, nullable=False),
        Column("refreshed_at", DateTime(timezone=True), nullable=True),
        PrimaryKeyConstraint("id", name=op.f("search_state_pkey")),
    )
    op.create_table(
        "product_translation",
        Column("product_id", Integer, nullable=False),
        Column("language", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("description", Text, nullable=False),
        ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("product_translation_product_id_fkey")),
        PrimaryKeyConstraint("product_id", "language", name=op.f("product_translation_pkey")),
    )
