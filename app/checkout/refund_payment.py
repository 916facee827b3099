"""Make a refund: have the provider give the money back, and settle what it says.

What the job of a refund does. A call whose answer was lost is looked for before it is repeated: the provider replays a
stored failure for ever, even where the money went back. See ADR-0030.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from app import telemetry
from app.checkout.domain import KEY_LIFETIME, CheckoutTransactions
from app.checkout.refund_order import refund_job
from app.checkout.settle_refund import ASK_AGAIN_AFTER, SettleRefund, locked_refund
from app.core.clock import Clock
from app.core.errors import PaymentsUnavailable
from app.core.fault_points import FaultPoint, reached
from app.core.ids import RefundId
from app.payments.refunds import Refund, RefundGateway, RefundOutcome, RefundState

DOUBT = timedelta(minutes=10)  # after the last call under a key that the provider may still be at work on
OVERDUE = 2 * ASK_AGAIN_AFTER  # longer than any job of a refund waits
BATCH = 100

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """Bring a refund that has begun to its end."""

    transactions: CheckoutTransactions
    gateway: RefundGateway
    settle: SettleRefund
    clock: Clock

    async def run(self, payload: Mapping[str, str]) -> None:
        """Make the refund of a job."""
        await self(RefundId(UUID(payload["refund"])))

    async def overdue(self) -> int:
        """Write the jobs of refunds anew that nobody has looked at for so long that theirs must be lost.

        Returns 0: what was found is not done yet, so asking at once would find it again.
        """
        async with self.transactions.begin() as tx:
            lost = await tx.refunds.waiting(before=self.clock.now() - OVERDUE, limit=BATCH)
            await tx.jobs.enqueue(*(refund_job(refund_id) for refund_id in lost))
        return 0

    async def __call__(self, refund_id: RefundId) -> Refund:
        """The refund, as far as it has come; nothing happens where it has ended.

        Raises PaymentsUnavailable when the provider gave no answer: try again later, as often as it takes.
        Concurrency: any number at once; the refund's id makes it one refund at the provider.
        """
        claimed_at = self.clock.now()
        before = await self._claim(refund_id, claimed_at)
        if before.state is not RefundState.PENDING:
            return before
        try:
            outcome = await self._ask(before)
        except PaymentsUnavailable as silence:
            if before.sent_at is None and not silence.may_have_run:
                await self._unsent(refund_id, claimed_at)
            raise
        reached(FaultPoint.REFUND_ANSWERED)
        return await self.settle(refund_id, outcome)

    async def _claim(self, refund_id: RefundId, now: datetime) -> Refund:
        """The refund as it was, now noted as sent, for as long as nothing else is known."""
        async with self.transactions.begin() as tx:
            before = await locked_refund(tx, refund_id)
            if before.state is RefundState.PENDING:
                await tx.refunds.save(replace(before, sent_at=before.sent_at or now, updated_at=now))
        return before

    async def _unsent(self, refund_id: RefundId, claimed_at: datetime) -> None:
        """Note that surely nothing was sent, unless somebody else has claimed the refund meanwhile."""
        async with self.transactions.begin() as tx:
            refund = await locked_refund(tx, refund_id)
            if refund.updated_at == claimed_at:
                await tx.refunds.save(replace(refund, sent_at=None))

    async def _ask(self, refund: Refund) -> RefundOutcome:
        if refund.sent_at is None:
            return await self.gateway.refund(refund)
        found = await self.gateway.find_refund(refund)
        if found is not None:
            return found
        age = self.clock.now() - refund.sent_at
        if age < KEY_LIFETIME:
            return await self.gateway.refund(refund)
        if age < KEY_LIFETIME + DOUBT:
            raise PaymentsUnavailable("a call may still be under way", may_have_run=False)
        _log.error("refund_never_arrived", order=str(refund.order_id), refund=str(refund.id))
        cause = "the payment provider never took it"
        return RefundOutcome(RefundState.FAILED, refund.amount, None, refund.intent_id, refund.id, cause)
