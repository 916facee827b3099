"""Place an order: turn a priced cart into a reserved order, and charge for it.

lock cart -> reprice -> hold stock -> write order and payment attempt   (one transaction, no network inside)
-> ask the provider with the attempt's id as idempotency key            (outside it)
-> settle the outcome                                                   (a second transaction)

A crash after the first transaction leaves a pending attempt that is due for a check: the worker asks the provider and
settles. Who repeats the same request waits for the answer to the first one. See ADR-0005.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app import telemetry
from app.cart.domain import Cart, CartState
from app.cart.edit_cart import CartDesk, check_open, checked_delivery, open_cart
from app.cart.pricing import demand_of
from app.checkout.domain import (
    PAYMENT_LIFETIME,
    CheckoutRequest,
    CheckoutTransaction,
    CheckoutTransactions,
    check_job,
    check_payable,
    next_check,
    order_of,
)
from app.checkout.settle_payment import SettlePayment
from app.core.changes import cart_changed
from app.core.errors import DatabaseUnavailable, PaymentsUnavailable
from app.core.fault_points import FaultPoint, reached
from app.core.ids import AttemptId, CustomerId, OrderId
from app.idempotency.domain import KeyedCall, check_key, key_reused
from app.orders.domain import Order, OrderEvent
from app.payments.domain import AttemptState, PaymentAttempt, PaymentGateway, PaymentMethod, PaymentOutcome

FIRST_CHECK_AFTER = timedelta(seconds=15)  # longer than the gateway tries while the buyer waits
ANSWER_WITHIN = timedelta(seconds=12)  # so long at most a call waits for the answer to another one like it
SETTLE_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.2)  # seconds before another try; a crowd may buy the same thing
FIRST_LOOK = timedelta(milliseconds=50)
LONGEST_PAUSE = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Complete a checkout."""

    desk: CartDesk
    transactions: CheckoutTransactions
    gateway: PaymentGateway
    settle: SettlePayment
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def __call__(
        self, request: CheckoutRequest, *, caller: CustomerId | None = None, keyed: KeyedCall | None = None
    ) -> PaymentAttempt:
        """The payment attempt, as far as it has come; its order exists.

        A declined card is a FAILED attempt. One that is QUEUED has had no answer from the provider: the worker goes on
        with it. One that is still PENDING belongs to an earlier call, which has not had its answer either.
        Raises what keeps the cart from being paid (nothing has changed then) and InvalidInput
        (IDEMPOTENCY_KEY_REUSED) when the key has been used for another request.
        Concurrency: requests for one cart begin one after the other; the same request twice is one attempt.
        """
        check_key(request.idempotency_key, is_open=False)
        attempt, is_new = await self._begin(request, caller, keyed)
        if is_new:
            reached(FaultPoint.ORDER_COMMITTED)
            settled = await self._charge(attempt)
            reached(FaultPoint.OUTCOME_RECORDED)
            return settled
        return await self._answered(attempt)

    async def _begin(
        self, request: CheckoutRequest, caller: CustomerId | None, keyed: KeyedCall | None
    ) -> tuple[PaymentAttempt, bool]:
        """The request's attempt, and whether this call has begun it."""
        async with self.desk.turns.of(request.cart_id), self.transactions.begin() as tx:
            await self.desk.claim(
                tx, keyed
            )  # an earlier call's attempt is found below, for longer than its key is kept
            reached(FaultPoint.KEY_CLAIMED)
            cart = await open_cart(tx, request.cart_id, caller)
            earlier = await tx.attempts.find_by_key(request.cart_id, request.idempotency_key)
            if earlier is None:
                return await self._reserve(tx, cart, request, caller), True
            if earlier.input_digest != request.digest:
                raise key_reused()
            return earlier, False

    async def _reserve(
        self, tx: CheckoutTransaction, before: Cart, request: CheckoutRequest, caller: CustomerId | None
    ) -> PaymentAttempt:
        check_open(before, self.desk.clock, request.expected_version)
        cart = before
        if request.delivery_option_id is not None:
            cart = replace(cart, delivery_option_id=request.delivery_option_id)
        if caller != cart.customer_id:  # what a customer buys is theirs, and so is what they bought it from
            cart = replace(cart, customer_id=caller)
        await tx.promotions.lock_limited(cart.discount_codes, now=self.desk.clock.now())  # before they are priced with
        shelf = await self.desk.shelf(tx, [line.variant_id for line in cart.lines], cart.currency)
        priced = checked_delivery(await self.desk.priced(tx, cart, shelf), cart, before=before)
        check_payable(priced, request)
        now = self.desk.clock.now()
        new_uuid = self.desk.ids.new_uuid
        order = order_of(priced, OrderId(new_uuid()), new_uuid, now, customer_id=caller)
        attempt = self._new_attempt(request, order, now)
        reached(FaultPoint.BEFORE_RESERVATION)
        await tx.stock.hold(order.id, demand_of(cart), now=now)
        reached(FaultPoint.AFTER_RESERVATION)
        await tx.promotions.use(order.id, order.email, priced.applied)
        await tx.orders.insert(order, OrderEvent(order.id, now, "placed", "The order was placed."))
        await tx.attempts.insert(attempt)
        await tx.jobs.enqueue(check_job(attempt.id, attempt.check_at))  # should this process die
        if cart is not before:
            await tx.carts.save(cart)
        await tx.carts.move(cart.id, CartState.IN_CHECKOUT, now=now)
        tx.announce_after_commit(cart_changed(cart.id))
        telemetry.ORDERS_PLACED.inc()
        return attempt

    async def _charge(self, attempt: PaymentAttempt) -> PaymentAttempt:
        if attempt.amount.minor == 0:
            return await self.settle(attempt.id, PaymentOutcome(AttemptState.SUCCEEDED, None, attempt.amount))
        try:
            outcome = await self.gateway.charge(attempt)
        except PaymentsUnavailable as silence:
            sent_at = attempt.sent_at if silence.may_have_run else None
            return await self.settle.unanswered(attempt.id, sent_at=sent_at)
        reached(FaultPoint.ANSWER_RECEIVED)
        return await self._settled(attempt, outcome)

    async def _settled(self, attempt: PaymentAttempt, outcome: PaymentOutcome) -> PaymentAttempt:
        """The attempt with its outcome; tried again while others hold its locks, so that the buyer learns of it."""
        for pause in SETTLE_PAUSES:
            try:
                return await self.settle(attempt.id, outcome)
            except DatabaseUnavailable:
                await self.sleep(pause)
        return await self.settle(attempt.id, outcome)

    async def _answered(self, attempt: PaymentAttempt) -> PaymentAttempt:
        """The attempt of an earlier call, once that has its answer, or as it is when that takes too long."""
        pause, end = FIRST_LOOK, attempt.created_at + ANSWER_WITHIN
        while attempt.state is AttemptState.PENDING and self.desk.clock.now() < end:
            await self.sleep(pause.total_seconds())
            pause = min(pause * 2, LONGEST_PAUSE)
            async with self.transactions.read() as tx:
                attempt = await tx.attempts.find(attempt.id) or attempt
        return attempt

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
            tries=1,
            sent_at=now,
            customer_id=order.customer_id,
        )
        # not before this request has had its time with the provider
        return replace(attempt, check_at=next_check(attempt, now) + FIRST_CHECK_AFTER)
