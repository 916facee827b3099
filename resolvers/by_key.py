"""Carts, attempts to pay and orders: whoever has the key to one may see it, whether they ask once or subscribe."""

from __future__ import annotations

from typing import Annotated

import strawberry

from app.cart.domain import PricedCart
from app.core.ids import AttemptId, CartId, OrderId
from app.orders.domain import Order
from app.payments.domain import PaymentAttempt
from resolvers.context import Context

CartKey = Annotated[strawberry.ID, strawberry.argument(description="The cart's id.")]
AttemptKey = Annotated[strawberry.ID, strawberry.argument(description="The attempt's id.")]


@strawberry.input(one_of=True, description="Which order.")
class OrderBy:
    """An order's keys."""

    access_token: str | None = strawberry.field(
        default=strawberry.UNSET, description="The `orderAccessToken` of the checkout; it works for 90 days."
    )


async def cart_of(context: Context, key: CartId) -> PricedCart | None:
    """The cart: its id is its key. Always from the primary."""
    return await context.cart(key)


async def attempt_of(context: Context, key: AttemptId) -> PaymentAttempt | None:
    """The attempt to pay: its id is its key."""
    return await context.loaders.attempt.load(key)


def order_key(context: Context, by: OrderBy) -> OrderId | None:
    """The order that a token opens now; None where it is wrong or has expired."""
    return context.services.order_tokens.verify(by.access_token or "")


async def order_of(context: Context, by: OrderBy) -> Order | None:
    """The order, never by its id alone."""
    key = order_key(context, by)
    return None if key is None else await context.loaders.order.load(key)
