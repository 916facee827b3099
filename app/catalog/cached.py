"""The catalogue and its search behind the cache: decorators around the ports, so nobody else knows of it.

What is made from one product carries that product's tag, what is made from many carries the catalogue's. Searches for
what is available now are not cached: stock never is. See ADR-0004.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from app.cache import keys
from app.cache.read_through import ReadThrough
from app.catalog.domain import (
    CatalogReader,
    Category,
    CategoryPlace,
    PriceRange,
    Product,
    Translation,
    Variant,
    VariantPrice,
)
from app.catalog.labels import FacetLabels, LabelReader
from app.catalog.search import Facets, Hits, SearchIndex, SearchRequest, Suggestions
from app.core.freshness import Freshness
from app.core.ids import CategoryId, ProductId, VariantId
from app.core.money import Currency, Money
from app.core.pagination import Count, PageRequest

K = TypeVar("K")
V = TypeVar("V")
_CATALOG = (keys.CATALOG,)


class CachedCatalog:
    """`CatalogReader` that asks the cache first."""

    def __init__(self, inner: CatalogReader, cache: ReadThrough) -> None:
        self._inner = inner
        self._cache = cache

    async def products_by_ids(self, ids: Sequence[ProductId]) -> dict[ProductId, Product]:
        """The products with these ids."""
        return await _many(self._cache, "product", ids, _product_tag, Product, self._inner.products_by_ids)

    async def translations_by_product_ids(
        self, ids: Sequence[ProductId], language: str
    ) -> dict[ProductId, Translation]:
        """Texts in another language."""

        async def load(missing: Sequence[ProductId]) -> Mapping[ProductId, Translation]:
            return await self._inner.translations_by_product_ids(missing, language)

        return await _many(self._cache, f"translation:{language}", ids, _product_tag, Translation, load)

    async def product_ids_by_slugs(self, slugs: Sequence[str]) -> dict[str, ProductId]:
        """Which product has which slug."""
        return await _many(
            self._cache, "product-slug", slugs, _catalog_tag, ProductId, self._inner.product_ids_by_slugs
        )

    async def variants_by_ids(self, ids: Sequence[VariantId]) -> dict[VariantId, Variant]:
        """The variants with these ids."""
        return await _many(self._cache, "variant", ids, _variant_tag, Variant, self._inner.variants_by_ids)

    async def variant_ids_by_skus(self, skus: Sequence[str]) -> dict[str, VariantId]:
        """Which variant has which stock-keeping unit."""
        return await _many(self._cache, "variant-sku", skus, _catalog_tag, VariantId, self._inner.variant_ids_by_skus)

    async def variants_by_product_ids(self, ids: Sequence[ProductId]) -> dict[ProductId, tuple[Variant, ...]]:
        """All variants of these products that are sold."""
        return await _many(
            self._cache, "product-variants", ids, _product_tag, tuple[Variant, ...], self._inner.variants_by_product_ids
        )

    async def prices_by_variant_ids(
        self, ids: Sequence[VariantId], currency: Currency
    ) -> dict[VariantId, VariantPrice]:
        """Prices in one currency."""

        async def load(missing: Sequence[VariantId]) -> Mapping[VariantId, VariantPrice]:
            return await self._inner.prices_by_variant_ids(missing, currency)

        return await _many(self._cache, f"price:{currency}", ids, _variant_tag, VariantPrice, load)

    async def price_ranges_by_product_ids(
        self, ids: Sequence[ProductId], currency: Currency
    ) -> dict[ProductId, PriceRange]:
        """Price ranges in one currency."""

        async def load(missing: Sequence[ProductId]) -> Mapping[ProductId, PriceRange]:
            return await self._inner.price_ranges_by_product_ids(missing, currency)

        return await _many(self._cache, f"price-range:{currency}", ids, _product_tag, PriceRange, load)

    async def lowest_prices_by_variant_ids(
        self, ids: Sequence[VariantId], currency: Currency
    ) -> dict[VariantId, Money]:
        """The lowest price of the 30 days before the present one came."""

        async def load(missing: Sequence[VariantId]) -> Mapping[VariantId, Money]:
            return await self._inner.lowest_prices_by_variant_ids(missing, currency)

        return await _many(self._cache, f"lowest-price:{currency}", ids, _variant_tag, Money, load)

    async def categories_by_ids(self, ids: Sequence[CategoryId]) -> dict[CategoryId, Category]:
        """The categories with these ids."""
        return await _many(self._cache, "category", ids, _catalog_tag, Category, self._inner.categories_by_ids)

    async def category_ids_by_slugs(self, slugs: Sequence[str]) -> dict[str, CategoryId]:
        """Which category has which slug."""
        return await _many(
            self._cache, "category-slug", slugs, _catalog_tag, CategoryId, self._inner.category_ids_by_slugs
        )

    async def children_by_category_ids(self, ids: Sequence[CategoryId]) -> dict[CategoryId, tuple[CategoryPlace, ...]]:
        """The categories directly below these."""
        return await _many(
            self._cache,
            "category-children",
            ids,
            _catalog_tag,
            tuple[CategoryPlace, ...],
            self._inner.children_by_category_ids,
        )


class CachedLabels:
    """`LabelReader` that asks the cache first."""

    def __init__(self, inner: LabelReader, cache: ReadThrough) -> None:
        self._inner = inner
        self._cache = cache

    async def translations_by_category_ids(
        self, ids: Sequence[CategoryId], language: str
    ) -> dict[CategoryId, Translation]:
        """Categories' texts in another language."""

        async def load(missing: Sequence[CategoryId]) -> Mapping[CategoryId, Translation]:
            return await self._inner.translations_by_category_ids(missing, language)

        return await _many(self._cache, f"category-translation:{language}", ids, _catalog_tag, Translation, load)

    async def facet_labels_by_slugs(self, slugs: Sequence[str], language: str) -> dict[str, FacetLabels]:
        """What attributes and options are called in another language."""

        async def load(missing: Sequence[str]) -> Mapping[str, FacetLabels]:
            return await self._inner.facet_labels_by_slugs(missing, language)

        return await _many(self._cache, f"facet-labels:{language}", slugs, _catalog_tag, FacetLabels, load)

    async def languages(self) -> tuple[str, ...]:
        """The languages that anything is translated into."""
        return (await self._cache.get(keys.entry("languages"), _CATALOG, tuple[str, ...], self._inner.languages)).value


