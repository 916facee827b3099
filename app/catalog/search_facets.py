"""Counts for narrowing a search, each facet without its own filter.

One statement counts every facet that has no filter of its own; one more for each that has. Rows come from all matches,
or from a sample of them, which the counts then say. See ADR-0020.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from app.catalog.search import MAX_VALUE_FACETS, FacetCount, FacetKind, Facets, ProductSort, ValueFacet
from app.catalog.search_counts import SearchCounts, scaled
from app.catalog.search_filters import FacetKey
from app.catalog.search_plan import Search, walk_category
from app.catalog.search_sql import ORDERS, Arm, facet_statement, page_statement, price_statement
from app.core.money import Currency
from app.database.engine import Database

_EVERYTHING = "everything"  # the kind of the facet that every product has
_ALWAYS: tuple[FacetKey, ...] = ((FacetKind.BRAND, ""), (FacetKind.CATEGORY, ""))


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
        sample = await self.counts.sample_for(search)
        counted, found = await self._counted(search, None, sample)
        facets = {_key(facet): facet for facet in counted}
        for key in filtered:
            wider = Search(search.meaning, search.narrow.without(key))
            own, _ = await self._counted(wider, key, await self.counts.sample_for(wider))
            facets |= {key: own[0]} if own else {}
            if not own:
                facets.pop(key, None)
        wider = Search(search.meaning, search.narrow.without_price())
        lowest, highest = await self._prices(wider, sample if wider == search else await self.counts.sample_for(wider))
        first = [facets.pop(key, ValueFacet(*key, "", ())) for key in _ALWAYS]
        chosen = [facets.pop(key) for key in filtered if key in facets]
        values = (*first, *chosen, *facets.values())[:MAX_VALUE_FACETS]
        return Facets(values, lowest, highest, currency), found

    async def _counted(self, search: Search, only: FacetKey | None, sample: int | None) -> tuple[list[ValueFacet], int]:
        shape, values = search.shape()
        pinned = bool(search.meaning.top)
        if pinned:
            values["top_ids"] = list(search.meaning.top)
        if only is not None:
            values |= {"kind": only[0].value, "slug": only[1]}
        statement = facet_statement(shape, sample, one=only is not None, pinned=pinned)
        rows = await self._rows(statement, values)
        total = sum(row.found for row in rows if row.kind == _EVERYTHING)
        return _facets([row for row in rows if row.kind != _EVERYTHING], sample), total

    async def _prices(self, search: Search, sample: int | None) -> tuple[int | None, int | None]:
        shape, values = search.shape()
        if sample is None:
            (row,) = await self._rows(price_statement(shape, None), values)
            return row[0], row[1]
        ends = []
        for sort in (ProductSort.PRICE_ASC, ProductSort.PRICE_DESC):
            asked, walked = walk_category(search, shape, values | {"limit": 1})
            statement = page_statement(asked, ORDERS[sort], Arm.WALK, forward=True, after=False)
            rows = await self._rows(statement, walked)
            ends.append(rows[0][0] if rows else None)
        if None in ends:  # too rare among the cheapest or the dearest: what the sample has is inside
            (row,) = await self._rows(price_statement(shape, sample), values)
            ends = [row[at] if end is None else end for at, end in enumerate(ends)]
        return ends[0], ends[1]

    async def _rows(self, statement: Any, values: dict[str, object]) -> Sequence[Any]:  # noqa: ANN401  Executable
        async with self.database.read_nearest() as connection:
            return (await connection.execute(statement, values)).all()


def _facets(rows: Iterable[Any], sample: int | None) -> list[ValueFacet]:
    """The facets in the shop's order, then those that most products have."""
    facets: list[tuple[tuple[int, int], ValueFacet]] = []
    for (place, kind, slug), grouped in groupby(rows, key=lambda row: (row.place, row.kind, row.slug)):
        values = list(grouped)
        counts = tuple(FacetCount(row.value, scaled(row.found, sample)) for row in values)
        covered = sum(row.found for row in values)
        facets.append(((place, -covered), ValueFacet(FacetKind(kind), slug, values[0].label, counts)))
    return [facet for _, facet in sorted(facets, key=lambda each: each[0])]


def _key(facet: ValueFacet) -> FacetKey:
    return facet.kind, facet.slug
