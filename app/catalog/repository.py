"""The catalogue's SQL, reading side: one statement a method, whatever the number of ids.

Statements are built once, at import; ids are bound as one array. Reads go to the nearest server. See ADR-0002.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Integer, Text, bindparam, collate, func, or_, select, text

from app.catalog.domain import (
    ROOT,
    SEO_DESCRIPTION_LENGTH,
    Attribute,
    Category,
    CategoryPlace,
    Image,
    PriceRange,
    Product,
    ProductOption,
    SelectedOption,
    Seo,
    Translation,
    Variant,
    VariantPrice,
)
from app.core.ids import CategoryId, ProductId, VariantId
from app.core.money import Currency, Money
from app.core.quantity import QuantityRule
from app.database.direct import Row
from app.database.engine import Database
from app.database.tables import category, product, variant, variant_price
from app.database.translation_tables import product_translation

_ids = bindparam("ids", type_=ARRAY(Integer))
_names = bindparam("names", type_=ARRAY(Text))
_currency = bindparam("currency", type_=Text)
_language = bindparam("language", type_=Text)

_PRODUCTS = select(
    product.c.id,
    product.c.slug,
    product.c.name,
    product.c.description,
    product.c.brand,
    product.c.category_id,
    product.c.tags,
    product.c.images,
    product.c.attributes,
    product.c.options,
    product.c.seo_title,
    product.c.seo_description,
    product.c.popularity,
    product.c.created_at,
    product.c.updated_at,
).where(product.c.id == func.any(_ids))
_TRANSLATIONS = select(
    product_translation.c.product_id,
    product_translation.c.language,
    product_translation.c.name,
    product_translation.c.description,
).where(
    product_translation.c.product_id == func.any(_ids),
    product_translation.c.language == _language,
)
_PRODUCT_SLUGS = select(product.c.slug, product.c.id).where(product.c.slug == func.any(_names))

_VARIANT_COLUMNS = (
    variant.c.id,
    variant.c.product_id,
    variant.c.sku,
    variant.c.name,
    variant.c.position,
    variant.c.selected_options,
    variant.c.image,
    variant.c.weight_grams,
    variant.c.requires_shipping,
    variant.c.quantity_minimum,
    variant.c.quantity_maximum,
    variant.c.quantity_step,
)
_VARIANTS = select(*_VARIANT_COLUMNS).where(variant.c.id == func.any(_ids), variant.c.active)
_VARIANT_SKUS = select(variant.c.sku, variant.c.id).where(variant.c.sku == func.any(_names), variant.c.active)
_PRODUCT_VARIANTS = (
    select(*_VARIANT_COLUMNS)
    .where(variant.c.product_id == func.any(_ids), variant.c.active)
    .order_by(variant.c.product_id, variant.c.position, variant.c.id)
)

_PRICES = select(
    variant_price.c.variant_id, variant_price.c.amount_minor, variant_price.c.compare_at_minor, variant_price.c.currency
).where(variant_price.c.variant_id == func.any(_ids), variant_price.c.currency == _currency)
_PRICE_RANGES = (
    select(
        variant.c.product_id,
        func.min(variant_price.c.amount_minor).label("lowest"),
        func.max(variant_price.c.amount_minor).label("highest"),
        func.min(variant_price.c.compare_at_minor).label("compare_lowest"),
        func.max(variant_price.c.compare_at_minor).label("compare_highest"),
        func.bool_or(func.coalesce(variant_price.c.compare_at_minor > variant_price.c.amount_minor, False)).label(
            "on_sale"
        ),
    )
    .join(variant_price, variant_price.c.variant_id == variant.c.id)
    .where(variant.c.product_id == func.any(_ids), variant.c.active, variant_price.c.currency == _currency)
    .group_by(variant.c.product_id)
)
_LOWEST_PRICES = text("""
    WITH history AS (
        SELECT variant_id, amount_minor, changed_at,
               lead(changed_at) OVER (PARTITION BY variant_id ORDER BY changed_at) AS until
        FROM price_change WHERE variant_id = ANY(:ids) AND currency = :currency
    )
    SELECT variant_id, min(history.amount_minor) AS lowest
    FROM history JOIN (SELECT variant_id, changed_at FROM history WHERE until IS NULL) AS present USING (variant_id)
    WHERE history.until > present.changed_at - interval '30 days'
    GROUP BY variant_id
