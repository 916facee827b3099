"""What can be asked of product search, and what it answers. See ADR-0008."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

import msgspec

from app.core.freshness import Freshness
from app.core.ids import CategoryId, ProductId
from app.core.languages import LANGUAGES
from app.core.money import Currency
from app.core.pagination import Count, Page, PageRequest

MAX_QUERY_LENGTH = 500  # characters; a longer query is cut, it is no mistake worth an error
MAX_FACET_VALUES = 50
MAX_VALUE_FACETS = 30  # brand and category included
EVERYTHING = 0  # the facet that every product has


def text_config(language: str) -> str:
    """PostgreSQL's configuration for texts of this language, one of LANGUAGES."""
    if language not in LANGUAGES:
        raise ValueError(f"{language!r} is not a language that can be searched")
    return f"shop_{language}"


def lexeme_prefix(language: str, *, own: str) -> str:
    """What the lexemes of a language stand behind; nothing for the shop's own."""
    return "" if language == own else f"{language}/"


class FacetKind(Enum):
    """What a facet narrows, and so the field of the filter that its values go into."""

    BRAND = "brand"
    CATEGORY = "category"
    PRICE = "price"
    ATTRIBUTE = "attribute"
    OPTION = "option"


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
class ValueChoice:
    """Values of one attribute or option, any of which will do. slug: the attribute's or option's."""

    slug: str
    any_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Which products count. Values inside one field are alternatives; fields narrow each other.

    categories: each with its whole subtree; within: one that all of them must lie in.
    price_min, price_max: minor units, inclusive, of the request's currency.
    attributes, options: each narrows by itself, whatever the others say.
    """

    categories: tuple[CategoryId, ...] = ()
    within: CategoryId | None = None
    brands: tuple[str, ...] = ()
    price_min: int | None = None
    price_max: int | None = None
    available: bool | None = None
    on_sale: bool | None = None
    created_after: datetime | None = None
    attributes: tuple[ValueChoice, ...] = ()
    options: tuple[ValueChoice, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search: words (empty for browsing), a filter and an order.

    currency: what prices are in; products that are not sold in it are not found. None for the shop's own.
    language: None for the shop's own.
    """

    query: str = ""
    filter: ProductFilter = ProductFilter()
    sort: ProductSort = ProductSort.RELEVANCE
    currency: Currency | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of what was found. corrected_query: what was looked for instead of the words as typed, if anything."""

    page: Page[ProductId]
    corrected_query: str | None = None


class FacetCount(msgspec.Struct, frozen=True):  # a search makes a hundred: a fifth of a dataclass's time
    """How many products a value of a facet would leave.

    value: what goes into the filter; a category's id in digits. label: a category's name in the shop's own language,
    empty for what is called by its value.
    """

    value: str
    count: Count
    label: str = ""


@dataclass(frozen=True, slots=True)
class ValueFacet:
    """A way to narrow by values, the most frequent first, at most MAX_FACET_VALUES.

    slug: of the attribute or option, empty for brand and category; label: its name, as the catalogue writes it.
    """

    kind: FacetKind
    slug: str
    label: str
    values: tuple[FacetCount, ...]


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts for narrowing a search. A facet's own filter does not apply to its counts, so alternatives show.

    values: brand and category first, always; then attributes and options, at most MAX_VALUE_FACETS of them.
    price_min, price_max: minor units; None where nothing was found. count: how many the search finds, as `count` says.
    """

    values: tuple[ValueFacet, ...]
    price_min: int | None
    price_max: int | None
    currency: Currency
    count: Count


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What a half-typed query may become, best first."""

    queries: tuple[str, ...]
    product_ids: tuple[ProductId, ...]
    category_ids: tuple[CategoryId, ...]


class SearchIndex(Protocol):
    """Finds products. Words that find nothing, or are none, give empty answers, never an error."""

    async def page(self, request: SearchRequest, page: PageRequest) -> Hits:
        """One page of hits. Raises InvalidInput when the cursor is not of this list."""
        ...

    async def count(self, request: SearchRequest) -> Count:
        """How many products the request finds: exactly, or at least where that would take long."""
        ...

    async def facets(self, request: SearchRequest) -> Facets:
        """Counts by brand, category, price, and by every attribute and option that the products have."""
        ...

    async def suggest(
        self, query: str, limit: int, *, language: str | None = None, currency: Currency | None = None
    ) -> Suggestions:
        """Completions of a half-typed query, at most `limit` of each kind; products that are sold in the currency."""
        ...

    async def matched_words(self, request: SearchRequest, words: Sequence[str]) -> frozenset[str]:
        """Which of these words a request's query is about, for marking them."""
        ...


class ProductSearch(Protocol):
    """Product search as shoppers use it: `SearchIndex`, and how old an answer is."""

    async def page(self, request: SearchRequest, page: PageRequest) -> tuple[Hits, Freshness]:
        """One page of hits, and how old it is. Raises InvalidInput when the cursor is not of this list."""
        ...

    async def count(self, request: SearchRequest) -> Count:
        """How many products the request finds: exactly, or at least where that would take long."""
        ...

    async def facets(self, request: SearchRequest) -> Facets:
        """Counts by brand, category, price, and by every attribute and option that the products have."""
        ...

    async def suggest(
        self, query: str, limit: int, *, language: str | None = None, currency: Currency | None = None
    ) -> Suggestions:
        """Completions of a half-typed query, at most `limit` of each kind; products that are sold in the currency."""
        ...

    async def matched_words(self, request: SearchRequest, words: Sequence[str]) -> frozenset[str]:
        """Which of these words a request's query is about, for marking them."""
        ...
