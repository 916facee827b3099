"""Product search in the schema: the connection with its counts and facets, computed only where they are selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from app.catalog import domain as records
from app.catalog import search
from app.catalog.highlight import marked, words_in
from app.core.errors import InvalidInput
from app.core.freshness import Freshness as FreshnessRecord
from app.core.freshness import ReadSource
from app.core.ids import CategoryId
from app.core.money import Currency
from app.core.money import Money as MoneyRecord
from app.core.pagination import Count as CountRecord
from app.core.provenance import is_for_this_request
from dataloaders.batching import Loader
from resolvers.backing import backed_by, given
from resolvers.connection import PageInfo, PageMark, asked_page, page_mark
from resolvers.context import Context, Info
from resolvers.cost_directives import EMBEDDED, at_most
from resolvers.facets import Count, Facet, facets_of
from resolvers.ids import category_key
from resolvers.product import Product
from resolvers.scalars import Cursor

MAX_FILTER_VALUES = 100
MAX_CHOICES = 20  # of attributes, and of options


@strawberry.type(description="How old an answer is, and where it came from.", directives=[EMBEDDED])
@backed_by(FreshnessRecord)
class Freshness:
    """Declared over its record."""

    as_of: datetime = strawberry.field(description="When it was read from the database.")
    age_ms: int = strawberry.field(description="How long ago that was, in milliseconds.")
    source: ReadSource = strawberry.field(description="Where it was read.")


@dataclass(frozen=True, slots=True)
class ProductRow:
    """The record behind `ProductEdge`. highlights: those of the whole page, found once one is asked for."""

    node: records.Product
    cursor: str
    highlights: Loader[records.Product, str]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many products a request finds, and its facets where these are asked for: one look at them gives both."""

    total: CountRecord
    facets: search.Facets | None = None


@dataclass(frozen=True, slots=True)
class ProductListing:
    """The record behind `ProductConnection`: a page, its request, and what is counted of that once it is asked for."""

    edges: tuple[ProductRow, ...]
    nodes: tuple[records.Product, ...]
    page_info: PageMark
    freshness: FreshnessRecord
    corrected_query: str | None
    request: search.SearchRequest
    counts: Loader[bool, Counted]  # True: with facets


@strawberry.type(description="A row of a product list.", directives=[EMBEDDED])
class ProductEdge:
    """Declared over `ProductRow`."""

    node: Product = strawberry.field(description="The product itself.")
    cursor: Cursor = strawberry.field(description="The row's place in the list.")

    @strawberry.field(
        description="The name, or a passage of the description, as HTML with the words that were looked for in `<em>`;"
        " null without words, or where they are found elsewhere."
    )
    async def highlight(row: strawberry.Parent[ProductRow]) -> str | None:
        """Batched over the page."""
        return await row.highlights.load(row.node)


@strawberry.type(description="A page of products.")
class ProductConnection:
    """Declared over `ProductListing`."""

    edges: list[ProductEdge] = strawberry.field(description="The rows of the page, with their cursors.")
    nodes: list[Product] = strawberry.field(description="The objects of the page, for clients that need no cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in its list.")
    corrected_query: str | None = strawberry.field(
        description="What was looked for instead of the words as typed, which find nothing or next to nothing;"
        " null where they were right."
    )

    @strawberry.field(description="How old this page is.", graphql_type=Freshness)
    def freshness(found: strawberry.Parent[ProductListing]) -> FreshnessRecord:
        """Of this moment: an answer that tells of its age cannot be given again later."""
        is_for_this_request()
        return found.freshness

    @strawberry.field(description="How many products there are in all.", graphql_type=Count)
    async def total_count(found: strawberry.Parent[ProductListing]) -> CountRecord:
        """Counted only where it is selected, with the facets where these are too."""
        counted = await found.counts.load(False)
        assert counted is not None, "everything can be counted"
        return counted.total

    @strawberry.field(
        directives=at_most(search.MAX_VALUE_FACETS + 1),
        description="Ways to narrow the list: `brand`, `category` and `price` always, then the attributes and options"
        " that its products have; at most 31.",
    )
    async def facets(found: strawberry.Parent[ProductListing], info: Info) -> list[Facet]:
        """Counted only where it is selected."""
        counted = await found.counts.load(True)
        assert counted is not None, "everything can be counted"
        assert counted.facets is not None, "they were asked for"
        return await facets_of(counted.facets, found.request.filter, info.context)


@strawberry.input(description="A span of prices, in the shop's currency or that of `@inContext`.")
class PriceRangeInput:
    """Both ends are inclusive."""

    min: Decimal | None = strawberry.field(default=strawberry.UNSET, description="The lowest price.")
    max: Decimal | None = strawberry.field(default=strawberry.UNSET, description="The highest price.")


@strawberry.input(description="Values of one attribute or option, any of which will do.")
class AttributeFilter:
    """Becomes a `ValueChoice`."""

    slug: str = strawberry.field(description="The attribute's or option's `slug`, as facets give it.")
    any_of: list[str] = strawberry.field(description="Its values; at most 100.")


