"""The payment provider behind a circuit breaker: while the provider is away, nobody waits for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from app import telemetry
from app.core.breaker import Breaker
from app.core.errors import PaymentsUnavailable
from app.payments.domain import PaymentAttempt, PaymentOutcome
from app.payments.events import PaymentEvent
from app.payments.records import PaymentPage, PaymentProvider, RecordedPayment
from app.payments.refunds import Refund, RefundOutcome

_log = telemetry.logger(__name__)


class GuardedGateway:
    """Calls the gateway while the breaker admits it; otherwise raises PaymentsUnavailable at once, nothing sent."""

    def __init__(self, gateway: PaymentProvider, breaker: Breaker) -> None:
        self._gateway = gateway
        self.breaker = breaker

    async def charge(self, attempt: PaymentAttempt) -> PaymentOutcome:
        """Create and confirm the payment, or learn what became of it."""
        async with self._guarded():
            return await self._gateway.charge(attempt)

    async def find(self, attempt: PaymentAttempt) -> PaymentOutcome | None:
        """What became of an attempt whose answer was lost."""
        async with self._guarded():
            return await self._gateway.find(attempt)

    async def look_up(self, intent_id: str) -> PaymentOutcome:
        """What became of a payment."""
        async with self._guarded():
            return await self._gateway.look_up(intent_id)

    async def cancel(self, intent_id: str) -> PaymentOutcome:
        """Cancel a payment that waits for the buyer."""
        async with self._guarded():
            return await self._gateway.cancel(intent_id)

    async def refund(self, refund: Refund) -> RefundOutcome:
        """Give the money back, or learn what became of it."""
        async with self._guarded():
            return await self._gateway.refund(refund)

    async def find_refund(self, refund: Refund) -> RefundOutcome | None:
        """What became of a refund; None where the provider has none."""
        async with self._guarded():
            return await self._gateway.find_refund(refund)

    async def list_payments(self, *, since: datetime, until: datetime, after: str | None = None) -> PaymentPage:
        """One page of the payments created in this time."""
        async with self._guarded():
            return await self._gateway.list_payments(since=since, until=until, after=after)

    async def payment(self, intent_id: str) -> RecordedPayment | None:
        """A payment as it is now."""
        async with self._guarded():
            return await self._gateway.payment(intent_id)

    async def refunds_of(self, intent_id: str) -> tuple[RefundOutcome, ...]:
        """Every refund of a payment, whoever made it."""
        async with self._guarded():
            return await self._gateway.refunds_of(intent_id)

    async def event(self, event_id: str) -> PaymentEvent | None:
        """An event that was sent."""
        async with self._guarded():
            return await self._gateway.event(event_id)

    async def close(self) -> None:
        """End every connection."""
        await self._gateway.close()

    @asynccontextmanager
    async def _guarded(self) -> AsyncIterator[None]:
        if not self.breaker.admit():
            telemetry.PAYMENT_CALLS.labels("not_made").inc()
            raise PaymentsUnavailable("the payment provider has not answered lately", may_have_run=False)
        try:
            yield
        except PaymentsUnavailable as silence:
            self._count(silence)
            raise
        except BaseException:
            self.breaker.gave_up()
            raise
        self.breaker.succeeded()

    def _count(self, silence: PaymentsUnavailable) -> None:
        if not silence.is_away:
            self.breaker.succeeded()
            return
        self.breaker.failed()
        if self.breaker.is_open:
            _log.error("payment_provider_away")