""").bindparams(_ids, _currency)

_CATEGORIES = select(
    category.c.id, category.c.parent_id, category.c.slug, category.c.name, category.c.description, category.c.path_ids
).where(category.c.id == func.any(_ids))
_CATEGORY_SLUGS = select(category.c.slug, category.c.id).where(category.c.slug == func.any(_names))
_sort_name = func.lower(func.unaccent(category.c.name), type_=Text)
_CHILDREN = (
    select(category.c.parent_id, category.c.id, _sort_name.label("sort_name"))
    .where(or_(category.c.parent_id == func.any(_ids), category.c.parent_id.is_(None) & bindparam("roots")))
    .order_by(collate(_sort_name, "C"), category.c.id)  # the order of code points, as Python compares
)


class SqlCatalog:
    """`CatalogReader` on PostgreSQL. language: the one that products' own texts are in."""

    def __init__(self, database: Database, *, language: str) -> None:
        self._database = database
        self._language = language

    async def products_by_ids(self, ids: Sequence[ProductId]) -> dict[ProductId, Product]:
        """The products with these ids."""
        return {row["id"]: _product(row, self._language) for row in await self._rows(_PRODUCTS, ids=list(ids))}

    async def translations_by_product_ids(
        self, ids: Sequence[ProductId], language: str
    ) -> dict[ProductId, Translation]:
        """The products' texts in another language than the shop's."""
        rows = await self._rows(_TRANSLATIONS, ids=list(ids), language=language)
        return {row["product_id"]: Translation(row["language"], row["name"], row["description"]) for row in rows}

    async def product_ids_by_slugs(self, slugs: Sequence[str]) -> dict[str, ProductId]:
        """Which product has which slug."""
        return {row["slug"]: ProductId(row["id"]) for row in await self._rows(_PRODUCT_SLUGS, names=list(slugs))}

    async def variants_by_ids(self, ids: Sequence[VariantId]) -> dict[VariantId, Variant]:
        """The variants with these ids, those that are sold."""
        return {row["id"]: _variant(row) for row in await self._rows(_VARIANTS, ids=list(ids))}

    async def variant_ids_by_skus(self, skus: Sequence[str]) -> dict[str, VariantId]:
        """Which variant has which stock-keeping unit."""
        return {row["sku"]: VariantId(row["id"]) for row in await self._rows(_VARIANT_SKUS, names=list(skus))}

    async def variants_by_product_ids(self, ids: Sequence[ProductId]) -> dict[ProductId, tuple[Variant, ...]]:
        """All variants of these products that are sold, each in its product's order."""
        grouped: defaultdict[ProductId, list[Variant]] = defaultdict(list)
        for row in await self._rows(_PRODUCT_VARIANTS, ids=list(ids)):
            grouped[row["product_id"]].append(_variant(row))
        return {product_id: tuple(variants) for product_id, variants in grouped.items()}

    async def prices_by_variant_ids(
        self, ids: Sequence[VariantId], currency: Currency
    ) -> dict[VariantId, VariantPrice]:
        """Prices in one currency; a variant that is not sold in it is absent."""
        rows = await self._rows(_PRICES, ids=list(ids), currency=currency)
        return {row["variant_id"]: price_of(row, currency) for row in rows}

    async def price_ranges_by_product_ids(
        self, ids: Sequence[ProductId], currency: Currency
    ) -> dict[ProductId, PriceRange]:
        """Price ranges in one currency; a product that is not sold in it is absent."""
        rows = await self._rows(_PRICE_RANGES, ids=list(ids), currency=currency)
        return {
            row["product_id"]: PriceRange(
                row["product_id"],
                Money(row["lowest"], currency),
                Money(row["highest"], currency),
                None if row["compare_lowest"] is None else Money(row["compare_lowest"], currency),
                None if row["compare_highest"] is None else Money(row["compare_highest"], currency),
                row["on_sale"],
            )
            for row in rows
        }

    async def lowest_prices_by_variant_ids(
        self, ids: Sequence[VariantId], currency: Currency
    ) -> dict[VariantId, Money]:
        """The lowest price of the 30 days before the present one came. Source: Directive 98/6/EC, Article 6a."""
        rows = await self._rows(_LOWEST_PRICES, ids=list(ids), currency=currency)
        return {VariantId(row["variant_id"]): Money(row["lowest"], currency) for row in rows}

    async def categories_by_ids(self, ids: Sequence[CategoryId]) -> dict[CategoryId, Category]:
        """The categories with these ids."""
        rows = await self._rows(_CATEGORIES, ids=list(ids))
        return {
            row["id"]: Category(
                row["id"],
                row["parent_id"],
                row["slug"],
                row["name"],
                row["description"],
                tuple(row["path_ids"]),
                self._language,
            )
            for row in rows
        }

    async def category_ids_by_slugs(self, slugs: Sequence[str]) -> dict[str, CategoryId]:
        """Which category has which slug."""
        return {row["slug"]: CategoryId(row["id"]) for row in await self._rows(_CATEGORY_SLUGS, names=list(slugs))}

    async def children_by_category_ids(self, ids: Sequence[CategoryId]) -> dict[CategoryId, tuple[CategoryPlace, ...]]:
        """The categories directly below these, by name; ROOT has the topmost ones."""
        grouped: defaultdict[CategoryId, list[CategoryPlace]] = defaultdict(list)
        for row in await self._rows(_CHILDREN, ids=list(ids), roots=ROOT in ids):
            grouped[row["parent_id"] or ROOT].append(CategoryPlace(row["sort_name"], row["id"]))
        return {parent: tuple(children) for parent, children in grouped.items()}

    async def _rows(self, statement: Any, **values: object) -> Sequence[Row]:  # noqa: ANN401  Select is generic
        return await self._database.fetch_nearest(statement, values)


