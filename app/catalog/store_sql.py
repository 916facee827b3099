"""The statements of `store`: each takes a whole batch.

`rows` is a JSON array that `jsonb_to_recordset` unfolds, so a batch is one parameter and one round trip.
"""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Column, Integer, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.database.tables import category, product

_ROWS = bindparam("rows", type_=JSONB)

PRODUCT_COUNT = text("SELECT count(*) FROM product").columns(Column("count", BigInteger))

KNOWN_PRODUCTS = (
    text("SELECT import_key, import_digest, slug FROM product WHERE import_key = ANY(:keys)")
    .bindparams(bindparam("keys", type_=ARRAY(Text)))
    .columns(product.c.import_key, product.c.import_digest, product.c.slug)
)
SLUG_OWNERS = text("SELECT slug, import_key FROM product WHERE slug = ANY(:slugs)").bindparams(
    bindparam("slugs", type_=ARRAY(Text))
)
SKU_OWNERS = text(
    "SELECT v.sku, p.import_key FROM variant v JOIN product p ON p.id = v.product_id WHERE v.sku = ANY(:skus)"
).bindparams(bindparam("skus", type_=ARRAY(Text)))

CATEGORIES = text("SELECT path_names, id, path_ids FROM category").columns(
    category.c.path_names, category.c.id, category.c.path_ids
)
CATEGORY_SLUGS = text("SELECT slug FROM category")
INSERT_CATEGORY = text("""
    WITH next AS (SELECT nextval(pg_get_serial_sequence('category', 'id'))::int AS id)
    INSERT INTO category (id, parent_id, slug, name, path_names, path_ids) OVERRIDING SYSTEM VALUE
    SELECT next.id, :parent_id, :slug, :name, :path_names, :parent_ids || next.id FROM next
    RETURNING id, path_ids
""").bindparams(
    bindparam("parent_id", type_=Integer),
    bindparam("path_names", type_=ARRAY(Text)),
    bindparam("parent_ids", type_=ARRAY(Integer)),
)

UPSERT_PRODUCTS = text("""
    INSERT INTO product (import_key, import_digest, slug, name, description, brand, category_id, tags, images,
                         attributes, options, seo_title, seo_description, popularity, created_at, updated_at)
    SELECT key, decode(digest, 'hex'), slug, name, description, brand, category_id, tags, images, attributes,
           options, seo_title, seo_description, popularity, :now, :now
    FROM jsonb_to_recordset(:rows) AS draft (
        key text, digest text, slug text, name text, description text, brand text, category_id int, tags text[],
        images jsonb, attributes jsonb, options jsonb, seo_title text, seo_description text, popularity int)
    ON CONFLICT (import_key) DO UPDATE SET
        import_digest = excluded.import_digest, slug = excluded.slug, name = excluded.name,
        description = excluded.description, brand = excluded.brand, category_id = excluded.category_id,
        tags = excluded.tags, images = excluded.images, attributes = excluded.attributes, options = excluded.options,
        seo_title = excluded.seo_title, seo_description = excluded.seo_description,
        popularity = excluded.popularity, updated_at = excluded.updated_at
    RETURNING id, import_key
""").bindparams(_ROWS)

UPSERT_VARIANTS = text("""
    INSERT INTO variant (product_id, sku, name, position, selected_options, image, weight_grams, requires_shipping,
                         quantity_minimum, quantity_maximum, quantity_step, tax_class)
    SELECT product_id, sku, name, position, selected_options, nullif(image, 'null'), weight_grams, requires_shipping,
           quantity_minimum, quantity_maximum, quantity_step, tax_class
    FROM jsonb_to_recordset(:rows) AS draft (
        product_id int, sku text, name text, position smallint, selected_options jsonb, image jsonb, weight_grams int,
        requires_shipping boolean, quantity_minimum int, quantity_maximum int, quantity_step int, tax_class text)
    ON CONFLICT (sku) DO UPDATE SET
        name = excluded.name, position = excluded.position, selected_options = excluded.selected_options,
        image = excluded.image, weight_grams = excluded.weight_grams, requires_shipping = excluded.requires_shipping,
        quantity_minimum = excluded.quantity_minimum, quantity_maximum = excluded.quantity_maximum,
        quantity_step = excluded.quantity_step, tax_class = excluded.tax_class, active = true
    RETURNING id
""").bindparams(_ROWS)

RETIRE_VARIANTS = text("""
    UPDATE variant SET active = false
    WHERE product_id = ANY(:product_ids) AND active AND NOT id = ANY(:variant_ids) RETURNING id
""").bindparams(bindparam("product_ids", type_=ARRAY(Integer)), bindparam("variant_ids", type_=ARRAY(Integer)))

# Units that open orders hold are not given away, whatever the file says: on_hand stays at or above reserved. Rows are
# taken in the order in which reservations lock them, so an import and a checkout cannot deadlock.
UPSERT_STOCK = text("""
    INSERT INTO stock (variant_id, policy, on_hand)
    SELECT variant.id, policy, on_hand
    FROM jsonb_to_recordset(:rows) AS draft (sku text, policy text, on_hand int)
    JOIN variant USING (sku)
    ORDER BY variant.id
    ON CONFLICT (variant_id) DO UPDATE SET
        policy = excluded.policy, on_hand = greatest(excluded.on_hand, stock.reserved)
""").bindparams(_ROWS)

UPSERT_TRANSLATIONS = text("""
    INSERT INTO product_translation (product_id, language, name, description)
    SELECT product_id, language, name, description FROM jsonb_to_recordset(:rows) AS draft (
        product_id int, language text, name text, description text)
    ON CONFLICT (product_id, language) DO UPDATE SET name = excluded.name, description = excluded.description
""").bindparams(_ROWS)
LEAVE_TRANSLATIONS = text("""
    DELETE FROM product_translation WHERE product_id = ANY(:product_ids) AND (product_id, language) NOT IN (
        SELECT product_id, language FROM jsonb_to_recordset(:rows) AS draft (product_id int, language text))
""").bindparams(_ROWS, bindparam("product_ids", type_=ARRAY(Integer)))

# whoever stores products without search rows builds the index afterwards; where that fails, the worker does
INDEX_IS_MISSING = text("UPDATE search_state SET refreshed_at = NULL WHERE refreshed_at IS NOT NULL")
