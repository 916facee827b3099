"""Place an order: turn a priced cart into a reserved order, and charge for it.

lock cart -> reprice -> hold stock -> write order and payment attempt   (one transaction, no network inside)
-> ask the provider with the attempt's id as idempotency key            (outside it)
-> settle the outcome                                                   (a second transaction)

A crash after the first transaction leaves a pending attempt that is due for a check: the worker asks the provider and
settles. Who repeats the same request joins the same attempt. See ADR-0005.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app import telemetry
from app.cart.domain import Cart, CartState
from app.cart.edit_cart import CartDesk, check_open, checked_delivery, open_cart
from app.cart.pricing import demand_of
from app.checkout.domain import (
    KEY_LIFETIME,
    PAYMENT_LIFETIME,
    CheckoutRequest,
    CheckoutTransaction,
    CheckoutTransactions,
    check_payable,
    next_check,
    order_of,
)
from app.checkout.settle_payment import SettlePayment
from app.core.changes import cart_changed
from app.core.errors import PaymentsUnavailable
from app.core.ids import AttemptId, CustomerId, OrderId
from app.idempotency.domain import KeyedCall, check_key, key_reused
from app.orders.domain import Order, OrderEvent
from app.payments.domain import AttemptState, PaymentAttempt, PaymentGateway, PaymentMethod, PaymentOutcome

FIRST_CHECK_AFTER = timedelta(seconds=15)  # longer than the gateway tries while the buyer waits


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Complete a checkout."""

    desk: CartDesk
    transactions: CheckoutTransactions
    gateway: PaymentGateway
    settle: SettlePayment

    async def __call__(
        self, request: CheckoutRequest, *, caller: CustomerId | None = None, keyed: KeyedCall | None = None
    ) -> PaymentAttempt:
        """The payment attempt, as far as it has come; its order exists.

        A declined card is a FAILED attempt. An attempt that is still PENDING has no answer from the provider yet: the
        worker goes on with it.
        Raises what keeps the cart from being paid (nothing has changed then) and InvalidInput
        (IDEMPOTENCY_KEY_REUSED) when the key has been used for another request.
        Concurrency: requests for one cart begin one after the other; the same request twice is one attempt.
        """
        check_key(request.idempotency_key, is_open=False)
        attempt = await self._begin(request, caller, keyed)
        if attempt.state is AttemptState.PENDING:
            attempt = await self._charge(attempt)
        return attempt

    async def _begin(
        self, request: CheckoutRequest, caller: CustomerId | None, keyed: KeyedCall | None
    ) -> PaymentAttempt:
        async with self.desk.turns.of(request.cart_id), self.transactions.begin() as tx:
            await self.desk.claim(
                tx, keyed
            )  # an earlier call's attempt is found below, for longer than its key is kept
            cart = await open_cart(tx, request.cart_id, caller)
            earlier = await tx.attempts.find_by_key(request.cart_id, request.idempotency_key)
            if earlier is None:
                return await self._reserve(tx, cart, request)
            if earlier.input_digest != request.digest:
                raise key_reused()
            return earlier

    async def _reserve(self, tx: CheckoutTransaction, before: Cart, request: CheckoutRequest) -> PaymentAttempt:
        check_open(before, self.desk.clock, request.expected_version)
        cart = before
        if request.delivery_option_id is not None:
            cart = replace(cart, delivery_option_id=request.delivery_option_id)
        await tx.promotions.lock_limited(cart.discount_codes, now=self.desk.clock.now())  # before they are priced with
        shelf = await self.desk.shelf(tx, [line.variant_id for line in cart.lines], cart.currency)
        priced = checked_delivery(await self.desk.priced(tx, cart, shelf), cart, before=before)
        check_payable(priced, request)
        now = self.desk.clock.now()
        order = order_of(priced, OrderId(self.desk.ids.new_uuid()), self.desk.ids.new_uuid, now)
        attempt = self._new_attempt(request, order, now)
        await tx.stock.hold(order.id, demand_of(cart), now=now)
        await tx.promotions.use(order.id, order.email, priced.applied)
        await tx.orders.insert(order, OrderEvent(order.id, now, "placed", "The order was placed."))
        await tx.attempts.insert(attempt)
        if cart is not before:
            await tx.carts.save(cart)
        await tx.carts.move(cart.id, CartState.IN_CHECKOUT, now=now)
        tx.announce_after_commit(cart_changed(cart.id))
        telemetry.ORDERS_PLACED.inc()
        return attempt

    async def _charge(self, attempt: PaymentAttempt) -> PaymentAttempt:
        if attempt.amount.minor == 0:
            return await self.settle(attempt.id, PaymentOutcome(AttemptState.SUCCEEDED, None, attempt.amount))
        if self.desk.clock.now() - attempt.created_at > KEY_LIFETIME:
            return attempt  # too old to repeat: the worker reports it
        try:
            outcome = await self.gateway.charge(attempt)
        except PaymentsUnavailable:
            return attempt  # the outcome is unknown: the worker will learn it
        return await self.settle(attempt.id, outcome)

    def _new_attempt(self, request: CheckoutRequest, order: Order, now: datetime) -> PaymentAttempt:
        attempt = PaymentAttempt(
            id=AttemptId(self.desk.ids.new_uuid()),
            order_id=order.id,
            cart_id=order.cart_id,
            idempotency_key=request.idempotency_key,
            input_digest=request.digest,
            state=AttemptState.PENDING,
            amount=order.cost.total,
            method=request.method or PaymentMethod(),
            receipt_email=order.email,
            created_at=now,
            updated_at=now,
            expires_at=now + PAYMENT_LIFETIME,
            check_at=None,
        )
        # not before this request has had its time with the provider
        return replace(attempt, check_at=next_check(attempt, now) + FIRST_CHECK_AFTER)
