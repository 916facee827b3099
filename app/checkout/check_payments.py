"""Check open payments: ask the provider about every attempt that is due, and settle what it says.

The worker calls this again and again. It is how an attempt ends whose request died, whose provider was silent, whose
buyer is at the bank's page, or whose buyer went away: that one is canceled when its time is up. An answer that was
lost is looked for by the attempt's id before anything is repeated: the provider replays a stored failure for ever,
even where the charge went through. See ADR-0005.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from app import telemetry
from app.checkout.domain import KEY_LIFETIME, CheckoutTransactions
from app.checkout.settle_payment import SettlePayment
from app.core.clock import Clock
from app.core.errors import PaymentsUnavailable
from app.payments.domain import AttemptState, PaymentAttempt, PaymentGateway, PaymentOutcome

BATCH = 20
PARALLEL = 5  # calls at once: the provider's limit is 25 a second for one endpoint
CLAIM = timedelta(seconds=120)  # longer than a batch takes while the provider hangs: 20 / 5 × 2 calls × 8 s
DOUBT = timedelta(minutes=1)  # without an answer for so long, ask what became of the payment: the search is fresh then

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class CheckPayments:
    """Bring open payments to their end."""

    transactions: CheckoutTransactions
    gateway: PaymentGateway
    settle: SettlePayment
    clock: Clock

    async def __call__(self) -> int:
        """Check one batch of due attempts; returns how many were due.

        Concurrency: any number of workers; each attempt is checked by one of them.
        """
        now = self.clock.now()
        async with self.transactions.begin() as tx:
            due = await tx.attempts.claim_due(now=now, next_check_at=now + CLAIM, limit=BATCH)
        turns = asyncio.Semaphore(PARALLEL)
        async with asyncio.TaskGroup() as tasks:
            for attempt in due:
                tasks.create_task(self._check(attempt, turns))
        return len(due)

    async def _check(self, attempt: PaymentAttempt, turns: asyncio.Semaphore) -> None:
        try:
            async with turns:
                try:
                    outcome = await self._ask(attempt)
                except PaymentsUnavailable:  # counted and logged by the gateway
                    outcome = PaymentOutcome(AttemptState.PENDING, None, attempt.amount)  # no news: due again soon
                await self.settle(attempt.id, outcome)
        except Exception as error:  # noqa: BLE001  one attempt must not keep the others from being checked
            _log.error("payment_check_failed", order=str(attempt.order_id), exc_info=error)

    async def _ask(self, attempt: PaymentAttempt) -> PaymentOutcome:
        now = self.clock.now()
        if attempt.intent_id is not None:
            if now >= attempt.expires_at and attempt.state is AttemptState.ACTION_REQUIRED:
                return await self.gateway.cancel(attempt.intent_id)
            return await self._ended(attempt, await self.gateway.look_up(attempt.intent_id))
        if attempt.amount.minor == 0:
            return PaymentOutcome(AttemptState.SUCCEEDED, None, attempt.amount)
        if now - attempt.created_at < DOUBT:
            return await self.gateway.charge(attempt)
        found = await self.gateway.find(attempt)
        if found is not None:
            return await self._ended(attempt, found)
        if now - attempt.created_at < KEY_LIFETIME:
            return await self.gateway.charge(attempt)
        _log.error("payment_never_arrived", order=str(attempt.order_id))
        return PaymentOutcome(AttemptState.CANCELED, None, attempt.amount)

    async def _ended(self, attempt: PaymentAttempt, outcome: PaymentOutcome) -> PaymentOutcome:
        """The outcome, with a failed payment ended at the provider too.

        Whoever has its client secret could still pay it with another card, for an order that has been given up.
        """
        if outcome.state is not AttemptState.FAILED or outcome.intent_id is None:
            return outcome
        ended = await self.gateway.cancel(outcome.intent_id)
        return outcome if ended.state is AttemptState.CANCELED else ended
