"""The rows of our own format: the fields of a JSON object that stands for one product.

docs/guides/import.md is this page for users. A field that is not here is a fault and never ignored, so that a typing
error cannot lose a price. Names are camelCase in files.
"""

from __future__ import annotations

from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated

import msgspec

from app.catalog_import.checks import MAX_INTEGER, MAX_PIXELS
from app.core.quantity import MAX_QUANTITY
from app.core.stock import StockPolicy

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Units = Annotated[int, msgspec.Meta(ge=1, le=MAX_QUANTITY)]
Pixels = Annotated[int, msgspec.Meta(ge=1, le=MAX_PIXELS)]
TaxClass = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]{0,31}$")]
Value = str | int | float  # of an option or attribute, where a file may write 42 for "42"; never of a price


class ImageRow(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A picture with more than an address."""

    url: str
    alt: str | None = None
    width: Pixels | None = None
    height: Pixels | None = None


class SeoRow(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a search engine shows instead of the name and the description."""

    title: str | None = None
    description: str | None = None


class PriceRow(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A price in another currency, with what it is compared with."""

    price: Decimal
    compare_at_price: Decimal | None = None


class QuantityRow(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """How many units may be bought."""

    minimum: Units | None = None
    maximum: Units | None = None
    step: Units | None = None


class VariantRow(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """One variant. What it leaves out it takes from the product's row, but for `sku`, `options` and `stock`."""

    sku: str | None = None
    options: dict[str, Value] = {}
    price: Decimal | None = None
    compare_at_price: Decimal | None = None
    prices: dict[str, Decimal | PriceRow] | None = None
    stock: Count | None = None
    stock_policy: StockPolicy | None = None
    weight_grams: Count | None = None
    requires_shipping: bool | None = None
    tax_class: TaxClass | None = None
    quantity_rule: QuantityRow | None = None
    image: str | ImageRow | None = None


class TranslationRow(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A product's texts in another language."""

    name: str | None = None
    description: str | None = None


class ProductRow(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """One product; without `variants` it is its own only variant."""

    name: str | None = None
    key: str | None = None
    slug: str | None = None
    description: str | None = None
    brand: str | None = None
    categories: list[str] | None = None
    tags: list[str] | None = None
    attributes: dict[str, Value | list[Value]] | None = None
    popularity: Count | None = None
    seo: SeoRow | None = None
    image: str | ImageRow | None = None
    images: list[str | ImageRow] | None = None
    currency: str | None = None
    price: Decimal | None = None
    compare_at_price: Decimal | None = None
    prices: dict[str, Decimal | PriceRow] | None = None
    sku: str | None = None
    stock: Count | None = None
    stock_policy: StockPolicy | None = None
    weight_grams: Count | None = None
    requires_shipping: bool | None = None
    tax_class: TaxClass | None = None
    quantity_rule: QuantityRow | None = None
    variants: list[VariantRow] | None = None
    translations: dict[str, TranslationRow] | None = None


def text_of(value: Value) -> str:
    """An option's or attribute's value as text: 42 is `42`, 8.5 is `8.5`."""
    return value if isinstance(value, str) else f"{Decimal(str(value)):f}"


_ROW_BY_PARENT: dict[str, type[msgspec.Struct]] = {
    "variants": VariantRow,
    "image": ImageRow,
    "images": ImageRow,
    "prices": PriceRow,
    "quantityRule": QuantityRow,
    "seo": SeoRow,
    "translations": TranslationRow,
}
_OTHER_WORDS = {  # what other systems call our fields
    "category": "categories",
    "compare_at": "compareAtPrice",
    "inventory": "stock",
    "qty": "stock",
    "quantity": "stock",
    "title": "name",
    "vendor": "brand",
}


def nearest_field(unknown: str, parent: str) -> str | None:
    """The field that somebody meant who wrote an unknown one; parent: the path of the object around it."""
    row = _ROW_BY_PARENT.get(parent.rpartition(".")[2].partition("[")[0], ProductRow)
    fields = [field.encode_name for field in msgspec.structs.fields(row)]
    other_word = _OTHER_WORDS.get(unknown.casefold())
    if other_word in fields:
        return other_word
    by_letters = {field.casefold(): field for field in fields}
    close = get_close_matches(unknown.casefold().replace("_", ""), by_letters, n=1)
    return by_letters[close[0]] if close else None
