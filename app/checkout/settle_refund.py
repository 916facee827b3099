"""Settle a refund: record what the provider said of it, and what follows for the order.

The worker, webhooks and the reconciler all end here, also with refunds that somebody made at the provider. Settling is
idempotent. See ADR-0030.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import timedelta

from app import telemetry
from app.checkout.domain import CheckoutTransaction, CheckoutTransactions
from app.checkout.notices import Notices
from app.checkout.refund_order import refund_job
from app.core.changes import order_changed
from app.core.clock import Clock
from app.core.errors import Bug, OperationalError
from app.core.ids import RefundId
from app.core.money import Money
from app.orders.domain import OrderEvent, PaymentStatus, status_of_paid
from app.payments.refunds import REFUND_LIFE, Refund, RefundOutcome, RefundState, given_back, left_of

ASK_AGAIN_AFTER = timedelta(hours=1)  # what the provider is still at work on; its webhook comes sooner
AT_THE_PROVIDER = "made at the payment provider"
_PAID = frozenset({PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED})

_log = telemetry.logger(__name__)


class RefundTooEarly(OperationalError):
    """A refund that cannot be recorded yet: its payment is not known, or refunds of ours that are under way leave no
    room for it; the provider will have refused one of these.
    """


@dataclass(frozen=True, slots=True)
class SettleRefund:
    """Record what became of a refund."""

    transactions: CheckoutTransactions
    notices: Notices
    clock: Clock

    async def __call__(self, refund_id: RefundId, outcome: RefundOutcome) -> Refund:
        """The refund after the outcome has been recorded. Raises as `within` does."""
        async with self.transactions.begin() as tx:
            return await self.within(tx, refund_id, outcome)

    async def within(self, tx: CheckoutTransaction, refund_id: RefundId, outcome: RefundOutcome) -> Refund:
        """Record the outcome in a transaction that is open; returns the refund after it.

        Raises Bug when there is no such refund, or the provider gave another amount back.
        Concurrency: under the lock of the cart, so outcomes of one refund are recorded one after the other.
        """
        refund = await locked_refund(tx, refund_id)
        if outcome.amount != refund.amount:
            raise Bug(f"refund {refund.id} is of {refund.amount}, the provider says {outcome.amount}")
        if outcome.state in (refund.state, RefundState.PENDING):
            return await self._unchanged(tx, refund, outcome)
        if not REFUND_LIFE.allows(refund.state, outcome.state):
            _log.error("refund_outcome_after_the_end", refund=str(refund.id), outcome=outcome.state.value)
            return refund
        return await self._record(tx, refund, outcome)

    async def of_provider(self, tx: CheckoutTransaction, outcome: RefundOutcome) -> Refund:
        """Record a refund as the provider tells of it by itself, in a transaction that is open.

        One that nobody here has begun is recorded as made at the provider.
        Raises RefundTooEarly, and what `within` raises.
        """
        refund = None if outcome.provider_id is None else await tx.refunds.find_by_provider_id(outcome.provider_id)
        if refund is None and outcome.refund_id is not None:
            ours = await tx.refunds.find(outcome.refund_id)
            if ours is not None and ours.intent_id == outcome.intent_id and ours.provider_id is None:
                refund = ours
        if refund is None:  # also one that failed: what was said of it before may still be under way
            refund = await self._made_there(tx, outcome)
        return await self.within(tx, refund.id, outcome)

    async def _made_there(self, tx: CheckoutTransaction, outcome: RefundOutcome) -> Refund:
        attempt = await tx.attempts.find_by_intent(outcome.intent_id)
        if attempt is None or outcome.provider_id is None:
            raise RefundTooEarly(f"a refund of the payment {outcome.intent_id}, which is not known so far")
        await tx.carts.hold(attempt.cart_id)
        earlier = await tx.refunds.find_by_provider_id(outcome.provider_id)
        if earlier is not None:
            return earlier
        left = left_of(attempt.amount, await tx.refunds.of_attempt(attempt.id))
        if outcome.amount.minor > left.minor:
            raise RefundTooEarly(f"a refund of {outcome.amount}, while others leave {left} of the payment")
        now = self.clock.now()
        made = Refund(
            id=RefundId(uuid.uuid5(attempt.id, outcome.provider_id)),
            order_id=attempt.order_id,
            attempt_id=attempt.id,
            intent_id=outcome.intent_id,
            amount=outcome.amount,
            state=RefundState.PENDING,
            reason=AT_THE_PROVIDER,
            created_at=now,
            updated_at=now,
            sent_at=now,
            provider_id=outcome.provider_id,
        )
        await tx.refunds.insert(made)
        return made

    async def _unchanged(self, tx: CheckoutTransaction, refund: Refund, outcome: RefundOutcome) -> Refund:
        if refund.state is not RefundState.PENDING:
            return refund
        now = self.clock.now()
        seen = replace(refund, provider_id=outcome.provider_id or refund.provider_id, updated_at=now)
        await tx.refunds.save(seen)
        await tx.jobs.enqueue(refund_job(seen.id, not_before=now + ASK_AGAIN_AFTER))
        return seen

    async def _record(self, tx: CheckoutTransaction, before: Refund, outcome: RefundOutcome) -> Refund:
        now = self.clock.now()
        provider_id = outcome.provider_id or before.provider_id
        refund = replace(before, state=outcome.state, provider_id=provider_id, failure=outcome.failure, updated_at=now)
        await tx.refunds.save(refund)
        telemetry.REFUNDS.labels(refund.state.value).inc()
        if refund.state is RefundState.FAILED:
            _log.error("refund_failed", order=str(refund.order_id), refund=str(refund.id), cause=refund.failure)
        order = await tx.orders.find(refund.order_id)
        if order is None:
            raise Bug(f"refund {refund.id} is of an order that does not exist: {refund.order_id}")
        status = order.payment_status
        if status in _PAID:
            refunds = await tx.refunds.of_attempt(refund.attempt_id)
            status = status_of_paid(order.cost.total, given_back(refunds, Money.zero(order.currency)))
        event = OrderEvent(order.id, now, *_told(refund))
        await tx.orders.advance(order.id, order.status, status, event)
        if refund.state is RefundState.SUCCEEDED:
            await tx.mail.post(self.notices.of_refund(order, refund.id, refund.amount))
        tx.announce_after_commit(order_changed(order.id))
        return refund


def _told(refund: Refund) -> tuple[str, str]:
    """The event's kind and message."""
    if refund.state is RefundState.SUCCEEDED:
        return "refunded", f"{refund.amount} were given back."
    return "refund_failed", f"{refund.amount} could not be given back: the shop is looking into it."


async def locked_refund(tx: CheckoutTransaction, refund_id: RefundId) -> Refund:
    """The refund under the lock of the cart that was paid. Raises Bug where there is none."""
    found = await tx.refunds.find(refund_id)
    attempt = None if found is None else await tx.attempts.find(found.attempt_id)
    if found is None or attempt is None:
        raise Bug(f"there is no refund {refund_id}")
    await tx.carts.hold(attempt.cart_id)
    return await tx.refunds.find(refund_id) or found
