"""Settle a payment: record what the provider said, and what follows from it for order, stock and cart.

The buyer's own request, the worker, webhooks and the reconciler all end here. Settling is idempotent: an outcome that
is known already changes nothing, and one that comes after the end is refused loudly. Money that comes for what the
buyer gave up, or after the end, is given back. See ADR-0005, ADR-0025 and ADR-0030.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from app import telemetry
from app.cart.domain import CartState
from app.checkout.domain import QUEUED_LIFETIME, CheckoutTransaction, CheckoutTransactions, check_job, next_check
from app.checkout.notices import Notices
from app.checkout.refund_order import refund_the_rest
from app.core.changes import attempt_changed, cart_changed, order_changed
from app.core.clock import Clock
from app.core.errors import Bug
from app.core.ids import AttemptId
from app.orders.domain import Order, OrderEvent, OrderStatus, PaymentStatus
from app.payments.domain import ATTEMPT_LIFE, AttemptState, PaymentAttempt, PaymentOutcome

_log = telemetry.logger(__name__)

# what an attempt's state means for its order: status, payment status, the event's kind and message
_ORDER_FOLLOWS = {
    AttemptState.QUEUED: (
        OrderStatus.PENDING,
        PaymentStatus.DELAYED,
        "payment_delayed",
        "The payment provider does not answer: the shop goes on trying.",
    ),
    AttemptState.SUCCEEDED: (OrderStatus.CONFIRMED, PaymentStatus.PAID, "paid", "The payment went through."),
    AttemptState.ACTION_REQUIRED: (
        OrderStatus.PENDING,
        PaymentStatus.ACTION_REQUIRED,
        "payment_action_required",
        "The bank asks the buyer to confirm the payment.",
    ),
    AttemptState.PROCESSING: (
        OrderStatus.PENDING,
        PaymentStatus.PENDING,
        "payment_processing",
        "The payment is being processed.",
    ),
    AttemptState.FAILED: (OrderStatus.CANCELED, PaymentStatus.FAILED, "payment_failed", "The payment was refused."),
    AttemptState.CANCELED: (
        OrderStatus.CANCELED,
        PaymentStatus.FAILED,
        "payment_canceled",
        "The payment was not completed in time.",
    ),
}
_PAID_AFTER_ALL = (
    OrderStatus.CANCELED,
    PaymentStatus.PAID,
    "canceled",
    "The payment had gone through when it was canceled: it is given back.",
)
_REFUNDED = (PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED)
_CANCELED_BY_BUYER = (OrderStatus.CANCELED, PaymentStatus.FAILED, "canceled", "The order was canceled.")


@dataclass(frozen=True, slots=True)
class SettlePayment:
    """Record what became of a payment."""

    transactions: CheckoutTransactions
    notices: Notices
    clock: Clock

    async def __call__(self, attempt_id: AttemptId, outcome: PaymentOutcome) -> PaymentAttempt:
        """The attempt after the outcome has been recorded. Raises as `within` does."""
        async with self.transactions.begin() as tx:
            return await self.within(tx, attempt_id, outcome)

    async def within(self, tx: CheckoutTransaction, attempt_id: AttemptId, outcome: PaymentOutcome) -> PaymentAttempt:
        """Record the outcome in a transaction that is open; returns the attempt after it.

        Raises Bug when the provider charged another amount than the order's.
        Concurrency: under the lock of the cart, so outcomes of one attempt are recorded one after the other.
        """
        attempt = await locked_attempt(tx, attempt_id)
        if outcome.amount != attempt.amount:
            said = f"it is for {attempt.amount}, the provider says {outcome.amount}"
            raise Bug(f"the payment of order {attempt.order_id}: {said}")
        if attempt.state is outcome.state or outcome.state is AttemptState.PENDING:
            return await self._unchanged(tx, attempt, outcome)
        if not ATTEMPT_LIFE.allows(attempt.state, outcome.state):
            if outcome.state is AttemptState.SUCCEEDED:
                return await self._give_back(tx, attempt, outcome)
            _log.error(
                "payment_outcome_after_the_end",
                order=str(attempt.order_id),
                state=attempt.state.value,
                outcome=outcome.state.value,
            )
            return attempt
        return await self._record(tx, self._with_outcome(attempt, outcome))

    async def _give_back(
        self, tx: CheckoutTransaction, attempt: PaymentAttempt, outcome: PaymentOutcome
    ) -> PaymentAttempt:
        """Begin to give back what was paid after the attempt had ended; once, however often it is told."""
        now = self.clock.now()
        paid = replace(
            attempt,
            intent_id=outcome.intent_id or attempt.intent_id,
            card_brand=outcome.card_brand or attempt.card_brand,
            card_last4=outcome.card_last4 or attempt.card_last4,
        )
        await tx.attempts.save(paid)
        refund = await refund_the_rest(tx, paid, reason="paid after the order had ended", now=now)
        if refund is None:
            return paid
        telemetry.PAYMENTS_AFTER_THE_END.inc()
        _log.error("payment_after_the_end", order=str(attempt.order_id), state=attempt.state.value)
        message = "A payment came after the order had ended: it is given back."
        await tx.orders.tell(OrderEvent(attempt.order_id, now, "paid_after_the_end", message))
        tx.announce_after_commit(order_changed(attempt.order_id))
        return paid

    async def unanswered(self, attempt_id: AttemptId, *, sent_at: datetime | None) -> PaymentAttempt:
        """Record that the provider has given no answer: the payment is queued, and the worker goes on with it.

        sent_at: when a call may last have reached the provider; None where surely none has.
        """
        async with self.transactions.begin() as tx:
            attempt = replace(await locked_attempt(tx, attempt_id), sent_at=sent_at)
            if attempt.state is not AttemptState.PENDING:
                return await self._unchanged(tx, attempt, None)
            now = self.clock.now()
            telemetry.PAYMENTS_DELAYED.inc()
            _log.warning("payment_delayed", order=str(attempt.order_id))
            queued = replace(attempt, state=AttemptState.QUEUED, queued_at=now, updated_at=now)
            return await self._record(tx, replace(queued, check_at=next_check(queued, now)))

    async def _unchanged(
        self, tx: CheckoutTransaction, attempt: PaymentAttempt, outcome: PaymentOutcome | None
    ) -> PaymentAttempt:
        before = attempt
        if outcome is not None:  # an event, which may have come first, does not tell the card
            attempt = replace(
                attempt,
                intent_id=outcome.intent_id or attempt.intent_id,
                card_brand=attempt.card_brand or outcome.card_brand,
                card_last4=attempt.card_last4 or outcome.card_last4,
            )
        if attempt.state.is_final:
            if attempt != before:
                await tx.attempts.save(attempt)
        else:
            attempt = replace(attempt, check_at=next_check(attempt, self.clock.now()))
            await tx.attempts.save(attempt)
            await tx.jobs.enqueue(check_job(attempt.id, attempt.check_at))
        return attempt

    def _with_outcome(self, attempt: PaymentAttempt, outcome: PaymentOutcome) -> PaymentAttempt:
        now = self.clock.now()
        settled = replace(
            attempt,
            state=outcome.state,
            updated_at=now,
            intent_id=outcome.intent_id or attempt.intent_id,
            client_secret=outcome.client_secret or attempt.client_secret,
            card_brand=outcome.card_brand or attempt.card_brand,
            card_last4=outcome.card_last4 or attempt.card_last4,
            decline_code=outcome.decline_code,
            failure_message=outcome.failure_message,
        )
        if attempt.state is AttemptState.QUEUED:  # the buyer has gone since, and must come back for the bank
            settled = replace(settled, expires_at=now + QUEUED_LIFETIME)
        return replace(settled, check_at=None if outcome.state.is_final else next_check(settled, now))

    async def _record(self, tx: CheckoutTransaction, settled: PaymentAttempt) -> PaymentAttempt:
        await tx.attempts.save(settled)
        await self.follow(tx, settled)
        return settled

    async def follow(
        self, tx: CheckoutTransaction, settled: PaymentAttempt, *, has_cart: bool = True, again: bool = False
    ) -> None:
        """Bring order, stock and cart to where the attempt is, under the lock of the cart, and tell the buyer.

        has_cart: whether the cart still waits for this attempt, and is not in another checkout by now; again: the order
        may be there already, or further.
        """
        now = settled.updated_at
        is_given_up = settled.cancel_requested_at is not None and settled.state.is_final
        follows = _follows(settled, is_given_up=is_given_up)
        if not again or not _is_there(await tx.orders.find(settled.order_id), follows):
            status, payment_status, kind, message = follows
            event = OrderEvent(settled.order_id, now, kind, message)
            await tx.orders.advance(settled.order_id, status, payment_status, event)
        if settled.state is AttemptState.SUCCEEDED and not is_given_up:
            await tx.stock.sell(settled.order_id, now=now)
            await tx.carts.move(settled.cart_id, CartState.COMPLETED, now=now)
        elif not settled.state.is_final:
            await tx.jobs.enqueue(check_job(settled.id, settled.check_at))
        else:
            if settled.state is AttemptState.SUCCEEDED:
                await refund_the_rest(tx, settled, reason="canceled by the buyer", now=now)
            await tx.promotions.release(settled.order_id)  # before the stock, as orders lock them
            await tx.stock.release(settled.order_id, now=now)
            if has_cart:
                await tx.carts.move(settled.cart_id, CartState.ACTIVE, now=now)
        await self._tell_buyer(tx, settled)
        tx.announce_after_commit(
            attempt_changed(settled.id), order_changed(settled.order_id), cart_changed(settled.cart_id)
        )

    async def _tell_buyer(self, tx: CheckoutTransaction, settled: PaymentAttempt) -> None:
        order = await tx.orders.find(settled.order_id)
        notice = self.notices.of_payment(order, settled) if order else None
        if notice is not None:
            await tx.mail.post(notice)


def _is_there(order: Order | None, follows: tuple[OrderStatus, PaymentStatus, str, str]) -> bool:
    """Whether the order is where it is to be, or further on the same way."""
    if order is None:
        return False
    status, payment_status, *_ = follows
    has_status = order.status is status or (status is OrderStatus.CONFIRMED and order.status is OrderStatus.COMPLETED)
    was_paid = payment_status is PaymentStatus.PAID and order.payment_status in _REFUNDED
    return has_status and (order.payment_status is payment_status or was_paid)


def _follows(settled: PaymentAttempt, *, is_given_up: bool) -> tuple[OrderStatus, PaymentStatus, str, str]:
    """What a state means for the order. is_given_up: it is the end of what the buyer did not want any more."""
    if is_given_up and settled.state is AttemptState.SUCCEEDED:
        return _PAID_AFTER_ALL
    return _CANCELED_BY_BUYER if is_given_up else _ORDER_FOLLOWS[settled.state]


async def locked_attempt(tx: CheckoutTransaction, attempt_id: AttemptId) -> PaymentAttempt:
    """The attempt under its cart's lock, which is always taken first. Raises Bug where there is none."""
    found = await tx.attempts.find(attempt_id)
    if found is None:
        raise Bug(f"there is no attempt {attempt_id}")
    await tx.carts.hold(found.cart_id)
    return await tx.attempts.find(attempt_id) or found
