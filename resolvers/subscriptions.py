"""What can be watched: the object as it is, at once, and again after each change.

Every result is read anew from the primary, with the rights that the client has then, as a query would read it. States
may be skipped, since what nobody waited for is one change; the last one never is. See ADR-0013.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Annotated, TypeVar

import strawberry

from app import telemetry
from app.cart.domain import PricedCart
from app.core.changes import Change, attempt_changed, cart_changed, order_changed
from app.core.errors import NotFound, OperationalError
from app.orders.domain import Order as OrderRecord
from app.payments.domain import PaymentAttempt
from resolvers.by_key import AttemptKey, CartKey, OrderBy, attempt_of, cart_of, order_key, order_of
from resolvers.cart import Cart
from resolvers.checkout import CheckoutAttempt
from resolvers.context import Context, Info
from resolvers.ids import attempt_key, cart_key
from resolvers.order import Order

T = TypeVar("T")

_log = telemetry.logger(__name__)


@strawberry.type(
    description="Everything that can be watched, over `graphql-transport-ws` or as Server-Sent Events. Each gives the"
    " object as it is now, and again after changes of it; it ends with an error where there is no such object."
)
class Subscription:
    """The root of subscriptions."""

    @strawberry.subscription(
        description="A checkout attempt and each of its states, such as the end of a payment.",
        graphql_type=CheckoutAttempt,
    )
    async def checkout_attempt_updated(
        self,
        info: Info,
        id: AttemptKey,  # noqa: A002  the schema's name
    ) -> AsyncGenerator[PaymentAttempt, None]:
        """Told by whoever settles the payment, in whichever process."""
        context, key = info.context, attempt_key(id)
        async with aclosing(_states(context, attempt_changed(key), lambda: attempt_of(context, key))) as states:
            async for attempt in states:
                yield attempt

    @strawberry.subscription(
        description="An order and each of its states, for as long as the token works, or the order is the caller's.",
        graphql_type=Order,
    )
    async def order_updated(
        self, info: Info, by: Annotated[OrderBy, strawberry.argument(description="Which one.")]
    ) -> AsyncGenerator[OrderRecord, None]:
        """The token is verified before every result."""
        context = info.context
        key = order_key(context, by)
        if key is None:
            raise NotFound("There is no such order, or its token has expired.")
        async with aclosing(_states(context, order_changed(key), lambda: order_of(context, by))) as states:
            async for order in states:
                yield order

    @strawberry.subscription(description="A cart at today's prices, after each change of it.", graphql_type=Cart)
    async def cart_updated(
        self,
        info: Info,
        id: CartKey,  # noqa: A002  the schema's name
    ) -> AsyncGenerator[PricedCart, None]:
        """Changes that this client made itself are among them."""
        context, key = info.context, cart_key(id)
        async with aclosing(_states(context, cart_changed(key), lambda: cart_of(context, key))) as states:
            async for cart in states:
                yield cart


async def _states(context: Context, change: Change, read: Callable[[], Awaitable[T | None]]) -> AsyncGenerator[T, None]:
    """The object now and after each change. Raises NotFound when it is not there (any more).

    An outage ends a subscription that begins, as it would a query; one that is open waits for the end of the outage.
    """
    is_open = False
    async with context.services.changes.watch(change) as ticks:
        async for _ in ticks:
            state = await _read(context, read, patiently=is_open)
            if state is None:
                raise NotFound(f"There is no such {change.kind.name.lower()}, or it is not yours to see.")
            is_open = True
            yield state


async def _read(context: Context, read: Callable[[], Awaitable[T | None]], *, patiently: bool) -> T | None:
    while True:
        try:
            async with context.services.event_turns:
                context.loaders.clear()  # they remember the state before
                return await read()
        except OperationalError as error:
            if not patiently:
                raise
            _log.warning("live_update_postponed", cause=type(error).__name__, seconds=error.retry_after_seconds)
            await asyncio.sleep(error.retry_after_seconds)
