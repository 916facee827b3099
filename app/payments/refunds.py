"""Refunds: money of one payment on its way back to the buyer, and what is left of it. See ADR-0030.

A refund is PENDING until the provider says how it ended; one that looked successful may fail days later, when the
buyer's bank sends the money back. docs/states.md draws what may follow what.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from app.core.ids import AttemptId, OrderId, RefundId
from app.core.money import Money
from app.core.state_machine import StateMachine


class RefundState(Enum):
    """Where a refund is."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


REFUND_LIFE = StateMachine(
    "refund",
    frozenset({RefundState.PENDING}),
    {
        RefundState.PENDING: frozenset({RefundState.SUCCEEDED, RefundState.FAILED}),
        RefundState.SUCCEEDED: frozenset({RefundState.FAILED}),
    },
)


@dataclass(frozen=True, slots=True)
class Refund:
    """Some of one payment's money. Its id is the key that makes the provider's calls idempotent.

    intent_id: the payment, by the provider's name; provider_id: the provider's name of the refund, None before it has
    answered. reason: why, for the shop's people. sent_at: when a call may first have reached the provider, None where
    surely none has. failure: why it came to nothing, in the provider's words.
    """

    id: RefundId
    order_id: OrderId
    attempt_id: AttemptId
    intent_id: str
    amount: Money
    state: RefundState
    reason: str
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None = None
    provider_id: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """What the provider says of a refund.

    provider_id: None where it refused to make one. intent_id: the payment that it is taken from; refund_id: which of
    ours it is, None for one that somebody made at the provider.
    """

    state: RefundState
    amount: Money
    provider_id: str | None
    intent_id: str
    refund_id: RefundId | None = None
    failure: str | None = None


def given_back(refunds: Iterable[Refund], nothing: Money) -> Money:
    """How much has reached the buyer. nothing: 0 in the payment's currency."""
    return sum((each.amount for each in refunds if each.state is RefundState.SUCCEEDED), nothing)


def left_of(paid: Money, refunds: Iterable[Refund]) -> Money:
    """How much of a payment may still be given back: all that no refund has taken or is about to take."""
    taken = (each.amount for each in refunds if each.state is not RefundState.FAILED)
    return paid - sum(taken, Money.zero(paid.currency))


def refund_of_the_rest(attempt_id: AttemptId) -> RefundId:
    """The key of the refund that gives back whatever is left of a payment: there is one, however often it is begun."""
    return RefundId(uuid.uuid5(attempt_id, "the rest"))


class RefundGateway(Protocol):
    """The payment provider's refunds. Every call has a deadline and is made outside any transaction."""

    async def refund(self, refund: Refund) -> RefundOutcome:
        """Give the money back, or learn what became of it: the refund's id makes it one refund.

        A refusal is an outcome (FAILED). Raises PaymentsUnavailable when the outcome is unknown.
        """
        ...

    async def find_refund(self, refund: Refund) -> RefundOutcome | None:
        """What became of a refund; None where the provider has none. Raises PaymentsUnavailable."""
        ...


class RefundReader(Protocol):
    """Refunds, from the primary."""

    async def given_back_by_attempt_ids(self, ids: Sequence[AttemptId]) -> dict[AttemptId, Money]:
        """How much of each payment has reached the buyer; payments of which nothing has are absent."""
        ...


class RefundStore(Protocol):
    """Refunds inside one transaction. The caller holds the lock of the cart that was paid."""

    async def find(self, refund_id: RefundId) -> Refund | None:
        """The refund, None where there is none."""
        ...

    async def find_by_provider_id(self, provider_id: str) -> Refund | None:
        """The refund that the provider calls so."""
        ...

    async def of_attempt(self, attempt_id: AttemptId) -> list[Refund]:
        """Every refund of a payment, oldest first."""
        ...

    async def insert(self, refund: Refund) -> None:
        """Store a new refund. The database refuses what exceeds the payment, whoever holds which lock."""
        ...

    async def save(self, refund: Refund) -> None:
        """Replace what is stored of the refund."""
        ...

    async def waiting(self, *, before: datetime, limit: int) -> list[RefundId]:
        """Refunds that are pending and that nobody has touched since this moment, the oldest first."""
        ...
