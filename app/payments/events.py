"""What the payment provider tells the shop by itself, and what became of each telling. See ADR-0029.

An event may come at any time, any number of times, in any order, and the same happening may come under several ids. So
an event is stored once, under its id and in the transaction of its effect, and no effect depends on being the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from app.core.errors import ShopError
from app.core.ids import AttemptId
from app.payments.disputes import Dispute
from app.payments.domain import PaymentOutcome
from app.payments.refunds import RefundOutcome


class UntrustedEvent(ShopError):
    """A request that the provider has not signed, or not now. It does not say which part of it is wrong."""


class UnreadableEvent(ShopError):
    """A signed event that is none of ours: of another mode, or of a shape that the provider does not have."""


class EventState(Enum):
    """What became of an event."""

    APPLIED = "applied"
    PARKED = "parked"  # its payment is not known yet: tried again
    IGNORED = "ignored"  # it says nothing new, or nothing that the shop wants to know
    DEAD = "dead"  # somebody has to look at it


@dataclass(frozen=True, slots=True)
class PaymentNews:
    """How a payment stood when the event was made."""

    outcome: PaymentOutcome


@dataclass(frozen=True, slots=True)
class CardNews:
    """The card that paid; what is said of the payment itself does not tell it."""

    brand: str
    last4: str


@dataclass(frozen=True, slots=True)
class RefundNews:
    """How a refund stood when the event was made."""

    outcome: RefundOutcome


@dataclass(frozen=True, slots=True)
class DisputeNews:
    """How a dispute stood when the event was made."""

    dispute: Dispute


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """One event. intent_id, attempt_id: the payment it is about, as far as it says. news: None where it has none."""

    id: str
    type: str
    created: datetime
    intent_id: str | None = None
    attempt_id: AttemptId | None = None
    news: PaymentNews | CardNews | RefundNews | DisputeNews | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """What is kept of an event; its body is not: the provider has it for 30 days."""

    id: str
    type: str
    intent_id: str | None
    attempt_id: AttemptId | None
    created: datetime
    received_at: datetime
    state: EventState
    tries: int


class EventReader(Protocol):
    """Reads what the provider sends."""

    def read(self, body: bytes, signature: str | None) -> PaymentEvent:
        """The event in a request's raw body. Raises UntrustedEvent or UnreadableEvent."""
        ...


class EventStore(Protocol):
    """Events inside one transaction."""

    async def insert(self, event: PaymentEvent, state: EventState, *, now: datetime) -> bool:
        """Store a new event; False where it is there already.

        Concurrency: the same event waits for the transaction that stores it.
        """
        ...

    async def move(self, event_id: str, state: EventState, *, tries: int | None = None) -> None:
        """Record what became of an event."""
        ...

    async def hold(self, event_id: str) -> StoredEvent | None:
        """The event, locked until the end of the transaction; None where there is none or somebody else has it."""
        ...

    async def waiting(self, *, limit: int) -> Sequence[StoredEvent]:
        """Parked and dead events, the oldest first."""
        ...

    async def count_waiting(self) -> dict[EventState, int]:
        """How many are parked, and how many dead."""
        ...

    async def delete_before(self, moment: datetime, *, limit: int) -> int:
        """Forget events received before then that nobody waits for; returns how many."""
        ...
