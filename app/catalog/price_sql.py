"""The statements of `prices`: list prices, what promotions make of them, their history, and the rows that search has.

All of them take whole batches, by the products they belong to. See ADR-0019.
"""

from __future__ import annotations

from sqlalchemy import ARRAY, DateTime, Integer, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

_NOW = bindparam("now", type_=DateTime(timezone=True))
_IDS = bindparam("product_ids", type_=ARRAY(Integer))
_CURRENCY = bindparam("currency", type_=Text)

# another import's batch takes a second or so: wait for it, and be as impatient as usual after that
WAIT_LONGER = text("SET LOCAL lock_timeout = '25s'")
WAIT_AS_USUAL = text("SET LOCAL lock_timeout TO DEFAULT")
LOCK_IMPORTS = text("SELECT pg_advisory_xact_lock(hashtext('cartograph.catalog.import'))")

UPSERT_PRICES = text("""
    INSERT INTO variant_price (variant_id, currency, amount_minor, compare_at_minor)
    SELECT variant.id, currency, amount_minor, compare_at_minor
    FROM jsonb_to_recordset(:rows) AS draft (sku text, currency text, amount_minor bigint, compare_at_minor bigint)
    JOIN variant USING (sku)
    ON CONFLICT (variant_id, currency) DO UPDATE SET
        amount_minor = excluded.amount_minor, compare_at_minor = excluded.compare_at_minor,
        list_minor = NULL, list_compare_at_minor = NULL, promotion_id = NULL
""").bindparams(bindparam("rows", type_=JSONB))

_IS_ON = "kind = 'catalog' AND active AND coalesce(starts_at <= :now, true) AND coalesce(ends_at > :now, true)"
_IS_OF_ITS_GOODS = """(
    (product_ids = '{}' AND category_ids = '{}' AND brands = '{}') OR product.id = ANY(product_ids)
    OR product.brand = ANY(brands) OR category_ids && category.path_ids)"""

# the price of each variant without promotions, the one promotion that makes it cheapest, and what follows from both
REDUCE_PRICES = text(f"""
    WITH listed AS (
        SELECT product.id AS product_id, variant_id, currency, coalesce(list_minor, amount_minor) AS list_minor,
               CASE WHEN list_minor IS NULL THEN compare_at_minor ELSE list_compare_at_minor END AS list_compare
        FROM variant_price JOIN variant ON variant.id = variant_id JOIN product ON product.id = variant.product_id
        WHERE product.id = ANY(:product_ids)
    ), reduction AS (
        SELECT product.id AS product_id, promotion.id AS promotion_id, effect
        FROM product LEFT JOIN category ON category.id = product.category_id
        JOIN promotion ON {_IS_ON} AND {_IS_OF_ITS_GOODS}
        WHERE product.id = ANY(:product_ids)
    ), reduced AS (
        SELECT DISTINCT ON (variant_id, currency) variant_id, currency, promotion_id, amount_minor
        FROM listed JOIN reduction USING (product_id), LATERAL (SELECT CASE
            WHEN effect ? 'percent_ppm'
            THEN list_minor - div(2 * list_minor::numeric * (effect ->> 'percent_ppm')::int + 1000000, 2000000)::bigint
            ELSE greatest(list_minor - (effect -> 'amounts' ->> currency)::bigint, 0) END AS amount_minor) AS new
        WHERE effect ? 'percent_ppm' OR effect -> 'amounts' ? currency
        ORDER BY variant_id, currency, amount_minor, promotion_id
    ), wanted AS (
        SELECT variant_id, currency, promotion_id, coalesce(reduced.amount_minor, listed.list_minor) AS amount_minor,
               CASE WHEN promotion_id IS NULL THEN list_compare ELSE greatest(list_minor, list_compare) END AS compare,
               CASE WHEN promotion_id IS NOT NULL THEN list_minor END AS list_minor,
               CASE WHEN promotion_id IS NOT NULL THEN list_compare END AS list_compare
        FROM listed LEFT JOIN reduced USING (variant_id, currency)
    )
    UPDATE variant_price SET amount_minor = wanted.amount_minor, compare_at_minor = wanted.compare,
        list_minor = wanted.list_minor, list_compare_at_minor = wanted.list_compare, promotion_id = wanted.promotion_id
    FROM wanted
    WHERE variant_price.variant_id = wanted.variant_id AND variant_price.currency = wanted.currency
    AND (variant_price.amount_minor, variant_price.compare_at_minor, variant_price.list_minor,
         variant_price.list_compare_at_minor, variant_price.promotion_id)
        IS DISTINCT FROM (wanted.amount_minor, wanted.compare, wanted.list_minor, wanted.list_compare,
                          wanted.promotion_id)
    RETURNING variant_price.variant_id
""").bindparams(_IDS, _NOW)

