"""Payment attempts, and the port to the payment provider. See ADR-0005 and ADR-0025.

An attempt is PENDING while the request that began it asks the provider, QUEUED once that has had no answer: then the
outcome is unknown, and only asking the provider, or repeating the very same call, may end it. docs/states.md draws
what may follow what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from app.core.ids import AttemptId, CartId, CustomerId, OrderId
from app.core.money import Money
from app.core.state_machine import StateMachine


class AttemptState(Enum):
    """Where an attempt to pay is."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    ACTION_REQUIRED = "ACTION_REQUIRED"
    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return ATTEMPT_LIFE.is_final(self)


_ENDS = frozenset({AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.CANCELED})
ATTEMPT_LIFE = StateMachine(
    "attempt",
    frozenset({AttemptState.PENDING}),
    {
        AttemptState.PENDING: _ENDS | {AttemptState.QUEUED, AttemptState.ACTION_REQUIRED, AttemptState.PROCESSING},
        AttemptState.QUEUED: _ENDS | {AttemptState.ACTION_REQUIRED, AttemptState.PROCESSING},
        AttemptState.ACTION_REQUIRED: _ENDS | {AttemptState.PROCESSING},
        AttemptState.PROCESSING: _ENDS | {AttemptState.ACTION_REQUIRED},
    },
)


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """How the buyer pays: one of the two, as the provider's elements in the client gave it. Never card data."""

    confirmation_token: str | None = None
    payment_method_id: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentAttempt:
    """One attempt to pay for one order. Its id is the key that makes the provider's calls idempotent.

    idempotency_key: the client's, unique in its cart; input_digest: of what the client sent with it.
    tries: how often the provider has been asked; sent_at: when a call may last have reached it, None where surely none
    has; check_at: when to ask next, None after the end; cancel_requested_at: when the buyer did not want it any more.
    customer_id: whose order it pays for, None for a guest's; it is the order's.
    """

    id: AttemptId
    order_id: OrderId
    cart_id: CartId
    idempotency_key: str
    input_digest: bytes
    state: AttemptState
    amount: Money
    method: PaymentMethod
    receipt_email: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    check_at: datetime | None
    intent_id: str | None = None
    client_secret: str | None = None
    card_brand: str | None = None
    card_last4: str | None = None
    decline_code: str | None = None
    failure_message: str | None = None
    tries: int = 0
    sent_at: datetime | None = None
    queued_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    customer_id: CustomerId | None = None

    def is_open_to(self, caller: CustomerId | None) -> bool:
        """Whether the caller may know of it: anybody who has its id, or the customer whose order it pays for."""
        return self.customer_id is None or self.customer_id == caller


@dataclass(frozen=True, slots=True)
class PaymentOutcome:
    """What the provider says of a payment. amount: what it says it charges."""

    state: AttemptState
    intent_id: str | None
    amount: Money
    client_secret: str | None = None
    card_brand: str | None = None
    card_last4: str | None = None
    decline_code: str | None = None
    failure_message: str | None = None


class PaymentGateway(Protocol):
    """The payment provider. Every call has a deadline and is made outside any transaction."""

    async def charge(self, attempt: PaymentAttempt) -> PaymentOutcome:
        """Create and confirm the payment, or learn what became of it: the attempt's id makes it one payment.

        A declined card is an outcome (FAILED). Raises PaymentsUnavailable when the outcome is unknown.
        """
        ...

    async def find(self, attempt: PaymentAttempt) -> PaymentOutcome | None:
        """What became of an attempt whose answer was lost; None where the provider knows nothing of it.

        The provider's search may lag a minute behind. Raises PaymentsUnavailable.
        """
        ...

    async def look_up(self, intent_id: str) -> PaymentOutcome:
        """What became of a payment. Raises PaymentsUnavailable."""
        ...

    async def cancel(self, intent_id: str) -> PaymentOutcome:
        """Cancel a payment that waits for the buyer; the outcome says if it was paid before that.

        Raises PaymentsUnavailable.
        """
        ...

    async def close(self) -> None:
        """End every connection."""
        ...


class AttemptReader(Protocol):
    """Attempts, from the primary. Unknown ids are absent."""

    async def attempts_by_ids(self, ids: Sequence[AttemptId]) -> dict[AttemptId, PaymentAttempt]:
        """The attempts with these ids."""
        ...

    async def attempts_by_order_ids(self, ids: Sequence[OrderId]) -> dict[OrderId, tuple[PaymentAttempt, ...]]:
        """The attempts at these orders, oldest first."""
        ...

    async def live_attempts_by_cart_ids(self, ids: Sequence[CartId]) -> dict[CartId, PaymentAttempt]:
        """The attempt of each cart that has not ended yet."""
        ...


class AttemptStore(Protocol):
    """Attempts inside one transaction. The caller holds the lock of the attempt's cart."""

    async def find(self, attempt_id: AttemptId) -> PaymentAttempt | None:
        """The attempt, None where there is none."""
        ...

    async def of_payments(
        self, intent_ids: Sequence[str], attempt_ids: Sequence[AttemptId]
    ) -> Sequence[PaymentAttempt]:
        """The attempts that have one of these payments, and those with one of these ids."""
        ...

    async def find_by_key(self, cart_id: CartId, idempotency_key: str) -> PaymentAttempt | None:
        """The attempt that this key of the cart has begun."""
        ...

    async def find_by_intent(self, intent_id: str) -> PaymentAttempt | None:
        """The attempt that the provider's payment is for."""
        ...

    async def of_order(self, order_id: OrderId) -> list[PaymentAttempt]:
        """The attempts to pay for an order, oldest first."""
        ...

    async def insert(self, attempt: PaymentAttempt) -> None:
        """Store a new attempt."""
        ...

    async def save(self, attempt: PaymentAttempt) -> None:
        """Replace what is stored of the attempt."""
        ...

    async def due(self, *, before: datetime, limit: int) -> list[AttemptId]:
        """Attempts that were to be checked before this moment, the longest due first."""
        ...

    async def hasten_queued(self, *, now: datetime, later_than: datetime, limit: int) -> list[AttemptId]:
        """Make queued attempts due now that are due later than this moment, the oldest first; returns which.

        Concurrency: attempts that somebody is busy with are left alone. Needs no lock of a cart.
        """
        ...

    async def queue(self, *, limit: int) -> list[PaymentAttempt]:
        """Attempts that wait in the queue, the oldest first."""
        ...

    async def queue_length(self) -> tuple[int, datetime | None]:
        """How many attempts wait in the queue, and since when the first of them does."""
        ...
