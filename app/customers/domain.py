"""Customers' things in the rooms of the shop: what is to be claimed, told and forgotten, as ports. See ADR-0036."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from app.cart.domain import Cart
from app.core.changes import Change
from app.core.ids import CartId, CustomerId, OrderId
from app.idempotency.domain import KeyStore
from app.payments.refunds import Refund

MAX_CLAIMED = 500  # of each, by one call
KEPT_FOR_DELIVERY = timedelta(days=90)  # as long as an order's token works: past the usual times for returns
DELETED_KNOWN_FOR = KEPT_FOR_DELIVERY + timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What has become a customer's."""

    orders: tuple[OrderId, ...]
    carts: tuple[CartId, ...]


class CartsByIds(Protocol):
    """Whole carts on one connection to the primary."""

    async def find_all(self, ids: Sequence[CartId]) -> dict[CartId, Cart]:
        """These carts, as far as there are any."""
        ...


class RefundsOfOrders(Protocol):
    """Refunds on one connection to the primary."""

    async def of_orders(self, ids: Collection[OrderId]) -> dict[OrderId, list[Refund]]:
        """Every refund of these orders, oldest first; orders without any are absent."""
        ...


class CustomerTraces(Protocol):
    """What belongs to customers, on one connection to the primary."""

    async def carts_of(self, customer_id: CustomerId) -> list[Cart]:
        """Every cart of a customer, the one that was changed last first."""
        ...

    async def order_ids_of(self, customer_id: CustomerId) -> list[OrderId]:
        """Every order of a customer, the newest first."""
        ...

    async def refunds_of(self, ids: Collection[OrderId]) -> dict[OrderId, list[Refund]]:
        """The refunds of these orders, oldest first; orders without any are absent."""
        ...

    async def claim(self, customer_id: CustomerId, email: str, *, limit: int) -> Claimed:
        """Make guests' carts and orders with this address the customer's, at most so many of each."""
        ...

    async def forget_mail(self, ids: Collection[CustomerId]) -> int:
        """Forget e-mails that could not be sent to the addresses of these customers' orders."""
        ...

    async def forget_carts(self, ids: Collection[CustomerId], *, placed_before: datetime) -> int:
        """Delete these customers' carts; of those with an order that is over, what they hold. Returns how many."""
        ...

    async def forget_orders(self, ids: Collection[CustomerId], *, placed_before: datetime) -> int:
        """Reduce these customers' orders that are over to what bookkeeping needs; returns how many.

        placed_before: whatever was placed before is over, however far its delivery has come.
        """
        ...


class CustomerTransaction(Protocol):
    """What customers' use cases need of a transaction."""

    @property
    def traces(self) -> CustomerTraces:
        """Customers' things."""
        ...

    @property
    def keys(self) -> KeyStore:
        """Keyed calls."""
        ...

    def announce_after_commit(self, *changes: Change) -> None:
        """Tell whoever watches these objects that they have changed, once this transaction has been committed."""
        ...


class CustomerTransactions(Protocol):
    """Opens transactions for customers' use cases."""

    def begin(self) -> AbstractAsyncContextManager[CustomerTransaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        ...

    def read(self) -> AbstractAsyncContextManager[CustomerTransaction]:
        """Statements on the primary, each for itself."""
        ...
