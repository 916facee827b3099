from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.cache import keys
from app.cache.read_through import ReadThrough
from app.catalog.cached import CachedCatalog, CachedSearch
from app.catalog.domain import VariantPrice
from app.catalog.search import Facets, Hits, ProductFilter, ProductSort, SearchRequest, Suggestions
from app.core.freshness import ReadSource
from app.core.ids import CategoryId, ProductId, VariantId
from app.core.money import Currency, Money
from app.core.pagination import Count, Page, PageRequest
from tests.unit.fakes import USD, FixedClock, MemoryCache

V7, V8 = VariantId(7), VariantId(8)
EUR = Currency("EUR")
PLAIN = SearchRequest("mug")


class Catalogue:
    """The prices of a `CatalogReader`. asked: ids and currency of every reading."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[VariantId], str]] = []

    async def prices_by_variant_ids(
        self, ids: Sequence[VariantId], currency: Currency
    ) -> dict[VariantId, VariantPrice]:
        self.asked.append((list(ids), currency))
        return {each: VariantPrice(each, Money(100 * each, currency), None) for each in ids}


class Index:
    """A `SearchIndex` that finds one product. asked: every question."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def page(self, request: SearchRequest, page: PageRequest) -> Hits:
        self.asked.append(("page", request, page))
        return Hits(Page((ProductId(len(self.asked)),), ("c",), has_next=False, has_previous=False))

    async def count(self, request: SearchRequest) -> Count:
        self.asked.append(("count", request))
        return Count(len(self.asked))

    async def facets(self, request: SearchRequest) -> Facets:
        self.asked.append(("facets", request))
        return Facets((), len(self.asked), None, USD, Count(0))

    async def suggest(
        self, query: str, limit: int, *, language: str | None = None, currency: Currency | None = None
    ) -> Suggestions:
        self.asked.append(("suggest", query, limit))
        return Suggestions((query,), (), ())


class Desk:
    """A catalogue and a search behind one cache."""

    def __init__(self) -> None:
        clock = FixedClock()
        self.store = MemoryCache(clock)
        cache = ReadThrough(self.store, clock)
        self.inner, self.index = Catalogue(), Index()
        self.catalogue = CachedCatalog(self.inner, cache)
        self.search = CachedSearch(self.index, cache)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_price_is_cached_under_its_currency(desk: Desk) -> None:
    await desk.catalogue.prices_by_variant_ids([V7, V8], USD)

    assert await desk.catalogue.prices_by_variant_ids([V7], USD) == {V7: VariantPrice(V7, Money(700, USD), None)}
    assert await desk.catalogue.prices_by_variant_ids([V7], EUR) == {V7: VariantPrice(V7, Money(700, EUR), None)}
    assert desk.inner.asked == [([V7, V8], "USD"), ([V7], "EUR")]


async def test_a_variant_that_changes_drops_its_own_price_only(desk: Desk) -> None:
    await desk.catalogue.prices_by_variant_ids([V7, V8], USD)

    await desk.store.drop_tags(keys.catalog_tags([], [V7]))
    await desk.catalogue.prices_by_variant_ids([V7, V8], USD)

    assert desk.inner.asked == [([V7, V8], "USD"), ([V7], "USD")]


async def test_the_same_search_is_asked_once(desk: Desk) -> None:
    first, fresh = await desk.search.page(PLAIN, PageRequest(20))
    second, cached = await desk.search.page(SearchRequest("mug"), PageRequest(20))

    assert first == second
    assert (fresh.source, cached.source) == (ReadSource.PRIMARY, ReadSource.CACHE)
    assert [await desk.search.count(PLAIN) for _ in range(2)] == [Count(2), Count(2)]
    assert [(await desk.search.facets(PLAIN)).price_min for _ in range(2)] == [3, 3]
    assert [(await desk.search.suggest("mu", 5)).queries for _ in range(2)] == [("mu",), ("mu",)]
    assert [asked[0] for asked in desk.index.asked] == ["page", "count", "facets", "suggest"]


@pytest.mark.parametrize(
    "other",
    [
        SearchRequest("mugs"),
        replace(PLAIN, sort=ProductSort.PRICE_ASC),
        replace(PLAIN, filter=ProductFilter(categories=(CategoryId(1),))),
        replace(PLAIN, filter=ProductFilter(within=CategoryId(1))),
        replace(PLAIN, filter=ProductFilter(brands=("Contour",))),
        replace(PLAIN, filter=ProductFilter(price_min=100)),
        replace(PLAIN, filter=ProductFilter(price_max=100)),
        replace(PLAIN, filter=ProductFilter(on_sale=True)),
        replace(PLAIN, filter=ProductFilter(on_sale=False)),
        replace(PLAIN, filter=ProductFilter(created_after=datetime(2026, 1, 1, tzinfo=UTC))),
    ],
)
async def test_another_search_is_another_entry(desk: Desk, other: SearchRequest) -> None:
    await desk.search.page(PLAIN, PageRequest(20))
    await desk.search.page(other, PageRequest(20))
    await desk.search.count(PLAIN)
    await desk.search.count(other)

    assert len(desk.index.asked) == 4


@pytest.mark.parametrize("page", [PageRequest(21), PageRequest(20, forward=False), PageRequest(20, cursor="c")])
async def test_another_page_is_another_entry(desk: Desk, page: PageRequest) -> None:
    await desk.search.page(PLAIN, PageRequest(20))
    await desk.search.page(PLAIN, page)

    assert len(desk.index.asked) == 2


async def test_other_suggestions_are_another_entry(desk: Desk) -> None:
    for query, limit in [("mu", 5), ("mu", 6), ("mug", 5)]:
        await desk.search.suggest(query, limit)

    assert len(desk.index.asked) == 3


@pytest.mark.parametrize("available", [True, False])
async def test_what_is_available_now_is_never_cached(desk: Desk, available: bool) -> None:
    request = replace(PLAIN, filter=ProductFilter(available=available))

    freshness = [(await desk.search.page(request, PageRequest(20)))[1] for _ in range(2)]
    for _ in range(2):
        await desk.search.count(request)
        await desk.search.facets(request)

    assert {(each.age_ms, each.source) for each in freshness} == {(0, ReadSource.PRIMARY)}
    assert len(desk.index.asked) == 6
    assert desk.store.entries == {}


async def test_any_change_of_the_catalogue_drops_every_search(desk: Desk) -> None:
    await desk.search.page(PLAIN, PageRequest(20))
    await desk.search.suggest("mu", 5)

    await desk.store.drop_tags(keys.catalog_tags([ProductId(1)], []))
    await desk.search.page(PLAIN, PageRequest(20))
    await desk.search.suggest("mu", 5)

    assert len(desk.index.asked) == 4
