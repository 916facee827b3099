"""The checkout in the schema: one mutation, a union of what may come of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.cart.domain import PricedCart
from app.checkout.domain import CheckoutRequest
from app.core.errors import ClientError, ErrorCode, InvalidInput, PaymentDeclined
from app.core.ids import CartId, Kind
from app.orders.domain import Order as OrderRecord
from app.payments.domain import AttemptState, PaymentAttempt, PaymentMethod
from resolvers.backing import INPUT, backed_by, given
from resolvers.cart import Cart
from resolvers.context import Context, Info
from resolvers.cost_directives import at_most
from resolvers.errors import MAX_USER_ERRORS, UserError, user_errors
from resolvers.ids import Node, cart_key, delivery_option_key
from resolvers.money import MoneyInput, money_of
from resolvers.order import Order

POLL_AFTER_MS = 2_000  # the worker asks the provider about as often
PAYING_SECONDS = 15.0  # a payment may take so long: the provider is asked up to four times
BUYER_MESSAGE = (
    "Your order is placed and its items are held for you. The payment service does not answer at the moment: we keep "
    "trying and send you an e-mail as soon as the payment has gone through. You have nothing more to do."
)
_PAID_AFTER_ALL = "The payment had gone through when it was canceled: it is given back."


@strawberry.type(description="One attempt to pay for a cart. Its id is its key: keep it secret.")
@backed_by(PaymentAttempt, kind=Kind.ATTEMPT)
class CheckoutAttempt(Node):
    """Declared over the record `PaymentAttempt`."""

    state: AttemptState = strawberry.field(description="Where it is.")
    created_at: datetime = strawberry.field(description="When it began.")
    cancel_requested_at: datetime | None = strawberry.field(
        description="When the buyer gave it up; while it is open, it ends as soon as the payment provider allows."
    )

    @strawberry.field(description="The cart it pays for.", graphql_type=Cart | None)
    async def cart(attempt: strawberry.Parent[PaymentAttempt], info: Info) -> PricedCart | None:
        """Read anew."""
        return await info.context.cart(attempt.cart_id)

    @strawberry.field(description="The order it pays for.", graphql_type=Order | None)
    async def order(attempt: strawberry.Parent[PaymentAttempt], info: Info) -> OrderRecord | None:
        """Batched."""
        return await info.context.order_behind(attempt.order_id)

    @strawberry.field(description="What `checkoutComplete` would answer now.")
    async def result(attempt: strawberry.Parent[PaymentAttempt], info: Info) -> CheckoutCompleteResult | None:
        """For clients that poll, or come back after a crash."""
        return await _result(attempt, info.context)


@strawberry.type(description="It is paid.")
class CheckoutCompleted:
    """From a SUCCEEDED attempt."""

    attempt: CheckoutAttempt = strawberry.field(description="The attempt.")
    order: Order = strawberry.field(description="The order.")
    order_access_token: str = strawberry.field(description="Opens the order: `order(by: {accessToken})`.")


@strawberry.type(description="The bank asks the buyer to confirm the payment (3-D Secure).")
class CheckoutActionRequired:
    """From an ACTION_REQUIRED attempt."""

    attempt: CheckoutAttempt = strawberry.field(description="The attempt: poll it once the buyer is back.")
    client_secret: str = strawberry.field(description="Goes into Stripe.js' `handleNextAction`.")
    order_access_token: str = strawberry.field(description="Opens the order: `order(by: {accessToken})`.")


@strawberry.type(description="The payment provider has not decided yet: the shop goes on asking.")
class CheckoutProcessing:
    """From a PENDING or PROCESSING attempt, or one that was given up and is still open."""

    attempt: CheckoutAttempt = strawberry.field(description="The attempt: poll it.")
    poll_after_ms: int = strawberry.field(description="When to ask again, in milliseconds.")
    order_access_token: str = strawberry.field(description="Opens the order: `order(by: {accessToken})`.")


@strawberry.type(
    description="The payment provider does not answer. The order is placed, its units are held, it goes on trying."
)
class CheckoutPaymentQueued:
    """From a QUEUED attempt."""

    attempt: CheckoutAttempt = strawberry.field(description="The attempt: poll it, or watch `checkoutAttemptUpdated`.")
    order: Order = strawberry.field(description="The order; its `paymentStatus` is `DELAYED`.")
    attempt_number: int = strawberry.field(description="How often the provider has been asked.")
    max_attempts: int | None = strawberry.field(
        description="After how many times the shop gives up; null as long as it goes by time: after 23 hours."
    )
    next_attempt_at: datetime = strawberry.field(description="When it is asked again, at the latest.")
    buyer_message: str = strawberry.field(description="What to tell the buyer, who has to do nothing.")
    order_access_token: str = strawberry.field(description="Opens the order: `order(by: {accessToken})`.")


@strawberry.type(description="Nothing was charged; or it was, after the buyer gave up, and is given back.")
class CheckoutFailed:
    """From a FAILED or CANCELED attempt, one that was given up, or what kept one from beginning."""

    attempt: CheckoutAttempt | None = strawberry.field(description="The attempt; null where none began.")
    cart: Cart | None = strawberry.field(description="The cart as it is now.")
    user_errors: list[UserError] = strawberry.field(
        directives=at_most(MAX_USER_ERRORS), description="Why; at most 100."
    )


CheckoutCompleteResult = Annotated[
    CheckoutCompleted | CheckoutActionRequired | CheckoutProcessing | CheckoutPaymentQueued | CheckoutFailed,
    strawberry.union("CheckoutCompleteResult", description="What came of a checkout."),
]


@strawberry.input(
    one_of=True,
    description="How the buyer pays: exactly one of these. Stripe Elements makes them; card data never enters the API.",
)
class PaymentInput:
    """Becomes a `PaymentMethod`, or None."""

    confirmation_token: str | None = strawberry.field(
        default=strawberry.UNSET, description="A confirmation token, `ctoken_…`; up to 255 characters."
    )
    payment_method_id: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A payment method, `pm_…`, up to 255 characters; in test mode also `pm_card_visa` and the like.",
    )
    free: bool | None = strawberry.field(default=strawberry.UNSET, description="True for an order that costs nothing.")


@strawberry.input(description="What the buyer accepted, and how they pay.")
class CheckoutCompleteInput:
    """Becomes a `CheckoutRequest`."""

    cart_id: strawberry.ID = strawberry.field(description="The cart's id.")
    idempotency_key: strawberry.ID = strawberry.field(
        description="Made by the client for this try, 1 to 255 characters: the same request sent again is one checkout."
    )
    expected_total: MoneyInput = strawberry.field(description="`cart.cost.total`, as the buyer saw it.")
    payment: PaymentInput = strawberry.field(description="How the buyer pays.")
    delivery_option_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Chooses the delivery in the same step."
    )
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The version that the client has read; another one is a `VersionConflictError`.",
    )


@strawberry.type
class CheckoutMutation:
    """The part of `Mutation` about the checkout."""

    @strawberry.mutation(description="Reserve the stock, place the order and charge for it.")
    async def checkout_complete(
        self,
        info: Info,
        input: Annotated[CheckoutCompleteInput, INPUT],  # noqa: A002  the schema's name
    ) -> CheckoutCompleteResult | None:
        """Exactly once for a key."""
        context, key, option = info.context, cart_key(input.cart_id), given(input.delivery_option_id)
        option_key = None if option is None else delivery_option_key(option)
        try:
            asked, keyed = _request(input, key, option_key), context.keyed_call
            context.may_take(PAYING_SECONDS)
            attempt = await context.in_turn(context.services.place_order, asked, caller=context.caller, keyed=keyed)
        except ClientError as error:
            problems = await user_errors(error, context)
            cart = await context.cart(key)
            return CheckoutFailed(attempt=None, cart=cart, user_errors=problems)  # type: ignore[arg-type]  # records
        context.took_effect()
        if not attempt.state.is_final and attempt.state is not AttemptState.ACTION_REQUIRED:
            context.answer_later()
        return await _result(attempt, context)


def _request(value: CheckoutCompleteInput, cart_id: CartId, delivery_option_id: int | None) -> CheckoutRequest:
    return CheckoutRequest(
        cart_id=cart_id,
        idempotency_key=value.idempotency_key,
        expected_total=money_of(value.expected_total, ("expectedTotal",)),
        method=_method(value.payment),
        delivery_option_id=delivery_option_id,
        expected_version=given(value.expected_version),
    )


def _method(value: PaymentInput) -> PaymentMethod | None:
    token, method_id = given(value.confirmation_token), given(value.payment_method_id)
    if token is None and method_id is None:
        if given(value.free) is not True:
            raise InvalidInput("Give free: true, or a payment method.", code=ErrorCode.REQUIRED, field=("payment",))
        return None
    for name, prefix, text in (("confirmationToken", "ctoken_", token), ("paymentMethodId", "pm_", method_id)):
        if text is not None and not (text.startswith(prefix) and text.isascii() and len(text) <= 255):
            raise InvalidInput(f"It must begin with {prefix}: Stripe Elements makes it.", field=("payment", name))
    return PaymentMethod(token, method_id)


async def _result(attempt: PaymentAttempt, context: Context) -> CheckoutCompleteResult:
    token = context.services.order_tokens.issue(attempt.order_id)
    is_given_up = attempt.cancel_requested_at is not None
    if is_given_up and not attempt.state.is_final:  # nothing is asked of the buyer any more
        return CheckoutProcessing(attempt=attempt, poll_after_ms=POLL_AFTER_MS, order_access_token=token)  # type: ignore[arg-type]
    if attempt.state is AttemptState.SUCCEEDED and not is_given_up:
        order = await context.loaders.order.load(attempt.order_id)
        return CheckoutCompleted(attempt=attempt, order=order, order_access_token=token)  # type: ignore[arg-type]
    if attempt.state is AttemptState.ACTION_REQUIRED:
        secret = attempt.client_secret or ""
        return CheckoutActionRequired(attempt=attempt, client_secret=secret, order_access_token=token)  # type: ignore[arg-type]
    if attempt.state is AttemptState.QUEUED:
        return CheckoutPaymentQueued(
            attempt=attempt,  # type: ignore[arg-type]  # records
            order=await context.loaders.order.load(attempt.order_id),  # type: ignore[arg-type]
            attempt_number=attempt.tries,
            max_attempts=None,
            next_attempt_at=attempt.check_at or attempt.updated_at,
            buyer_message=BUYER_MESSAGE,
            order_access_token=token,
        )
    if not attempt.state.is_final:
        return CheckoutProcessing(attempt=attempt, poll_after_ms=POLL_AFTER_MS, order_access_token=token)  # type: ignore[arg-type]
    message = attempt.failure_message or "The payment was not completed in time."
    if is_given_up:
        message = _PAID_AFTER_ALL if attempt.state is AttemptState.SUCCEEDED else "The payment was canceled."
    problems = await user_errors(PaymentDeclined(message, decline_code=attempt.decline_code), context)
    cart = await context.cart(attempt.cart_id)
    return CheckoutFailed(attempt=attempt, cart=cart, user_errors=problems)  # type: ignore[arg-type]  # records
