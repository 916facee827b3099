"""Check open payments: ask the provider about every attempt that is due, and settle what it says.

It is how an attempt ends whose request died, whose provider was silent, whose buyer is at the bank's page, or whose
buyer went away: that one is canceled when its time is up. An answer that was lost is looked for by the attempt's id
before anything is repeated: the provider replays a stored failure for ever, even where the charge went through. See
ADR-0005 and ADR-0025.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from app import telemetry
from app.checkout.domain import KEY_LIFETIME, CheckoutTransactions, check_job
from app.checkout.settle_payment import SettlePayment, locked_attempt
from app.core.clock import Clock
from app.core.errors import PaymentsUnavailable
from app.core.fault_points import FaultPoint, reached
from app.core.ids import AttemptId
from app.payments.domain import AttemptState, PaymentAttempt, PaymentGateway, PaymentOutcome

BATCH = 20
PARALLEL = 5  # calls at once: the provider's limit is 25 a second for one endpoint
CLAIM = timedelta(seconds=60)  # longer than the calls of one check take while the provider hangs
DOUBT = timedelta(minutes=1)  # the provider's search may not find a payment that is younger
HASTENED = 500  # of the queue, once the provider answers again

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class CheckPayments:
    """Bring open payments to their end."""

    transactions: CheckoutTransactions
    gateway: PaymentGateway
    settle: SettlePayment
    clock: Clock

    async def __call__(self, *, overdue: timedelta = timedelta()) -> int:
        """Check one batch of the attempts that have been due for so long; returns how many could be checked.

        Those that cannot be do not count: whoever asks for more at once would ask for them again and again.
        """
        async with self.transactions.read() as tx:
            due = await tx.attempts.due(before=self.clock.now() - overdue, limit=BATCH)
        turns = asyncio.Semaphore(PARALLEL)

        async def check(attempt_id: AttemptId) -> bool:
            try:
                async with turns:
                    await self.check(attempt_id)
            except Exception as error:  # noqa: BLE001  one attempt must not keep the others from being checked
                _log.error("payment_check_failed", attempt=str(attempt_id), exc_info=error)
                return False
            return True

        async with asyncio.TaskGroup() as tasks:
            checks = [tasks.create_task(check(attempt_id)) for attempt_id in due]
        return sum(check.result() for check in checks)

    async def run(self, payload: Mapping[str, str]) -> None:
        """Check the attempt of a job."""
        await self.check(AttemptId(UUID(payload["attempt"])))

    async def check(self, attempt_id: AttemptId) -> None:
        """Check one attempt; nothing happens where it has ended or is not due.

        Concurrency: any number of workers; one of them checks it.
        """
        before = await self._claim(attempt_id)
        if before is None:
            return
        reached(FaultPoint.CHECK_CLAIMED)
        try:
            outcome = await self._ask(before)
        except PaymentsUnavailable as silence:  # counted and logged by the gateway
            sent_at = self.clock.now() if silence.may_have_run else before.sent_at
            await self.settle.unanswered(attempt_id, sent_at=sent_at)
            return
        reached(FaultPoint.CHECK_ANSWERED)
        await self.settle(attempt_id, outcome)
        reached(FaultPoint.CHECK_RECORDED)
        if before.state is AttemptState.QUEUED:
            await self._hasten_queue()

    async def _claim(self, attempt_id: AttemptId) -> PaymentAttempt | None:
        """The attempt as it was, now due again only after CLAIM."""
        now = self.clock.now()
        async with self.transactions.begin() as tx:
            before = await locked_attempt(tx, attempt_id)
            if before.check_at is None:
                return None
            due = before.check_at <= now
            if due:
                sent_at = now if before.intent_id is None else before.sent_at  # as long as nothing else is known
                claimed = replace(before, check_at=now + CLAIM, tries=before.tries + 1, sent_at=sent_at)
                await tx.attempts.save(claimed)
            await tx.jobs.enqueue(check_job(attempt_id, now + CLAIM if due else before.check_at))
        return before if due else None

    async def _ask(self, attempt: PaymentAttempt) -> PaymentOutcome:
        now = self.clock.now()
        if attempt.intent_id is not None:
            if attempt.cancel_requested_at or (
                now >= attempt.expires_at and attempt.state is AttemptState.ACTION_REQUIRED
            ):
                reached(FaultPoint.CANCEL_DECIDED if attempt.cancel_requested_at else FaultPoint.EXPIRY_DECIDED)
                return await self.gateway.cancel(attempt.intent_id)
            return await self._ended(attempt, await self.gateway.look_up(attempt.intent_id))
        if attempt.amount.minor == 0:
            return PaymentOutcome(AttemptState.SUCCEEDED, None, attempt.amount)
        found = None if attempt.sent_at is None else await self.gateway.find(attempt)
        if found is not None:
            if attempt.cancel_requested_at and found.intent_id and not found.state.is_final:
                return await self.gateway.cancel(found.intent_id)
            return await self._ended(attempt, found)
        if attempt.cancel_requested_at is None and now - attempt.created_at < KEY_LIFETIME:
            return await self.gateway.charge(attempt)
        return self._never_charged(attempt, now)

    def _never_charged(self, attempt: PaymentAttempt, now: datetime) -> PaymentOutcome:
        """The end of an attempt that the provider does not know, and that nobody may begin any more."""
        if attempt.sent_at is not None and now - attempt.sent_at < DOUBT:
            raise PaymentsUnavailable("a call may still be under way", may_have_run=False)
        if attempt.cancel_requested_at is None:
            _log.error("payment_never_arrived", order=str(attempt.order_id))
        return PaymentOutcome(AttemptState.CANCELED, None, attempt.amount)

    async def _ended(self, attempt: PaymentAttempt, outcome: PaymentOutcome) -> PaymentOutcome:
        """The outcome, with a payment that failed, or was never begun in its time, ended at the provider too.

        Whoever has its client secret could still pay it with another card, for an order that has been given up.
        """
        has_failed = outcome.state is AttemptState.FAILED
        is_late = outcome.state is AttemptState.PENDING and self.clock.now() >= attempt.expires_at
        if outcome.intent_id is None or not (has_failed or is_late):
            return outcome
        ended = await self.gateway.cancel(outcome.intent_id)
        return outcome if has_failed and ended.state is AttemptState.CANCELED else ended

    async def _hasten_queue(self) -> None:
        """The provider answers again: what waits for it need not wait any longer."""
        now = self.clock.now()
        async with self.transactions.begin() as tx:
            # what is due within CLAIM may be under way, or is due soon anyway
            hastened = await tx.attempts.hasten_queued(now=now, later_than=now + CLAIM, limit=HASTENED)
            await tx.jobs.enqueue(*(check_job(attempt_id, now) for attempt_id in hastened))
