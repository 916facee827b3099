"""Product search in the schema: the connection with its counts and facets, computed only where they are selected."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from app.catalog import domain as records
from app.catalog import search
from app.core.errors import InvalidInput
from app.core.freshness import Freshness as FreshnessRecord
from app.core.freshness import ReadSource
from app.core.ids import CategoryId, Kind
from app.core.money import Currency
from app.core.money import Money as MoneyRecord
from app.core.pagination import Count as CountRecord
from app.core.pagination import CountPrecision
from resolvers.backing import backed_by, given
from resolvers.connection import Connection, PageMark, Row, asked_page, listing
from resolvers.context import Context, Info
from resolvers.cost_directives import EMBEDDED, at_most
from resolvers.ids import category_key, public_id
from resolvers.product import Product
from resolvers.scalars import Cursor

MAX_FILTER_VALUES = 100

_MINUS_BEFORE_MINUS = re.compile(r'-(?=[^\w"]*-)')  # PostgreSQL fails at 33 of them, and one says as much
BRAND, CATEGORY, PRICE = "brand", "category", "price"


@strawberry.type(description="How many there are.", directives=[EMBEDDED])
@backed_by(CountRecord)
class Count:
    """Declared over its record."""

    value: int = strawberry.field(description="The number.")
    precision: CountPrecision = strawberry.field(description="How much it can be relied on.")


@strawberry.type(description="How old an answer is, and where it came from.", directives=[EMBEDDED])
@backed_by(FreshnessRecord)
class Freshness:
    """Declared over its record."""

    as_of: datetime = strawberry.field(description="When it was read from the database.")
    age_ms: int = strawberry.field(description="How long ago that was, in milliseconds.")
    source: ReadSource = strawberry.field(description="Where it was read.")


@strawberry.interface(description="A way to narrow a product list. Its own filter does not apply to its counts.")
class Facet:
    """Instantiated from the counts."""

    slug: str = strawberry.field(description="The facet's name for programs: `brand`, `category` or `price`.")
    label: str = strawberry.field(description="The facet's name for people.")


@strawberry.type(description="A value to narrow by.", directives=[EMBEDDED])
class FacetValue:
    """Instantiated from the counts."""

    value: str = strawberry.field(description="What goes into the filter: a brand, or a category's id.")
    label: str = strawberry.field(description="The value for people.")
    count: Count = strawberry.field(description="How many products it would leave.")
    selected: bool = strawberry.field(description="Whether the filter has it now.")


@strawberry.type(
    description="A facet with a list of values, the most frequent first; at most 50.", directives=[EMBEDDED]
)
class ListFacet(Facet):
    """Instantiated from the counts."""

    values: list[FacetValue] = strawberry.field(
        directives=at_most(search.MAX_FACET_VALUES), description="The values to choose from."
    )


@strawberry.type(description="A facet with a span of numbers.", directives=[EMBEDDED])
class RangeFacet(Facet):
    """Instantiated from the counts."""

    min: Decimal | None = strawberry.field(description="The lowest value; null where nothing was found.")
    max: Decimal | None = strawberry.field(description="The highest value; null where nothing was found.")


@dataclass(frozen=True, slots=True)
class ProductListing:
    """The record behind `ProductConnection`: a page, and the request that its counts are of."""

    edges: tuple[Row[records.Product], ...]
    nodes: tuple[records.Product, ...]
    page_info: PageMark
    freshness: FreshnessRecord
    request: search.SearchRequest


@strawberry.type(description="A page of products.")
class ProductConnection(Connection[Product]):
    """Declared over `ProductListing`."""

    freshness: Freshness = strawberry.field(description="How old this page is.")

    @strawberry.field(description="How many products there are in all.", graphql_type=Count)
    async def total_count(found: strawberry.Parent[ProductListing], info: Info) -> CountRecord:
        """Counted only where it is selected."""
        return await info.context.in_turn(info.context.services.search.count, found.request)

    @strawberry.field(
        directives=at_most(3), description="Ways to narrow the list: always `brand`, `category` and `price`."
    )
    async def facets(found: strawberry.Parent[ProductListing], info: Info) -> list[Facet]:
        """Counted only where it is selected."""
        counts = await info.context.in_turn(info.context.services.search.facets, found.request)
        return await _facets(counts, found.request.filter, info.context)


@strawberry.input(description="A span of prices, in the shop's currency or that of `@inContext`.")
class PriceRangeInput:
    """Both ends are inclusive."""

    min: Decimal | None = strawberry.field(default=strawberry.UNSET, description="The lowest price.")
    max: Decimal | None = strawberry.field(default=strawberry.UNSET, description="The highest price.")


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
    )
    page, freshness = await info.context.in_turn(info.context.services.search.page, request, asked_page(*window))
    found = await info.context.loaders.product.load_many(page.items)
    by_id = {product.id: product for product in found}
    rows = listing(page, [by_id.get(product_id) for product_id in page.items])
    return ProductListing(rows.edges, rows.nodes, rows.page_info, freshness, request)


def normalised(query: str) -> str:
    """The query in one spelling, and no longer than what is looked for: equal searches are one search to the cache."""
    words = _MINUS_BEFORE_MINUS.sub("", query[: search.MAX_QUERY_LENGTH])
    return " ".join(words.split()).casefold()


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
    )


def _minor(amount: Decimal | None, currency: Currency) -> int | None:
    if amount is None:
        return None
    try:
        return MoneyRecord.parse(amount, currency).minor
    except ValueError as error:
        raise InvalidInput(f"filter.price: {error}.") from None


async def _facets(counts: search.Facets, wanted: search.ProductFilter, context: Context) -> list[Facet]:
    names = await _category_names(counts.categories, context)
    brands = [
        FacetValue(value=str(each.value), label=str(each.value), count=each.count, selected=each.value in wanted.brands)  # type: ignore[arg-type]  # a record
        for each in counts.brands
    ]
    categories = [
        FacetValue(
            value=public_id(Kind.CATEGORY, CategoryId(int(each.value))),
            label=names[int(each.value)],
            count=each.count,  # type: ignore[arg-type]  # a record, as everywhere
            selected=each.value in wanted.categories,
        )
        for each in counts.categories
        if int(each.value) in names
    ]
    span = [
        None if minor is None else MoneyRecord(minor, counts.currency).amount
        for minor in (counts.price_min, counts.price_max)
    ]
    return [
        ListFacet(slug=BRAND, label="Brand", values=brands),
        ListFacet(slug=CATEGORY, label="Category", values=categories),
        RangeFacet(slug=PRICE, label="Price", min=span[0], max=span[1]),
    ]


async def _category_names(counts: Sequence[search.FacetCount], context: Context) -> dict[int, str]:
    found = await context.loaders.category.load_many([CategoryId(int(each.value)) for each in counts])
    return {category.id: category.name for category in found}