@strawberry.input(
    name="ProductFilter",
    description="Which products to list. Values inside one field are alternatives; fields narrow each other.",
)
class ProductFilterInput:
    """Becomes a record by `_filter`."""

    categories: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="Ids of categories, each with all that is below it; at most 100."
    )
    brands: list[str] | None = strawberry.field(default=strawberry.UNSET, description="Brands; at most 100.")
    price: PriceRangeInput | None = strawberry.field(
        default=strawberry.UNSET, description="The lowest price among a product's variants lies in this span."
    )
    available: bool | None = strawberry.field(
        default=strawberry.UNSET, description="True: can be bought now. False: sold out. Never from the cache."
    )
    on_sale: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether a variant costs less than it is compared with."
    )
    created_after: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Came into the shop after this moment."
    )
    attributes: list[AttributeFilter] | None = strawberry.field(
        default=strawberry.UNSET, description="Facts that a product must have, each of these; at most 20."
    )
    options: list[AttributeFilter] | None = strawberry.field(
        default=strawberry.UNSET, description="Choices that a product must offer, each of these; at most 20."
    )


Query = Annotated[
    str | None,
    strawberry.argument(
        description='Words to look for, all of them; "quotes" hold a phrase together and -word leaves one out.'
    ),
]
Filter = Annotated[ProductFilterInput | None, strawberry.argument(description="Which products to list.")]
Sort = Annotated[
    search.ProductSort | None, strawberry.argument(description="In which order; RELEVANCE where none is given.")
]
Window = tuple[int | None, Cursor | None, int | None, Cursor | None]


async def search_products(
    info: Info,
    query: str | None,
    wanted: ProductFilterInput | None,
    sort: search.ProductSort | None,
    window: Window,
    *,
    within: CategoryId | None = None,
) -> ProductListing:
    """A page of products with what its counts need. within: a category that the filter's ones must lie in."""
    currency = info.context.shopper.currency
    request = search.SearchRequest(
        query=normalised(given(query) or ""),
        filter=_filter(given(wanted), currency, within),
        sort=given(sort) or search.ProductSort.RELEVANCE,
        currency=currency,
        language=info.context.text_language,
    )
    hits, freshness = await info.context.in_turn(info.context.services.search.page, request, asked_page(*window))
    nodes = tuple(await info.context.loaders.product.load_many(hits.page.items))
    cursors = dict(zip(hits.page.items, hits.page.cursors, strict=True))
    highlights = _highlights(request, info.context)
    edges = tuple([ProductRow(node, cursors[node.id], highlights) for node in nodes])  # none for what is gone by now
    counts = _counts(request, info.context)
    return ProductListing(edges, nodes, page_mark(hits.page), freshness, hits.corrected_query, request, counts)


def _counts(request: search.SearchRequest, context: Context) -> Loader[bool, Counted]:
    async def count(with_facets: Sequence[bool]) -> dict[bool, Counted]:
        found = context.services.search
        if True not in with_facets:
            return {False: Counted(await found.count(request))}
        facets = await found.facets(request)
        return dict.fromkeys(with_facets, Counted(facets.count, facets))

    return context.batched(count)


def _highlights(request: search.SearchRequest, context: Context) -> Loader[records.Product, str]:
    async def mark(products: Sequence[records.Product]) -> dict[records.Product, str]:
        texts = [text for product in products for text in (product.name, product.description)]
        words = list(dict.fromkeys(word for text in texts for word in words_in(text)))
        matched = await context.services.search.matched_words(request, words) if request.query else frozenset()
        marks = {product: marked(product.name, matched) or marked(product.description, matched) for product in products}
        return {product: mark for product, mark in marks.items() if mark is not None}

    return context.batched(mark)


def normalised(query: str) -> str:
    """The query in one spelling, and no longer than what is looked for: equal searches are one search to the cache."""
    return " ".join(query[: search.MAX_QUERY_LENGTH].split()).casefold()


def _filter(wanted: ProductFilterInput | None, currency: Currency, within: CategoryId | None) -> search.ProductFilter:
    if wanted is None:
        return search.ProductFilter(categories=(within,) if within is not None else ())
    categories, brands, price = given(wanted.categories) or [], given(wanted.brands) or [], given(wanted.price)
    if len(categories) > MAX_FILTER_VALUES or len(brands) > MAX_FILTER_VALUES:
        raise InvalidInput(f"A filter has at most {MAX_FILTER_VALUES} values a field.")
    keys = tuple(sorted({category_key(text) for text in categories}))
    return search.ProductFilter(
        categories=keys or ((within,) if within is not None else ()),
        within=within if keys else None,
        brands=tuple(sorted(set(brands))),
        price_min=_minor(given(price.min) if price else None, currency),
        price_max=_minor(given(price.max) if price else None, currency),
        available=given(wanted.available),
        on_sale=given(wanted.on_sale),
        created_after=given(wanted.created_after),
        attributes=_choices(given(wanted.attributes) or []),
        options=_choices(given(wanted.options) or []),
    )


def _choices(wanted: list[AttributeFilter]) -> tuple[search.ValueChoice, ...]:
    if len(wanted) > MAX_CHOICES:
        raise InvalidInput(f"A filter has at most {MAX_CHOICES} attributes, and as many options.")
    if any(len(each.any_of) > MAX_FILTER_VALUES for each in wanted):
        raise InvalidInput(f"A filter has at most {MAX_FILTER_VALUES} values a field.")
    if len({each.slug for each in wanted}) < len(wanted):
        raise InvalidInput("A filter names an attribute or option once, with all its values.")
    choices = [search.ValueChoice(each.slug, tuple(sorted(set(each.any_of)))) for each in wanted if each.any_of]
    return tuple(sorted(choices, key=lambda choice: choice.slug))


def _minor(amount: Decimal | None, currency: Currency) -> int | None:
    if amount is None:
        return None
    try:
        return MoneyRecord.parse(amount, currency).minor
    except ValueError as error:
        raise InvalidInput(f"filter.price: {error}.") from None
