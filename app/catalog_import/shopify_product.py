"""From the rows of one product in a Shopify export to its draft.

A handle is both the product's key and its slug. Products that are not published, or are drafts or archived, are left
out. The first row holds what the whole product has; pictures may stand in any row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from slugify import slugify

from app.catalog.domain import DraftFault, Image, ProductDraft
from app.catalog_import import checks as bounds
from app.catalog_import.attributes import attributes_of
from app.catalog_import.checks import Checks, shown
from app.catalog_import.identity import Keys
from app.catalog_import.lines import Lines
from app.catalog_import.reading import Currencies, Item, LeftOut, Rejection
from app.catalog_import.shopify_columns import Columns, Row
from app.catalog_import.shopify_variants import variants

MAX_ROWS = 1_000  # of one product: far more than 100 variants and 50 pictures take
_LEVELS = re.compile(r"\s*>\s*")


@dataclass(slots=True)
class ProductRows:
    """The rows of one product. line: where the first begins; faults: of records among them that cannot be read."""

    columns: Columns
    lines: Lines
    line: int
    handle: str
    rows: list[Row] = field(default_factory=list)
    faults: list[DraftFault] = field(default_factory=list)


def item_of(product: ProductRows, *, keys: Keys, currencies: Currencies) -> Item:
    """The product's draft, or why there is none."""
    checks = Checks(product.lines.source(product.line), product.faults)
    if not product.rows:
        return Rejection(tuple(checks.faults))
    if _is_unpublished(product.rows[0]):
        return LeftOut(checks.source)
    if len(product.rows) > MAX_ROWS:
        checks.fault("record", f"more than {MAX_ROWS} of them for one product")
        return Rejection(tuple(checks.faults))
    draft = _draft(product, checks, keys=keys, currencies=currencies)
    return Rejection(tuple(checks.faults)) if checks.faults else draft


def _is_unpublished(first: Row) -> bool:
    return first["published"].casefold() in ("false", "no", "0") or first["status"].casefold() not in ("", "active")


def _draft(product: ProductRows, checks: Checks, *, keys: Keys, currencies: Currencies) -> ProductDraft:
    first, title = product.rows[0], product.columns.title
    handle = checks.required_line(title("handle"), product.handle, bounds.MAX_KEY) or ""
    if handle and (earlier := keys.claim(handle, line=product.line)) is not None:
        checks.fault(title("handle"), f"{shown(handle)} stands on line {earlier} already, away from these rows")
    images = _images(product, checks)
    facts = [(name, text.split(";")) for name, text in first.attributes().items() if text]
    return ProductDraft(
        key=handle,
        source=checks.source,
        name=checks.required_line(title("title"), first["title"], bounds.MAX_NAME) or "",
        variants=variants(product.rows, images, checks, sources=product.lines, currency=currencies.default),
        description=checks.description(title("description"), first["description"]),
        brand=checks.line(title("vendor"), first["vendor"], bounds.MAX_BRAND),
        category_path=_category_path(first, checks),
        tags=checks.tags(title("tags"), first["tags"].split(",")),
        images=images,
        attributes=attributes_of(facts, "product.metafields.shopify", checks),
        slug=slugify(handle, max_length=bounds.MAX_SLUG) or None,
        seo_title=checks.line(title("seo title"), first["seo title"], bounds.MAX_SEO_TITLE),
        seo_description=checks.line(title("seo description"), first["seo description"], bounds.MAX_SEO_DESCRIPTION),
    )


def _category_path(first: Row, checks: Checks) -> tuple[str, ...]:
    taxonomy, kind = first["category"], first["type"]
    if taxonomy and not taxonomy.isdecimal():  # a bare number is a node of Google's taxonomy, without a name
        return checks.category_path(first.columns.title("category"), _LEVELS.split(taxonomy))
    name = checks.line(first.columns.title("type"), kind, bounds.MAX_CATEGORY_NAME)
    return (name,) if name else ()


def _images(product: ProductRows, checks: Checks) -> tuple[Image, ...]:
    title = product.columns.title("image")
    placed: list[tuple[int, Image | None]] = []
    for row in product.rows:
        position = row["image position"]
        place = int(position) if position.isdecimal() and len(position) < 10 else bounds.MAX_INTEGER
        checks_of_row = checks.at(product.lines.source(row.line))
        placed.append((place, checks_of_row.image(title, row["image"], row["image alt text"])))
    placed.sort(key=lambda pair: pair[0])
    return checks.images(title, (image for _, image in placed))
