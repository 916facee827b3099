"""Categories in the schema."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import strawberry

from app.catalog import domain as records
from app.core.ids import CategoryId, Kind
from app.core.pagination import PageRequest, slice_sorted
from resolvers.backing import backed_by
from resolvers.connection import After, Before, Connection, First, Last, Listing, listing
from resolvers.context import Info
from resolvers.cost_directives import EMBEDDED, at_most
from resolvers.ids import Node
from resolvers.search import Filter, ProductConnection, ProductListing, Query, Sort, search_products

MAX_CHILDREN = 100


@strawberry.type(description="A shelf of the shop; categories form a tree.", directives=[EMBEDDED])
@backed_by(records.Category, kind=Kind.CATEGORY)
class Category(Node):
    """Declared over its record."""

    slug: str = strawberry.field(description="The category's name in URLs: unique in the shop.")
    name: str = strawberry.field(description="The category's name.")
    description: str = strawberry.field(description="Plain text; may be empty.")
    language: str = strawberry.field(
        description="The language of `name` and `description`: the shop's own where they are not translated."
    )

    @strawberry.field(
        directives=at_most(records.MAX_CATEGORY_DEPTH),
        description="The categories from the root down to this one.",
        graphql_type="list[Category]",
    )
    async def path(category: strawberry.Parent[records.Category], info: Info) -> Sequence[records.Category]:
        """Batched."""
        return await info.context.loaders.category.load_many(category.path_ids)

    @strawberry.field(description="The category above; null at the root.", graphql_type="Category | None")
    async def parent(category: strawberry.Parent[records.Category], info: Info) -> records.Category | None:
        """Batched."""
        if category.parent_id is None:
            return None
        return await info.context.loaders.category.load(category.parent_id)

    @strawberry.field(
        directives=at_most(MAX_CHILDREN),
        description=f"The categories directly below, by name; at most {MAX_CHILDREN}: `categories` lists them all.",
        graphql_type="list[Category]",
    )
    async def children(category: strawberry.Parent[records.Category], info: Info) -> Sequence[records.Category]:
        """Batched."""
        places = await info.context.loaders.children_of_category.load(category.id) or ()
        return await info.context.loaders.category.load_many([place.id for place in places[:MAX_CHILDREN]])

    @strawberry.field(
        description="The products of this category and of those below it.", graphql_type=ProductConnection
    )
    async def products(
        category: strawberry.Parent[records.Category],
        info: Info,
        query: Query = strawberry.UNSET,
        filter: Filter = strawberry.UNSET,  # noqa: A002  the schema's name
        sort: Sort = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> ProductListing:
        """A search within the category's subtree."""
        return await search_products(info, query, filter, sort, (first, after, last, before), within=category.id)


async def categories_below(info: Info, parent_id: CategoryId, request: PageRequest) -> Listing[records.Category]:
    """A page of the categories directly below one, or of the roots."""
    places = await info.context.loaders.children_of_category.load(parent_id) or ()
    page = slice_sorted(
        places, request, lambda place: (place.sort_name, place.id), tuple[str, CategoryId], f"categories:{parent_id}"
    )
    found = await asyncio.gather(*(info.context.loaders.category.load(place.id) for place in page.items))
    return listing(page, found)


CategoryConnection = Connection[Category]
ParentId = Annotated[
    strawberry.ID | None, strawberry.argument(description="The category to look below; the roots where there is none.")
]
