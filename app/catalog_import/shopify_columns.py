"""Which column of a Shopify product CSV means what, under the names of all its exports.

Exports say `Variant Price`, the newer template says `Price`. Upper and lower case do not matter, nor does the order.
Columns that are not here (prices of markets, Google Shopping, tax codes, cost) are not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAMES: dict[str, tuple[str, ...]] = {
    "handle": ("Handle", "URL handle"),
    "title": ("Title",),
    "description": ("Body (HTML)", "Body HTML", "Description"),
    "vendor": ("Vendor",),
    "category": ("Product Category", "Standardized Product Type", "Standard Product Type"),
    "type": ("Type", "Custom Product Type"),
    "tags": ("Tags",),
    "published": ("Published", "Published on online store"),
    "status": ("Status",),
    "option1 name": ("Option1 Name",),
    "option1 value": ("Option1 Value",),
    "option2 name": ("Option2 Name",),
    "option2 value": ("Option2 Value",),
    "option3 name": ("Option3 Name",),
    "option3 value": ("Option3 Value",),
    "sku": ("Variant SKU", "SKU"),
    "grams": ("Variant Grams", "Weight value (grams)"),
    "tracker": ("Variant Inventory Tracker", "Inventory tracker"),
    "quantity": ("Variant Inventory Qty", "Inventory quantity"),
    "policy": ("Variant Inventory Policy", "Continue selling when out of stock"),
    "price": ("Variant Price", "Price"),
    "compare at": ("Variant Compare At Price", "Compare-at price"),
    "requires shipping": ("Variant Requires Shipping", "Requires shipping"),
    "image": ("Image Src", "Product image URL"),
    "image position": ("Image Position",),
    "image alt text": ("Image Alt Text",),
    "variant image": ("Variant Image", "Variant image URL"),
    "seo title": ("SEO Title",),
    "seo description": ("SEO Description",),
}
_MEANING = {name.casefold(): meaning for meaning, names in _NAMES.items() for name in names}
_ATTRIBUTE = re.compile(r"(?P<name>.+) \(product\.metafields\.shopify\.[\w-]+\)")  # facts of Shopify's own taxonomy


@dataclass(frozen=True, slots=True)
class Row:
    """One record by meaning. line: where it begins; columns: of its file."""

    line: int
    columns: Columns
    fields: tuple[str, ...]

    def __getitem__(self, meaning: str) -> str:
        """The cell without the white space around it; empty where the file has no such column."""
        return self._cell(self.columns.positions.get(meaning))

    def attributes(self) -> dict[str, str]:
        """The cells that hold facts about the product, by the name of the fact."""
        return {name: self._cell(position) for name, position in self.columns.attributes.items()}

    def is_empty(self) -> bool:
        """Whether nothing stands in it."""
        return not any(field.strip() for field in self.fields)

    def _cell(self, position: int | None) -> str:
        return self.fields[position].strip() if position is not None and position < len(self.fields) else ""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one file, by meaning and, for facts about a product, by the fact's name."""

    titles: tuple[str, ...]
    positions: dict[str, int]
    attributes: dict[str, int]

    @classmethod
    def find(cls, header: Sequence[str]) -> Columns | None:
        """The columns that a header names; None where a handle or a title is not among them."""
        positions: dict[str, int] = {}
        attributes: dict[str, int] = {}
        titles = tuple(" ".join(title.split()) for title in header)
        for position, title in enumerate(titles):
            meaning = _MEANING.get(title.casefold())
            attribute = _ATTRIBUTE.fullmatch(title)
            if meaning is not None:
                positions.setdefault(meaning, position)
            elif attribute is not None:
                attributes.setdefault(attribute["name"], position)
        if "handle" not in positions or "title" not in positions:
            return None
        return cls(titles, positions, attributes)

    def title(self, meaning: str) -> str:
        """What the file calls a column, or what exports call it where the file has none."""
        position = self.positions.get(meaning)
        return self.titles[position] if position is not None else _NAMES[meaning][0]