def price_of(row: Row, currency: Currency) -> VariantPrice:
    """The price that a row of `variant_price` holds."""
    compare_at = None if row["compare_at_minor"] is None else Money(row["compare_at_minor"], currency)
    return VariantPrice(row["variant_id"], Money(row["amount_minor"], currency), compare_at)


def _product(row: Row, language: str) -> Product:
    return Product(
        id=row["id"],
        slug=row["slug"],
        name=row["name"],
        description=row["description"],
        brand=row["brand"],
        category_id=row["category_id"],
        tags=tuple(row["tags"]),
        images=msgspec.convert(row["images"], tuple[Image, ...]),
        attributes=msgspec.convert(row["attributes"], tuple[Attribute, ...]),
        options=msgspec.convert(row["options"], tuple[ProductOption, ...]),
        seo=Seo(row["seo_title"] or row["name"], row["seo_description"] or row["description"][:SEO_DESCRIPTION_LENGTH]),
        popularity=row["popularity"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        language=language,
    )


def _variant(row: Row) -> Variant:
    return Variant(
        id=row["id"],
        product_id=row["product_id"],
        sku=row["sku"],
        name=row["name"],
        position=row["position"],
        selected_options=msgspec.convert(row["selected_options"], tuple[SelectedOption, ...]),
        image=None if row["image"] is None else msgspec.convert(row["image"], Image),
        weight_grams=row["weight_grams"],
        requires_shipping=row["requires_shipping"],
        quantity_rule=QuantityRule(row["quantity_minimum"], row["quantity_maximum"], row["quantity_step"]),
    )
