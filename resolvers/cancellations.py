"""Mutations that undo: an attempt to pay is given up, an order is canceled."""

from __future__ import annotations

from typing import Annotated

import strawberry

from app.core.errors import ClientError
from resolvers.backing import INPUT, given
from resolvers.checkout import PAYING_SECONDS, CheckoutAttempt
from resolvers.context import Info
from resolvers.cost_directives import at_most
from resolvers.errors import MAX_USER_ERRORS, UserError, user_errors
from resolvers.idempotency import IDEMPOTENCY_KEY
from resolvers.ids import attempt_key, order_id_key
from resolvers.order import Order


@strawberry.input(description="An attempt to pay that the buyer does not want any more.")
class CheckoutAttemptCancelInput:
    """Its id is its key."""

    attempt_id: strawberry.ID = strawberry.field(description="The attempt's id.")
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.input(description="An order that the buyer does not want any more.")
class OrderCancelInput:
    """The id alone opens nothing."""

    order_id: strawberry.ID = strawberry.field(description="The order's id.")
    access_token: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `orderAccessToken` of the checkout, which shows that the order is the caller's. Not needed by"
        " a signed-in customer for an order of their own. Up to 80 characters.",
    )
    reason: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Why, in the buyer's words; at most 500 characters. It stands in the order's `timeline`.",
    )
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.type(description="What became of an attempt to pay.")
class CheckoutAttemptPayload:
    """The attempt is null exactly where there are user errors."""

    attempt: CheckoutAttempt | None = strawberry.field(
        description="The attempt. While it is still open it has `cancelRequestedAt`: poll it, or watch"
        " `checkoutAttemptUpdated`. Null where nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(
        directives=at_most(MAX_USER_ERRORS), description="Why nothing was changed; else empty."
    )


@strawberry.type(description="What became of an order.")
class OrderPayload:
    """The order is null exactly where there are user errors."""

    order: Order | None = strawberry.field(description="The order as it is now; null where nothing was changed.")
    user_errors: list[UserError] = strawberry.field(
        directives=at_most(MAX_USER_ERRORS), description="Why nothing was changed; else empty."
    )


@strawberry.type
class CancellationMutation:
    """The part of `Mutation` that undoes."""

    @strawberry.mutation(
        description="Give up a payment that has not ended: its cart can be paid again, its units are free. One that is"
        " with the payment provider ends once that has said how; what it took all the same is given back."
    )
    async def checkout_attempt_cancel(
        self,
        info: Info,
        input: Annotated[CheckoutAttemptCancelInput, INPUT],  # noqa: A002  the schema's name
    ) -> CheckoutAttemptPayload | None:
        """One that came to nothing before stays as it is."""
        context, key = info.context, attempt_key(input.attempt_id)
        try:
            keyed = context.keyed_call
            context.may_take(PAYING_SECONDS)
            cancel, caller = context.services.cancel_attempt, context.caller
            attempt = await context.in_turn(cancel, key, caller=caller, keyed=keyed)
        except ClientError as error:
            return CheckoutAttemptPayload(attempt=None, user_errors=await user_errors(error, context))
        context.took_effect()
        return CheckoutAttemptPayload(attempt=attempt, user_errors=[])  # type: ignore[arg-type]  # a record

    @strawberry.mutation(
        description="Cancel an order while nothing of it has been sent (`canCancel`). What was paid for it is given"
        " back in full; a payment that has not ended is given up."
    )
    async def order_cancel(self, info: Info, input: Annotated[OrderCancelInput, INPUT]) -> OrderPayload | None:  # noqa: A002
        """One that is canceled stays as it is."""
        context, key, token = info.context, order_id_key(input.order_id), given(input.access_token)
        is_proven = token is not None and context.services.order_tokens.verify(token) == key
        cancel, caller, reason = context.services.cancel_order, context.caller, given(input.reason)
        try:
            keyed = context.keyed_call
            context.may_take(PAYING_SECONDS)
            await context.in_turn(cancel, key, caller=caller, is_proven=is_proven, reason=reason, keyed=keyed)
        except ClientError as error:
            return OrderPayload(order=None, user_errors=await user_errors(error, context))
        context.took_effect()
        return OrderPayload(order=await context.loaders.order.load(key), user_errors=[])  # type: ignore[arg-type]
