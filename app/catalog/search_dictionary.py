"""What the numbers in `product_search.facet_ids` stand for.

A row of the dictionary is written once and never changes, so what has been read of it stays in the process: counts come
from the database as numbers, and only a number that is new here is asked for. See ADR-0041.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import ARRAY, Integer, bindparam, text

from app.catalog.search import EVERYTHING, FacetKind
from app.database.engine import Database

_KEPT = 100_000  # values: some ten megabytes
_READ = text("SELECT id, kind, slug, label, value, depth FROM facet_value WHERE id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(Integer))
)


Order = tuple[int, str, str]


@dataclass(frozen=True, slots=True, eq=False)
class KnownFacet:
    """A facet; there is one object for each, so that values are sorted by facet in no time."""

    kind: FacetKind
    slug: str


@dataclass(frozen=True, slots=True)
class KnownValue:
    """A value of a facet. facet_label: what the facet is called; label: a category's name, empty for others.

    order: among values of the facet that as many products have, no two have the same.
    """

    facet: KnownFacet
    facet_label: str
    value: str
    label: str
    order: Order


@dataclass(slots=True)
class FacetDictionary:
    """Reads values by number. Safe for any number of tasks at once: at worst two of them read the same."""

    database: Database
    _known: dict[int, KnownValue] = field(default_factory=dict)
    _facets: dict[tuple[str, str], KnownFacet] = field(default_factory=dict)

    async def values(self, ids: Iterable[int]) -> Mapping[int, KnownValue]:
        """At least these values, without the facet that every product has. One statement where one of them is new."""
        known = self._known
        new = [each for each in ids if each not in known and each != EVERYTHING]
        if not new:
            return known
        if len(known) + len(new) > _KEPT:
            known = self._known = {}
            new = [each for each in ids if each != EVERYTHING]
        rows = await self.database.fetch_nearest(_READ, {"ids": new})
        known |= {row[0]: self._value(*row[1:]) for row in rows}
        return known

    def _value(self, kind: str, slug: str, label: str, value: str, depth: int) -> KnownValue:
        facet = self._facets.setdefault((kind, slug), KnownFacet(FacetKind(kind), slug))
        is_category = facet.kind is FacetKind.CATEGORY
        names = ("", label) if is_category else (label, "")
        return KnownValue(facet, names[0], value, names[1], (depth, label, value))
