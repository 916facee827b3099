"""What the shop's own books say of a payment, as the reconciler reads them: attempt, order, stock and cart together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.cart.domain import CartState
from app.core.ids import AttemptId, OrderId
from app.core.money import Money
from app.inventory.domain import ReservationState
from app.orders.domain import OrderStatus, PaymentStatus
from app.payments.domain import PaymentAttempt


@dataclass(frozen=True, slots=True)
class BookedOrder:
    """What an order says of its payment."""

    status: OrderStatus
    payment_status: PaymentStatus
    total: Money


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around an attempt.

    order: None where it is missing; reservations: the states of its units; cart_state: None where it has been deleted;
    holds_cart: no later attempt has been made to pay the cart; has_sibling: another attempt at the order is under way
    or has succeeded; given_back, under_way: what refunds have given back, and are about to; has_failed_refund: one of
    them came to nothing.
    """

    order: BookedOrder | None
    reservations: frozenset[ReservationState]
    cart_state: CartState | None
    holds_cart: bool
    has_sibling: bool
    given_back: Money
    under_way: Money
    has_failed_refund: bool


@dataclass(frozen=True, slots=True)
class BookedPayment:
    """An attempt and what stands around it."""

    attempt: PaymentAttempt
    around: Surroundings

    @property
    def is_given_back(self) -> bool:
        """Whether all of it has been given back, or is about to be."""
        return self.around.given_back + self.around.under_way == self.attempt.amount


class Books(Protocol):
    """The shop's books inside one transaction. Every list goes on after the last id of the one before."""

    async def around(self, ids: Sequence[AttemptId]) -> dict[AttemptId, Surroundings]:
        """What stands around these attempts."""
        ...

    async def contradictory(self, *, after: AttemptId | None, limit: int) -> Sequence[AttemptId]:
        """Attempts whose order, stock or cart is not what follows from their state."""
        ...

    async def paid_without_attempt(self, *, after: OrderId | None, limit: int) -> Sequence[tuple[OrderId, str]]:
        """Orders that say they are paid and have no attempt at all: id and number."""
        ...

    async def open_attempts(self, *, after: AttemptId | None, limit: int) -> Sequence[tuple[AttemptId, datetime]]:
        """Attempts that have not ended, and when they are to be looked at."""
        ...
