"""Carts, attempts to pay and orders: whoever has the key to one may see it, whether they ask once or subscribe."""

from __future__ import annotations

from typing import Annotated

import strawberry

from app.cart.domain import PricedCart
from app.core.ids import AttemptId, CartId, OrderId
from app.orders.domain import Order
from app.payments.domain import PaymentAttempt
from resolvers.backing import given
from resolvers.context import Context
from resolvers.ids import order_id_key

CartKey = Annotated[strawberry.ID, strawberry.argument(description="The cart's id.")]
AttemptKey = Annotated[strawberry.ID, strawberry.argument(description="The attempt's id.")]


@strawberry.input(one_of=True, description="Which order.")
class OrderBy:
    """An order's keys."""

    id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The order's id: for the customer whose it is, signed in."
    )
    access_token: str | None = strawberry.field(
        default=strawberry.UNSET, description="The `orderAccessToken` of the checkout; it works for 90 days."
    )


async def cart_of(context: Context, key: CartId) -> PricedCart | None:
    """The cart: its id is its key. Always from the primary."""
    return await context.cart(key)


async def attempt_of(context: Context, key: AttemptId) -> PaymentAttempt | None:
    """The attempt to pay: its id is its key, unless it is a customer's."""
    attempt = await context.loaders.attempt.load(key)
    return attempt if attempt is not None and attempt.is_open_to(context.caller) else None


def order_key(context: Context, by: OrderBy) -> OrderId | None:
    """The order that is asked for; None where a token is wrong or has expired."""
    by_id = given(by.id)
    return (
        order_id_key(by_id) if by_id is not None else context.services.order_tokens.verify(given(by.access_token) or "")
    )


async def order_of(context: Context, by: OrderBy) -> Order | None:
    """The order: by its token, or by its id where it is the caller's own."""
    key = order_key(context, by)
    if key is None:
        return None
    return await context.loaders.order.load(key) if given(by.id) is None else await own_order(context, key)


async def own_order(context: Context, key: OrderId) -> Order | None:
    """The caller's order with this id; None where it is a guest's or somebody else's."""
    if context.caller is None:
        return None
    order = await context.loaders.order.load(key)
    return order if order is not None and order.customer_id == context.caller else None
