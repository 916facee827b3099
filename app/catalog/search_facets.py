"""Counts for narrowing a search, each facet without its own filter, and how many products the search finds.

One statement counts the values of every facet that has no filter of its own, all products that match, and the span of
their prices; one more for each facet that has a filter. It gives numbers, which `FacetDictionary` knows. Rows come from
all matches, or from a sample of them, which the counts then say. See ADR-0020, ADR-0034 and ADR-0041.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.catalog.search import (
    EVERYTHING,
    MAX_FACET_VALUES,
    MAX_VALUE_FACETS,
    FacetCount,
    FacetKind,
    Facets,
    ValueFacet,
)
from app.catalog.search_count_sql import facet_statement
from app.catalog.search_counts import EXACT_ROWS, SearchCounts, sample_of, told
from app.catalog.search_dictionary import FacetDictionary, KnownFacet, KnownValue, Order
from app.catalog.search_filters import FacetKey
from app.catalog.search_plan import Search, walked_category
from app.core.money import Currency
from app.core.pagination import Count
from app.database.engine import Database

_WALK_ROWS = 200  # to the ends of the prices: what is rarer there has its ends told by a sample
_LAST = 32_767  # where a facet stands of which the shop says nothing
_ALWAYS: tuple[FacetKey, ...] = ((FacetKind.BRAND, ""), (FacetKind.CATEGORY, ""))
_RULED = (FacetKind.ATTRIBUTE, FacetKind.OPTION)


@dataclass(frozen=True, slots=True)
class _Met:
    """What one statement has counted. found: rows by value; sample: None where all that match were read.

    lowest, highest: prices among the rows; places: of facets that the shop orders; hidden: those that it does not show.
    """

    found: Mapping[int, int]
    sample: int | None
    lowest: int | None
    highest: int | None
    places: Mapping[str, int]
    hidden: frozenset[str]

    @property
    def products(self) -> int:
        """How many rows there were."""
        return self.found.get(EVERYTHING, 0)


@dataclass(frozen=True, slots=True)
class SearchFacets:
    """Counts the facets of a search. currency: the shop's own."""

    database: Database
    counts: SearchCounts
    dictionary: FacetDictionary
    currency: Currency

    async def __call__(self, search: Search) -> Facets:
        """All facets that the products have, and how many products there are."""
        currency = search.narrow.currency or self.currency
        if search.finds_nothing:
            nothing = tuple(ValueFacet(kind, slug, "", ()) for kind, slug in _ALWAYS)
            return Facets(nothing, None, None, currency, Count(0))
        filtered = list(dict.fromkeys(g.key for g in search.narrow.groups if g.key is not None))
        met = await self._met(search)
        facets = {_key(facet): facet for facet in await self._facets(met)}
        for key in filtered:
            own = await self._met(Search(search.meaning, search.narrow.without(key)))
            facets.pop(key, None)
            facets |= {_key(facet): facet for facet in await self._facets(own, key)}
        at_any_price = Search(search.meaning, search.narrow.without_price())
        priced = met if at_any_price == search else await self._met(at_any_price)
        first = [facets.pop(key, ValueFacet(*key, "", ())) for key in _ALWAYS]
        chosen = [facets.pop(key) for key in filtered if key in facets]
        values = (*first, *chosen, *facets.values())[:MAX_VALUE_FACETS]
        return Facets(values, priced.lowest, priced.highest, currency, await self._count(search, met))

    async def _count(self, search: Search, met: _Met) -> Count:
        count = told(met.products, met.sample)
        is_said = met.sample is None or count.value == EXACT_ROWS
        return count if is_said else await self.counts.count(search)

    async def _met(self, search: Search) -> _Met:
        if search.is_of_pins or not await self.counts.is_large():
            return await self._read(search)
        sample = await self.counts.few_or_sample(search)
        if sample is not None:
            return await self._read(search, sample)
        met = await self._read(search, at_most=EXACT_ROWS + 1)
        if met.products <= EXACT_ROWS:
            return met
        return await self._read(search, sample_of(await self.counts.probed(search)))  # they were more than was thought

    async def _read(self, search: Search, sample: int | None = None, *, at_most: int | None = None) -> _Met:
        shape, values = search.shape(top=True if search.is_of_pins else None)
        pinned = bool(search.meaning.top) and not search.is_of_pins and sample is None
        if pinned:
            values["top_ids"] = list(search.meaning.top)
        if at_most is not None:
            values["limit"] = at_most
        walk_rows = _WALK_ROWS if sample is not None and await self._meets(search) else 0
        if walk_rows and not shape.foreign:
            category = walked_category(search)
            values["price_category"] = category.category_id if category else 0
        statement = facet_statement(shape, sample, at_most=at_most is not None, pinned=pinned, walk_rows=walk_rows)
        ((ids, found, lowest, highest, rules),) = await self.database.fetch_nearest(statement, values)
        return _Met(
            dict(zip(ids, found, strict=True)),
            sample,
            lowest,
            highest,
            {slug: position for slug, position, _ in rules or ()},
            frozenset(slug for slug, _, hidden in rules or () if hidden),
        )

    async def _meets(self, search: Search) -> bool:
        """Whether a walk along the prices is likely to meet a match."""
        size = await self.counts.state()
        likely = search.frequency(size, in_name=False).likely
        return not search.shape()[0].is_indexed or likely * _WALK_ROWS >= size.product_count

    async def _facets(self, met: _Met, only: FacetKey | None = None) -> list[ValueFacet]:
        """The facets in the shop's order, then those that most products have."""
        known = await self.dictionary.values(met.found)
        groups: dict[KnownFacet, list[tuple[int, Order, KnownValue]]] = {}
        for each, found in met.found.items():
            value = known.get(each)
            if value is None:
                continue
            group = groups.get(value.facet)
            if group is None:
                group = groups[value.facet] = []
            group.append((-found, value.order, value))
        facets: list[tuple[int, int, str, str, ValueFacet]] = []
        sample = met.sample
        for facet, values in groups.items():
            ruled = facet.slug if facet.kind in _RULED else ""
            if ruled in met.hidden or only not in (None, (facet.kind, facet.slug)):
                continue
            values.sort()
            del values[MAX_FACET_VALUES:]
            shown = tuple([FacetCount(value.value, told(-less, sample), value.label) for less, _, value in values])
            covered = sum([less for less, _, _ in values])
            label = values[0][2].facet_label
            narrow = ValueFacet(facet.kind, facet.slug, label, shown)
            facets.append((met.places.get(ruled, _LAST), covered, facet.kind.value, facet.slug, narrow))
        facets.sort(key=lambda each: each[:4])
        return [facet for *_, facet in facets]


def _key(facet: ValueFacet) -> FacetKey:
    return facet.kind, facet.slug
