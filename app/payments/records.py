"""What the payment provider has on record, for whoever has to compare: its payments, and the events that it sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.core.ids import AttemptId
from app.core.money import Money
from app.payments.domain import PaymentGateway, PaymentOutcome
from app.payments.events import PaymentEvent
from app.payments.refunds import RefundGateway, RefundOutcome


@dataclass(frozen=True, slots=True)
class RecordedPayment:
    """A payment as the provider has it. attempt_id: what its metadata names; refunded: what was given back of it."""

    outcome: PaymentOutcome
    attempt_id: AttemptId | None
    created: datetime
    refunded: Money


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """Some payments, the newest first. after: where the next page begins; None at the end."""

    payments: tuple[RecordedPayment, ...]
    after: str | None


class PaymentRecords(Protocol):
    """The provider's records. Every call has a deadline and is made outside any transaction."""

    async def list_payments(self, *, since: datetime, until: datetime, after: str | None = None) -> PaymentPage:
        """One page, of 100 at most, of the payments created in this time. Raises PaymentsUnavailable."""
        ...

    async def payment(self, intent_id: str) -> RecordedPayment | None:
        """A payment as it is now; None where the provider has none of this name. Raises PaymentsUnavailable."""
        ...

    async def refunds_of(self, intent_id: str) -> tuple[RefundOutcome, ...]:
        """Every refund of a payment, whoever made it. Raises PaymentsUnavailable."""
        ...

    async def event(self, event_id: str) -> PaymentEvent | None:
        """An event that was sent; None where it is no longer kept. Raises PaymentsUnavailable."""
        ...


class PaymentProvider(PaymentGateway, RefundGateway, PaymentRecords, Protocol):
    """All that the shop asks of its payment provider."""
