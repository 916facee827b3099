"""Findings: where the shop and the payment provider disagree, and only a person may say who is right. See ADR-0029."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from app.core.ids import OrderId


class FindingKind(Enum):
    """What is wrong. The words are stable: metrics and alerts name them."""

    AMOUNT_DIFFERS = "amount_differs"  # the provider's amount is not the attempt's
    TOTAL_DIFFERS = "total_differs"  # the attempt's amount is not the order's total
    SECOND_PAYMENT = "second_payment"  # one attempt was paid by two payments
    PAID_WITHOUT_ATTEMPT = "paid_without_attempt"  # the provider took money that the shop did not ask for
    ORDER_MISSING = "order_missing"  # there is an attempt, but no order
    ORDER_STATE = "order_state"  # the order has gone another way than its payment
    STOCK_DIFFERS = "stock_differs"  # a paid order's units are on sale again
    NOT_PAID = "not_paid"  # the shop says paid, the provider does not
    CANCELED_BUT_PAID = "canceled_but_paid"  # the order is over, and its money was not given back
    REFUNDS_DIFFER = "refunds_differ"  # the provider gave back another amount than the shop


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement. subject: what it is about, so that it is found once."""

    kind: FindingKind
    subject: str
    detail: str
    order_id: OrderId | None = None
    intent_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """A finding with its number and when it was seen."""

    id: int
    finding: Finding
    first_seen_at: datetime
    last_seen_at: datetime


class FindingStore(Protocol):
    """Findings inside one transaction."""

    async def record(self, finding: Finding, *, now: datetime) -> bool:
        """Store a finding; whether it is new, or has come back after it was resolved."""
        ...

    async def open(self, *, limit: int) -> Sequence[StoredFinding]:
        """Findings that nobody has resolved, the oldest first."""
        ...

    async def count_open(self) -> dict[FindingKind, int]:
        """How many of each kind nobody has resolved."""
        ...

    async def resolve(self, finding_id: int, *, now: datetime) -> bool:
        """Note that somebody has dealt with it; False where there is no such open finding."""
        ...
