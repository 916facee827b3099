"""A filter in the terms of the index: groups of facet ids, and conditions on the hit rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.catalog.search import FacetKind, ProductFilter
from app.core.money import Currency
from app.database.engine import Database

_FIND = text("""
    SELECT place, id, product_count FROM jsonb_to_recordset(:wanted) AS wanted (
        place int, kind text, slug text, value text)
    CROSS JOIN LATERAL (
        SELECT id, product_count FROM facet_value
        WHERE (kind, slug, value) = (wanted.kind, wanted.slug, wanted.value) OFFSET 0
    ) AS found
""").bindparams(bindparam("wanted", type_=JSONB))

_NOTHING = -1  # a facet that no product has
FacetKey = tuple[FacetKind, str]
_Choice = tuple[FacetKey | None, FacetKind, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class FacetGroup:
    """Facet ids of which a product must have one. key: the facet that they belong to, None for a category around it.

    product_count: how many products have any of them, about. category_id: where the group is one category.
    """

    key: FacetKey | None
    ids: tuple[int, ...]
    product_count: int
    category_id: int | None = None


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a filter asks of a product. conditions: by the names that `search_sql` knows.

    currency: another one than the shop's, which products must be sold in and prices are of.
    """

    groups: tuple[FacetGroup, ...] = ()
    conditions: tuple[tuple[str, object], ...] = ()
    currency: Currency | None = None

    @property
    def narrows(self) -> bool:
        """Whether not all products of the shop pass."""
        return bool(self.groups or self.conditions or self.currency)

    def without(self, key: FacetKey) -> Narrowing:
        """The same without a facet's own filter."""
        return replace(self, groups=tuple(group for group in self.groups if group.key != key))

    def without_price(self) -> Narrowing:
        """The same for any price."""
        return replace(self, conditions=tuple(c for c in self.conditions if not c[0].startswith("price")))


async def narrowing(database: Database, wanted: ProductFilter, currency: Currency | None) -> Narrowing:
    """The filter in the index's terms; one statement where it names categories, brands, attributes or options.

    currency: another one than the shop's.
    """
    choices = list(_choices(wanted))
    groups: list[FacetGroup] = []
    if choices:
        rows = [
            {"place": place, "kind": kind.value, "slug": slug, "value": value}
            for place, (_, kind, slug, values) in enumerate(choices)
            for value in values
        ]
        found = await database.fetch_nearest(_FIND, {"wanted": rows})
        groups = [_group(place, choice, found) for place, choice in enumerate(choices)]
    names = ("price_min", "price_max", "available", "on_sale", "created_after")
    conditions = ((name, getattr(wanted, name)) for name in names)
    return Narrowing(tuple(groups), tuple(each for each in conditions if each[1] is not None), currency)


def _choices(wanted: ProductFilter) -> Iterator[_Choice]:
    if wanted.within is not None:
        yield None, FacetKind.CATEGORY, "", (str(wanted.within),)
    if wanted.categories:
        yield (FacetKind.CATEGORY, ""), FacetKind.CATEGORY, "", tuple(map(str, wanted.categories))
    if wanted.brands:
        yield (FacetKind.BRAND, ""), FacetKind.BRAND, "", wanted.brands
    for kind, choices in ((FacetKind.ATTRIBUTE, wanted.attributes), (FacetKind.OPTION, wanted.options)):
        for choice in choices:
            yield (kind, choice.slug), kind, choice.slug, choice.any_of


def _group(place: int, choice: _Choice, found: Sequence[Any]) -> FacetGroup:
    key, kind, _, values = choice
    rows = [row for row in found if row["place"] == place]
    ids = tuple(row["id"] for row in rows) or (_NOTHING,)
    is_category = kind is FacetKind.CATEGORY and len(values) == 1
    return FacetGroup(key, ids, sum(row["product_count"] for row in rows), int(values[0]) if is_category else None)