async def _many(
    cache: ReadThrough,
    kind: str,
    ids: Sequence[K],
    tags_of: Callable[[Any], Sequence[str]],
    value_type: Any,  # noqa: ANN401  a NewType and a parametrised tuple are types that `type` does not cover
    load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
) -> dict[K, V]:
    beginning = keys.entry(kind, "")
    found = await cache.get_many(ids, lambda each: f"{beginning}{each}", tags_of, value_type, load)
    return {each: entry.value for each, entry in found.items()}


class CachedSearch:
    """`ProductSearch` that asks the cache first."""

    def __init__(self, inner: SearchIndex, cache: ReadThrough) -> None:
        self._inner = inner
        self._cache = cache

    async def page(self, request: SearchRequest, page: PageRequest) -> tuple[Hits, Freshness]:
        """One page of hits, and how old it is."""

        async def load() -> Hits:
            return await self._inner.page(request, page)

        return await self._get("search-page", (request, page), request, Hits, load)

    async def count(self, request: SearchRequest) -> Count:
        """How many products the request finds."""

        async def load() -> Count:
            return await self._inner.count(request)

        return (await self._get("search-count", (request,), request, Count, load))[0]

    async def facets(self, request: SearchRequest) -> Facets:
        """Counts for narrowing."""

        async def load() -> Facets:
            return await self._inner.facets(request)

        return (await self._get("search-facets", (request,), request, Facets, load))[0]

    async def suggest(
        self, query: str, limit: int, *, language: str | None = None, currency: Currency | None = None
    ) -> Suggestions:
        """Completions of a half-typed query."""

        async def load() -> Suggestions:
            return await self._inner.suggest(query, limit, language=language, currency=currency)

        anything = SearchRequest(query)
        return (await self._get("suggestions", (query, limit, language, currency), anything, Suggestions, load))[0]

    async def matched_words(self, request: SearchRequest, words: Sequence[str]) -> frozenset[str]:
        """Which of these words a request's query is about."""

        async def load() -> frozenset[str]:
            return await self._inner.matched_words(request, words)

        return (await self._get("matched-words", (request, words), request, frozenset[str], load))[0]

    async def _get(
        self,
        kind: str,
        identity: tuple[object, ...],
        request: SearchRequest,
        value_type: type[V],
        load: Callable[[], Awaitable[V]],
    ) -> tuple[V, Freshness]:
        if request.filter.available is not None:
            return await load(), self._cache.just_read()
        digest = hashlib.sha256(msgspec.msgpack.encode(identity)).hexdigest()[:32]
        found = await self._cache.get(keys.entry(kind, digest), _CATALOG, value_type, load)
        return found.value, found.freshness


def _product_tag(product_id: ProductId) -> Sequence[str]:
    return (keys.product(product_id),)


def _variant_tag(variant_id: VariantId) -> Sequence[str]:
    return (keys.variant(variant_id),)


def _catalog_tag(_: object) -> Sequence[str]:
    return _CATALOG
