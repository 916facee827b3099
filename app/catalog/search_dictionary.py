"""What the numbers in `product_search.facet_ids` stand for.

A row of the dictionary is written once and never changes, so what has been read of it stays in the process: counts come
from the database as numbers, and only a number that is new here is asked for. See ADR-0041.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import ARRAY, Integer, bindparam, text

from app.catalog.search import EVERYTHING, FacetKind
from app.catalog.search_filters import FacetKey
from app.database.engine import Database

_KEPT = 100_000  # values: some ten megabytes
_READ = text("SELECT id, kind, slug, label, value, depth FROM facet_value WHERE id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(Integer))
)


@dataclass(frozen=True, slots=True)
class KnownValue:
    """A value of a facet. facet: what the facet is called; label: a category's name, empty for others.

    order: among values that as many products have.
    """

    key: FacetKey
    facet: str
    value: str
    label: str
    order: tuple[int, str, str]


@dataclass(slots=True)
class FacetDictionary:
    """Reads values by number. Safe for any number of tasks at once: at worst two of them read the same."""

    database: Database
    _known: dict[int, KnownValue] = field(default_factory=dict)

    async def values(self, ids: Iterable[int]) -> Mapping[int, KnownValue]:
        """At least these values, without the facet that every product has. One statement where one of them is new."""
        known = self._known
        new = [each for each in ids if each not in known and each != EVERYTHING]
        if not new:
            return known
        if len(known) + len(new) > _KEPT:
            known = self._known = {}
            new = [each for each in ids if each != EVERYTHING]
        async with self.database.read_nearest() as connection:
            rows = (await connection.execute(_READ, {"ids": new})).all()
        known |= {row[0]: _value(*row[1:]) for row in rows}
        return known


def _value(kind: str, slug: str, label: str, value: str, depth: int) -> KnownValue:
    is_category = kind == FacetKind.CATEGORY.value
    return KnownValue(
        (FacetKind(kind), slug),
        "" if is_category else label,
        value,
        label if is_category else "",
        (depth, label, value),
    )
