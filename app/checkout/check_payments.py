"""Check open payments: ask the provider about every attempt that is due, and settle what it says.

The worker calls this again and again. It is how an attempt ends whose request died, whose provider was silent, whose
buyer is at the bank's page, or whose buyer went away: that one is canceled when its time is up. See ADR-0005.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app import telemetry
from app.checkout.domain import KEY_LIFETIME, CheckoutTransactions
from app.checkout.settle_payment import SettlePayment
from app.core.clock import Clock
from app.core.errors import PaymentsUnavailable
from app.payments.domain import AttemptState, PaymentAttempt, PaymentGateway, PaymentOutcome

BATCH = 20  # the provider's limit is 25 calls a second for one endpoint
CLAIM = timedelta(seconds=30)  # a claimed attempt is due again after this, should the worker die over it

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
        for attempt in due:
            try:
                outcome = await self._ask(attempt)
            except PaymentsUnavailable:
                continue  # counted and logged by the gateway; due again soon
            if outcome is not None:
                await self.settle(attempt.id, outcome)
        return len(due)

    async def _ask(self, attempt: PaymentAttempt) -> PaymentOutcome | None:
        expired = self.clock.now() >= attempt.expires_at
        if attempt.intent_id is not None:
            if expired and attempt.state is AttemptState.ACTION_REQUIRED:
                return await self.gateway.cancel(attempt.intent_id)
            return await self._ended(attempt, await self.gateway.look_up(attempt.intent_id))
        if attempt.amount.minor == 0:
            return PaymentOutcome(AttemptState.SUCCEEDED, None, attempt.amount)
        if self.clock.now() - attempt.created_at > KEY_LIFETIME:
            _log.error("payment_outcome_unknown_for_too_long", attempt=str(attempt.id), order=str(attempt.order_id))
            return None
        return await self.gateway.charge(attempt)

    async def _ended(self, attempt: PaymentAttempt, outcome: PaymentOutcome) -> PaymentOutcome:
        """The outcome, with a failed payment ended at the provider too.

        Whoever has its client secret could still pay it with another card, for an order that has been given up.
        """
        if outcome.state is not AttemptState.FAILED or attempt.intent_id is None:
            return outcome
        ended = await self.gateway.cancel(attempt.intent_id)
        return outcome if ended.state is AttemptState.CANCELED else ended
