"""Counts for narrowing a search, each facet without its own filter.

One statement counts every facet that has no filter of its own; one more for each that has. Rows come from all matches,
or from a sample of them, which the counts then say. See ADR-0020 and ADR-0034.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from app.catalog.search import MAX_VALUE_FACETS, FacetCount, FacetKind, Facets, ProductSort, ValueFacet
from app.catalog.search_counts import SearchCounts, scaled
from app.catalog.search_filters import FacetKey
from app.catalog.search_plan import Search, walk_category
from app.catalog.search_sql import ORDERS, Arm, facet_statement, page_statement
from app.core.money import Currency
from app.core.pagination import Count
from app.database.engine import Database

_WALK_ROWS = 200  # to the ends of the prices: what is rarer there has its ends told by a sample
_EVERYTHING = "everything"  # the kind of the facet that every product has
_ALWAYS: tuple[FacetKey, ...] = ((FacetKind.BRAND, ""), (FacetKind.CATEGORY, ""))


@dataclass(frozen=True, slots=True)
class _Counted:
    """What one statement has counted. found: rows it has read; lowest, highest: prices among them."""

    facets: list[ValueFacet]
    found: int
    sample: int | None
    lowest: int | None
    highest: int | None


@dataclass(frozen=True, slots=True)
class SearchFacets:
    """Counts the facets of a search. currency: the shop's own."""

    database: Database
    counts: SearchCounts
    currency: Currency

    async def __call__(self, search: Search) -> tuple[Facets, int]:
        """All facets that the products have, and how many products were looked at."""
        currency = search.narrow.currency or self.currency
        if search.finds_nothing:
            nothing = tuple(ValueFacet(kind, slug, "", ()) for kind, slug in _ALWAYS)
            return Facets(nothing, None, None, currency), 0
        filtered = list(dict.fromkeys(g.key for g in search.narrow.groups if g.key is not None))
        counted = await self._counted(search)
        facets = {_key(facet): facet for facet in counted.facets}
        for key in filtered:
            own = (await self._counted(Search(search.meaning, search.narrow.without(key)), key)).facets
            facets.pop(key, None)
            facets |= {key: own[0]} if own else {}
        lowest, highest = await self._prices(search, counted)
        first = [facets.pop(key, ValueFacet(*key, "", ())) for key in _ALWAYS]
        chosen = [facets.pop(key) for key in filtered if key in facets]
        values = (*first, *chosen, *facets.values())[:MAX_VALUE_FACETS]
        return Facets(values, lowest, highest, currency), counted.found

    async def _counted(self, search: Search, only: FacetKey | None = None) -> _Counted:
        sample = await self.counts.sample_for(search)
        shape, values = search.shape()
        pinned = bool(search.meaning.top)
        if pinned:
            values["top_ids"] = list(search.meaning.top)
        if only is not None:
            values |= {"kind": only[0].value, "slug": only[1]}
        statement = facet_statement(shape, sample, one=only is not None, pinned=pinned)
        rows = await self._rows(statement, values)
        found = sum(row.found for row in rows if row.kind == _EVERYTHING)
        span = (rows[0].lowest, rows[0].highest) if rows else (None, None)
        large = await self.counts.is_large()
        facets = _facets((row for row in rows if row.kind != _EVERYTHING), lambda met: scaled(met, sample, large=large))
        return _Counted(facets, found, sample, *span)

    async def _prices(self, search: Search, counted: _Counted) -> tuple[int | None, int | None]:
        """The lowest and the highest price: of all where all were read, else the first that a short walk meets."""
        wider = Search(search.meaning, search.narrow.without_price())
        if wider != search:
            counted = await self._counted(wider, (FacetKind.PRICE, ""))
        if counted.sample is None or None in (counted.lowest, counted.highest):
            return counted.lowest, counted.highest
        shape, values = wider.shape()
        ends = []
        for sort, known in ((ProductSort.PRICE_ASC, counted.lowest), (ProductSort.PRICE_DESC, counted.highest)):
            asked, walked = walk_category(wider, shape, values | {"limit": 1})
            statement = page_statement(asked, ORDERS[sort], Arm.WALK, forward=True, after=False, walk_rows=_WALK_ROWS)
            rows = await self._rows(statement, walked)
            ends.append(rows[0][0] if rows else known)
        return ends[0], ends[1]

    async def _rows(self, statement: Any, values: dict[str, object]) -> Sequence[Any]:  # noqa: ANN401  Executable
        async with self.database.read_nearest() as connection:
            return (await connection.execute(statement, values)).all()


def _facets(rows: Iterable[Any], count: Callable[[int], Count]) -> list[ValueFacet]:
    """The facets in the shop's order, then those that most products have."""
    facets: list[tuple[tuple[int, int], ValueFacet]] = []
    for (place, kind, slug), grouped in groupby(rows, key=lambda row: (row.place, row.kind, row.slug)):
        values = list(grouped)
        counts = tuple(FacetCount(row.value, count(row.found)) for row in values)
        covered = sum(row.found for row in values)
        facets.append(((place, -covered), ValueFacet(FacetKind(kind), slug, values[0].label, counts)))
    return [facet for _, facet in sorted(facets, key=lambda each: each[0])]


def _key(facet: ValueFacet) -> FacetKey:
    return facet.kind, facet.slug
