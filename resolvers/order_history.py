"""A customer's orders as a connection that knows how many there are."""

from __future__ import annotations

from dataclasses import dataclass

import strawberry

from app.core.ids import CustomerId
from app.core.pagination import Count as CountRecord
from app.core.pagination import PageRequest
from app.orders import domain as records
from resolvers.connection import Edge, PageInfo, PageMark, Row, listing
from resolvers.context import Context, Info
from resolvers.facets import Count
from resolvers.order import Order

_NOWHERE = PageMark(has_next_page=False, has_previous_page=False, start_cursor=None, end_cursor=None)


@dataclass(frozen=True, slots=True)
class OrderHistory:
    """The record behind `OrderConnection`. customer_id: None where the caller may see nobody's."""

    edges: tuple[Row[records.Order], ...]
    nodes: tuple[records.Order, ...]
    page_info: PageMark
    customer_id: CustomerId | None


@strawberry.type(description="A page of a customer's orders.")
class OrderConnection:
    """Declared over `OrderHistory`."""

    edges: list[Edge[Order]] = strawberry.field(description="The rows of the page, with their cursors.")
    nodes: list[Order] = strawberry.field(description="The objects of the page, for clients that need no cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in its list.")

    @strawberry.field(description="How many orders there are in all.", graphql_type=Count)
    async def total_count(history: strawberry.Parent[OrderHistory], info: Info) -> CountRecord:
        """Counted only where it is selected."""
        if history.customer_id is None:
            return CountRecord(0)
        return CountRecord(await info.context.loaders.order_count_of_customer.load(history.customer_id) or 0)


async def order_history(context: Context, customer_id: CustomerId | None, request: PageRequest) -> OrderHistory:
    """A page of a customer's orders, straight from the primary; an empty one for None."""
    if customer_id is None:
        return OrderHistory((), (), _NOWHERE, None)
    read = context.services.readers.orders.page_of_customer
    page = await context.in_turn(read, customer_id, request)
    found = listing(page, page.items)
    return OrderHistory(found.edges, found.nodes, found.page_info, customer_id)
