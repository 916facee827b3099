"""What can be asked of product search, and what it answers. See ADR-0008."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from app.core.freshness import Freshness
from app.core.ids import CategoryId, ProductId
from app.core.money import Currency
from app.core.pagination import Count, Page, PageRequest

MAX_QUERY_LENGTH = 500  # characters; a longer query is cut, it is no mistake worth an error
MAX_FACET_VALUES = 50


class ProductSort(Enum):
    """The orders that products can be listed in; ties are broken by the product, so that pages are stable."""

    RELEVANCE = "RELEVANCE"
    BEST_SELLING = "BEST_SELLING"
    NEWEST = "NEWEST"
    PRICE_ASC = "PRICE_ASC"
    PRICE_DESC = "PRICE_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Which products count. Values inside one field are alternatives; fields narrow each other.

    categories: each with its whole subtree; within: one that all of them must lie in.
    price_min, price_max: minor units, inclusive, of the request's currency.
    """

    categories: tuple[CategoryId, ...] = ()
    within: CategoryId | None = None
    brands: tuple[str, ...] = ()
    price_min: int | None = None
    price_max: int | None = None
    available: bool | None = None
    on_sale: bool | None = None
    created_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search: words (empty for browsing), a filter and an order.

    currency: what prices are in; products that are not sold in it are not found. None for the shop's own.
    """

    query: str = ""
    filter: ProductFilter = ProductFilter()
    sort: ProductSort = ProductSort.RELEVANCE
    currency: Currency | None = None


@dataclass(frozen=True, slots=True)
class FacetCount:
    """How many products a value of a facet would leave. value: a brand's name, or a category's id."""

    value: str | int
    count: Count


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts for narrowing a search. A facet's own filter does not apply to its counts, so alternatives show.

    brands, categories: the most frequent first, at most MAX_FACET_VALUES.
    price_min, price_max: minor units; None where nothing was found.
    """

    brands: tuple[FacetCount, ...]
    categories: tuple[FacetCount, ...]
    price_min: int | None
    price_max: int | None
    currency: Currency


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What a half-typed query may become, best first."""

    queries: tuple[str, ...]
    product_ids: tuple[ProductId, ...]
    category_ids: tuple[CategoryId, ...]


class SearchIndex(Protocol):
    """Finds products. Words that find nothing, or are none, give empty answers, never an error."""

    async def page(self, request: SearchRequest, page: PageRequest) -> Page[ProductId]:
        """One page of hits. Raises InvalidInput when the cursor is not of this list."""
        ...

    async def count(self, request: SearchRequest) -> Count:
        """How many products the request finds."""
        ...

    async def facets(self, request: SearchRequest) -> Facets:
        """Counts by brand, category and price."""
        ...

    async def suggest(self, query: str, limit: int) -> Suggestions:
        """Completions of a half-typed query, at most `limit` of each kind."""
        ...


class ProductSearch(Protocol):
    """Product search as shoppers use it: `SearchIndex`, and how old an answer is."""

    async def page(self, request: SearchRequest, page: PageRequest) -> tuple[Page[ProductId], Freshness]:
        """One page of hits, and how old it is. Raises InvalidInput when the cursor is not of this list."""
        ...

    async def count(self, request: SearchRequest) -> Count:
        """How many products the request finds."""
        ...

    async def facets(self, request: SearchRequest) -> Facets:
        """Counts by brand, category and price."""
        ...

    async def suggest(self, query: str, limit: int) -> Suggestions:
        """Completions of a half-typed query, at most `limit` of each kind."""
        ...
