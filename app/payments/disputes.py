"""Disputes: a buyer has asked their bank for the money back. They are recorded for the shop's staff; see ADR-0029.

The order stays as it is, and the buyer is not told: the bank tells them. Staff answer at the provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.core.ids import OrderId
from app.core.money import Money

_STAGES = {
    "needs_response": 0,
    "warning_needs_response": 0,
    "appeal_needs_response": 0,
    "under_review": 1,
    "warning_under_review": 1,
    "appeal_under_review": 1,
}
_CLOSED = 2


@dataclass(frozen=True, slots=True)
class Dispute:
    """One dispute. status: the provider's word, such as `needs_response` or `lost`. due_by: for the shop's answer.

    as_of: when the provider said so.
    """

    id: str
    intent_id: str
    amount: Money
    reason: str
    status: str
    due_by: datetime | None
    opened_at: datetime
    as_of: datetime

    @property
    def stage(self) -> int:
        """0 while the shop may answer, 1 while the bank decides, 2 once it is over."""
        return _STAGES.get(self.status, _CLOSED)


class DisputeStore(Protocol):
    """Disputes inside one transaction."""

    async def record(self, dispute: Dispute) -> bool:
        """Store how a dispute stands, unless something later is known; returns whether that was news.

        Of two things that were said in one second, the later stage is the later one.
        """
        ...

    async def count_open(self) -> int:
        """How many the shop may still answer."""
        ...

    async def list(self, *, limit: int) -> Sequence[tuple[Dispute, OrderId | None]]:
        """The latest disputes, each with its order where that is known."""
        ...
