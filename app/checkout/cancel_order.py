"""Cancel an order, as its buyer may while nothing of it has been sent.

not paid yet   -> the payment is given up (`cancel_attempt`)
paid           -> canceled at once: units back on the shelf, discounts usable again, the money on its way back

See ADR-0030.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.cart.turns import CartTurns
from app.checkout.cancel_attempt import CancelAttempt
from app.checkout.domain import CheckoutTransaction, CheckoutTransactions
from app.checkout.notices import Notices
from app.checkout.refund_order import refund_the_rest
from app.core.changes import order_changed
from app.core.clock import Clock
from app.core.errors import ErrorCode, InvalidInput, NotFound
from app.core.ids import CustomerId, OrderId
from app.idempotency.domain import KeyedCall
from app.orders.domain import FulfillmentStatus, Order, OrderEvent, OrderStatus
from app.payments.domain import AttemptState, PaymentAttempt

MAX_REASON_LENGTH = 500


def may_cancel(order: Order, attempt: PaymentAttempt | None) -> bool:
    """Whether the buyer may cancel the order now. attempt: the latest to pay for it."""
    if order.fulfillment_status is not FulfillmentStatus.UNFULFILLED:
        return False
    if order.status is OrderStatus.PENDING:
        return attempt is not None and not attempt.state.is_final and attempt.cancel_requested_at is None
    return order.status is OrderStatus.CONFIRMED


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Undo an order."""

    transactions: CheckoutTransactions
    cancel_attempt: CancelAttempt
    notices: Notices
    clock: Clock
    turns: CartTurns

    async def __call__(
        self,
        order_id: OrderId,
        *,
        caller: CustomerId | None,
        is_proven: bool,
        reason: str | None = None,
        keyed: KeyedCall | None = None,
    ) -> None:
        """Cancel the order; one that is canceled, or about to be, stays as it is.

        is_proven: whether the caller has shown the order's token; without one the order must be the caller's own.
        reason: the buyer's, at most MAX_REASON_LENGTH characters; it is told in the order's timeline.
        Raises NotFound where there is no such order, or it is not the caller's; InvalidInput, also (NOT_CANCELABLE)
        when it can no longer be canceled; nothing has changed then.
        Concurrency: any number at once; one of them takes effect.
        """
        if reason is not None and len(reason) > MAX_REASON_LENGTH:
            raise InvalidInput(f"The reason has more than {MAX_REASON_LENGTH} characters.", field=("reason",))
        async with self.transactions.read() as tx:
            found = await tx.orders.find(order_id)
        if found is None:
            raise no_such_order()
        async with self.turns.of(found.cart_id), self.transactions.begin() as tx:
            is_repeated = keyed is not None and await tx.keys.claim(keyed, now=self.clock.now()) is not None
            await tx.carts.hold(found.cart_id)
            order = await tx.orders.find(order_id) or found
            is_own = caller is not None and order.customer_id == caller
            if not is_proven and not is_own:
                raise no_such_order()
            if is_repeated:
                return
            attempt = await self._cancel(tx, order, reason)
        if attempt is not None:
            await self.cancel_attempt.ask_provider(attempt)

    async def _cancel(self, tx: CheckoutTransaction, order: Order, reason: str | None) -> PaymentAttempt | None:
        """The attempt that the provider may have to be asked about, None where nothing is left to do."""
        attempts = await tx.attempts.of_order(order.id)
        attempt = attempts[-1] if attempts else None
        is_asked_for = attempt is not None and attempt.cancel_requested_at is not None
        if order.status is OrderStatus.CANCELED or (order.status is OrderStatus.PENDING and is_asked_for):
            return None
        if attempt is None or not may_cancel(order, attempt):
            message = "The order can no longer be canceled: it has been sent."
            raise InvalidInput(message, code=ErrorCode.NOT_CANCELABLE, field=("orderId",))
        if order.status is OrderStatus.PENDING:
            return await self.cancel_attempt.within(tx, attempt, reason)
        paid = next(each for each in attempts if each.state is AttemptState.SUCCEEDED)
        await self._undo(tx, order, paid, reason)
        return None

    async def _undo(self, tx: CheckoutTransaction, order: Order, paid: PaymentAttempt, reason: str | None) -> None:
        now = self.clock.now()
        refund = await refund_the_rest(tx, paid, reason=reason or "canceled by the buyer", now=now)
        told = [f"The order was canceled (“{reason}”)." if reason else "The order was canceled."]
        told += [f"{refund.amount} will be given back."] if refund else []
        event = OrderEvent(order.id, now, "canceled", " ".join(told))
        await tx.orders.advance(order.id, OrderStatus.CANCELED, order.payment_status, event)
        await tx.promotions.release(order.id)  # before the stock, as orders lock them
        await tx.stock.take_back(order.id, now=now)
        await tx.mail.post(self.notices.of_cancellation(order, refund=refund.amount if refund else None))
        tx.announce_after_commit(order_changed(order.id))


def no_such_order() -> NotFound:
    """There is none, or it is not the caller's."""
    return NotFound("There is no such order, or its token is missing, wrong or has expired.", field=("orderId",))
