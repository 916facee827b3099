"""The payment provider behind a circuit breaker: while the provider is away, nobody waits for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from app import telemetry
from app.core.breaker import Breaker
from app.core.errors import PaymentsUnavailable
from app.payments.domain import PaymentAttempt, PaymentGateway, PaymentOutcome
from app.payments.refunds import Refund, RefundGateway, RefundOutcome

_log = telemetry.logger(__name__)


class Gateway(PaymentGateway, RefundGateway, Protocol):
    """Everything that the shop asks the payment provider."""


class GuardedGateway:
    """Calls the gateway while the breaker admits it; otherwise raises PaymentsUnavailable at once, nothing sent."""

    def __init__(self, gateway: Gateway, breaker: Breaker) -> None:
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
        except PaymentsUnavailable:
            self.breaker.failed()
            if self.breaker.is_open:
                _log.error("payment_provider_away")
            raise
        except BaseException:
            self.breaker.gave_up()
            raise
        self.breaker.succeeded()