# what was charged before anybody kept its history: at least since the product was last changed
BEGIN_HISTORY = text("""
    INSERT INTO price_change (variant_id, currency, changed_at, amount_minor)
    SELECT variant_id, currency, product.updated_at, amount_minor
    FROM variant_price JOIN variant ON variant.id = variant_id JOIN product ON product.id = variant.product_id
    WHERE product.id = ANY(:product_ids) AND NOT EXISTS (
        SELECT FROM price_change AS earlier
        WHERE earlier.variant_id = variant_price.variant_id AND earlier.currency = variant_price.currency)
""").bindparams(_IDS)
RECORD_PRICES = text("""
    INSERT INTO price_change (variant_id, currency, changed_at, amount_minor)
    SELECT variant_id, currency, :now, amount_minor
    FROM variant_price JOIN variant ON variant.id = variant_id
    WHERE product_id = ANY(:product_ids) AND amount_minor IS DISTINCT FROM (
        SELECT latest.amount_minor FROM price_change AS latest
        WHERE latest.variant_id = variant_price.variant_id AND latest.currency = variant_price.currency
        ORDER BY changed_at DESC LIMIT 1)
    ON CONFLICT (variant_id, currency, changed_at) DO UPDATE SET amount_minor = excluded.amount_minor
""").bindparams(_IDS, _NOW)

SOLD = """
    SELECT variant.product_id, currency, min(amount_minor) AS price_min, max(amount_minor) AS price_max,
           bool_or(coalesce(compare_at_minor > amount_minor, false)) AS on_sale,
           array_agg(sku ORDER BY variant.position) AS skus
    FROM variant JOIN variant_price ON variant_price.variant_id = variant.id
    WHERE variant.product_id = ANY(:product_ids) AND variant.active
    GROUP BY variant.product_id, currency
"""
# search rows are locked in the order of their ids, as a stock flip locks them; prices are in no index of theirs
INDEX_PRICES = text(f"""
    WITH sold AS ({SOLD}), foreign_price AS (
        INSERT INTO product_price (product_id, currency, price_min_minor, price_max_minor, on_sale)
        SELECT product_id, currency, price_min, price_max, on_sale FROM sold WHERE currency <> :currency
        ON CONFLICT (product_id, currency) DO UPDATE SET price_min_minor = excluded.price_min_minor,
            price_max_minor = excluded.price_max_minor, on_sale = excluded.on_sale
    ), gone AS (
        DELETE FROM product_price WHERE product_id = ANY(:product_ids)
        AND (product_id, currency) NOT IN (SELECT product_id, currency FROM sold WHERE currency <> :currency)
    ), changed AS (
        SELECT product_id, price_min, price_max, sold.on_sale
        FROM product_search JOIN sold USING (product_id)
        WHERE currency = :currency
        AND (price_min_minor, price_max_minor, product_search.on_sale) <> (price_min, price_max, sold.on_sale)
        ORDER BY product_id FOR UPDATE OF product_search
    )
    UPDATE product_search SET price_min_minor = price_min, price_max_minor = price_max, on_sale = changed.on_sale
    FROM changed WHERE changed.product_id = product_search.product_id
""").bindparams(_IDS, _CURRENCY)

DUE_PROMOTIONS = text(f"""
    SELECT id, revision, {_IS_ON} AS is_on FROM promotion
    WHERE applied_revision <> CASE WHEN {_IS_ON} THEN revision ELSE 0 END ORDER BY id
""").bindparams(_NOW)
TOUCHED_PRODUCTS = text(f"""
    SELECT id FROM (
        SELECT product.id FROM product LEFT JOIN category ON category.id = product.category_id
        JOIN promotion ON promotion.id = :promotion_id AND {_IS_OF_ITS_GOODS} WHERE product.id > :after
        UNION SELECT product_id FROM variant_price JOIN variant ON variant.id = variant_id
        WHERE promotion_id = :promotion_id AND product_id > :after
    ) AS touched ORDER BY id LIMIT :limit
""").bindparams(bindparam("promotion_id", type_=Integer), bindparam("after", type_=Integer))
MARK_APPLIED = text("""
    UPDATE promotion SET applied_revision = CASE WHEN :is_on THEN revision ELSE 0 END
    WHERE id = :id AND revision = :revision
""")

OWNERS = text("SELECT id, product_id FROM variant WHERE sku = :sku AND active")
STORED_PRICES = text("""
    SELECT currency, coalesce(list_minor, amount_minor) AS amount_minor,
           CASE WHEN list_minor IS NULL THEN compare_at_minor ELSE list_compare_at_minor END AS compare_at_minor
    FROM variant_price WHERE variant_id = :variant_id AND currency = ANY(:currencies)
""").bindparams(bindparam("currencies", type_=ARRAY(Text)))
REMOVE_PRICES = text(
    "DELETE FROM variant_price WHERE variant_id = :variant_id AND currency = ANY(:currencies)"
).bindparams(bindparam("currencies", type_=ARRAY(Text)))
