"""Refund an order: begin to give back some of what was paid for it, or all that is left.

Here a refund is only written down, with the job that asks the provider to make it (`refund_payment`). See ADR-0030.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.checkout.domain import CheckoutTransaction, CheckoutTransactions
from app.core.clock import Clock
from app.core.errors import InvalidInput, NotFound
from app.core.ids import IdSource, OrderId, RefundId
from app.core.money import Money, charge_step
from app.jobs.domain import Job
from app.orders.domain import Order, OrderEvent
from app.payments.domain import AttemptState, PaymentAttempt
from app.payments.refunds import Refund, RefundState, left_of, refund_of_the_rest

REFUND_PAYMENT = "refund_payment"  # the job's kind; its payload names the refund
MAX_REASON_LENGTH = 500


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Begin to give money back, as the shop's people decide."""

    transactions: CheckoutTransactions
    clock: Clock
    ids: IdSource

    async def __call__(self, order_id: OrderId, amount: Money | None, *, reason: str, restock: bool = False) -> Refund:
        """The refund that has begun. amount: None for all that is left; restock: also put the units on the shelf.

        The order stays what it is: a refund says nothing about its delivery.
        Raises NotFound, and InvalidInput when the order was not paid, or more is asked for than is left of it.
        Concurrency: refunds of one order begin one after the other, each sees those before it.
        """
        now = self.clock.now()
        async with self.transactions.begin() as tx:
            order = await locked_order(tx, order_id)
            attempt = await _charged_attempt(tx, order)
            wanted = amount or left_of(attempt.amount, await tx.refunds.of_attempt(attempt.id))
            refund_id = RefundId(self.ids.new_uuid())
            refund = await begin_refund(tx, attempt, wanted, refund_id=refund_id, reason=reason, now=now)
            if restock:
                await tx.stock.take_back(order.id, now=now)
                await tx.orders.tell(OrderEvent(order.id, now, "returned", "The items have come back."))
        return refund


async def locked_order(tx: CheckoutTransaction, order_id: OrderId) -> Order:
    """The order under its cart's lock, which is always taken first. Raises NotFound."""
    found = await tx.orders.find(order_id)
    if found is None:
        raise NotFound("There is no such order.", field=("orderId",))
    await tx.carts.hold(found.cart_id)
    return await tx.orders.find(order_id) or found


async def begin_refund(
    tx: CheckoutTransaction,
    attempt: PaymentAttempt,
    amount: Money,
    *,
    refund_id: RefundId,
    reason: str,
    now: datetime,
) -> Refund:
    """Write down a refund and the job that makes it. The caller holds the lock of the cart.

    Raises InvalidInput when more is asked for than is left of the payment.
    """
    left = left_of(attempt.amount, await tx.refunds.of_attempt(attempt.id))
    if attempt.intent_id is None or left.minor == 0:
        raise InvalidInput("Nothing of the payment is left to give back.", field=("amount",))
    if amount.currency != left.currency:
        raise InvalidInput(f"The payment was in {left.currency}, not {amount.currency}.", field=("amount",))
    if not 0 < amount.minor <= left.minor:
        raise InvalidInput(f"At most {left} can be given back, and more than nothing.", field=("amount",))
    if amount.minor % charge_step(amount.currency):
        raise InvalidInput(f"{amount} is too fine an amount: cards know two decimals.", field=("amount",))
    refund = Refund(
        id=refund_id,
        order_id=attempt.order_id,
        attempt_id=attempt.id,
        intent_id=attempt.intent_id,
        amount=amount,
        state=RefundState.PENDING,
        reason=reason,
        created_at=now,
        updated_at=now,
    )
    await tx.refunds.insert(refund)
    await tx.jobs.enqueue(refund_job(refund.id))
    return refund


async def refund_the_rest(
    tx: CheckoutTransaction, attempt: PaymentAttempt, *, reason: str, now: datetime
) -> Refund | None:
    """Begin to give back all that is left of a payment, once; None where nothing is, or it has been begun before."""
    refund_id = refund_of_the_rest(attempt.id)
    left = left_of(attempt.amount, await tx.refunds.of_attempt(attempt.id))
    if left.minor == 0 or await tx.refunds.find(refund_id) is not None:
        return None
    return await begin_refund(tx, attempt, left, refund_id=refund_id, reason=reason, now=now)


def refund_job(refund_id: RefundId, *, not_before: datetime | None = None) -> Job:
    """The job that asks the provider for a refund."""
    return Job(REFUND_PAYMENT, {"refund": str(refund_id)}, not_before=not_before, key=str(refund_id))


async def _charged_attempt(tx: CheckoutTransaction, order: Order) -> PaymentAttempt:
    """The attempt that took the buyer's money, also one whose money came after its end."""
    attempts = await tx.attempts.of_order(order.id)
    for attempt in attempts:
        if attempt.state is AttemptState.SUCCEEDED or await tx.refunds.of_attempt(attempt.id):
            return attempt
    raise InvalidInput("The order was not paid: there is nothing to give back.", field=("orderId",))
