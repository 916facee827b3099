"""The queue of payments that wait for the provider: look at it, and have some tried at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.checkout.domain import CheckoutTransactions, check_job
from app.checkout.settle_payment import locked_attempt
from app.core.clock import Clock
from app.core.ids import AttemptId
from app.payments.domain import AttemptState, PaymentAttempt


@dataclass(frozen=True, slots=True)
class QueueLength:
    """How many payments wait, and since when the first of them does; None where none waits."""

    payments: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class PaymentQueue:
    """What on-call sees of the queue."""

    transactions: CheckoutTransactions
    clock: Clock

    async def __call__(self, *, limit: int) -> list[PaymentAttempt]:
        """Queued attempts, the oldest first."""
        async with self.transactions.read() as tx:
            return await tx.attempts.queue(limit=limit)

    async def length(self) -> QueueLength:
        """How long the queue is now."""
        async with self.transactions.read() as tx:
            payments, oldest = await tx.attempts.queue_length()
        return QueueLength(payments, oldest)

    async def retry(self, attempt_ids: Sequence[AttemptId]) -> int:
        """Have the worker try these now; returns how many were queued, and so are tried.

        Concurrency: an attempt that the worker is asking about right now is asked about once more after that.
        """
        tried = 0
        for attempt_id in attempt_ids:
            async with self.transactions.begin() as tx:
                attempt = await locked_attempt(tx, attempt_id)
                if attempt.state is AttemptState.QUEUED:
                    now = self.clock.now()
                    await tx.attempts.save(replace(attempt, check_at=now))
                    await tx.jobs.enqueue(check_job(attempt_id, now))
                    tried += 1
        return tried
