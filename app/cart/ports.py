"""What the use cases of carts need of storage: ports, and the transaction that offers them together. See ADR-0005."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from app.cart.domain import Cart, CartState, MergeReport
from app.catalog.domain import OfferReader
from app.core.changes import Change
from app.core.ids import CartId, CustomerId
from app.idempotency.domain import KeyStore
from app.inventory.domain import StockStore
from app.promotions.domain import PromotionStore
from app.shipping.domain import DeliveryReader
from app.taxes.domain import TaxReader


class CartStore(Protocol):
    """Carts inside one transaction (or, for `find`, on any connection to the primary)."""

    async def find(self, cart_id: CartId) -> Cart | None:
        """The cart, None where there is none; its lines are of the same moment as its version."""
        ...

    async def open_of(self, customer_id: CustomerId, *, now: datetime, limit: int) -> list[Cart]:
        """The carts of a customer that are not over, the one that was changed last first."""
        ...

    async def lock(self, cart_id: CartId) -> Cart | None:
        """The cart, held until the transaction ends: whoever else wants to change it waits."""
        ...

    async def lock_all(self, ids: Sequence[CartId]) -> dict[CartId, Cart]:
        """These carts, held until the transaction ends. They are locked in the order of their keys."""
        ...

    async def hold(self, cart_id: CartId) -> None:
        """Keep everybody else from changing the cart until the transaction ends, without reading it."""
        ...

    async def move(self, cart_id: CartId, state: CartState, *, now: datetime) -> None:
        """Move the cart to another state and raise its version. The caller holds the lock."""
        ...

    async def close_merged(self, cart_id: CartId, into: CartId, report: MergeReport, *, now: datetime) -> None:
        """Move the cart to MERGED, raise its version and remember where its lines went. The caller holds the lock."""
        ...

    async def merge_report(self, cart_id: CartId) -> MergeReport:
        """What became of the lines of a cart that was merged."""
        ...

    async def delete(self, cart_id: CartId) -> None:
        """Delete the cart with its lines. The caller holds the lock."""
        ...

    async def insert(self, cart: Cart) -> None:
        """Store a new cart with its lines."""
        ...

    async def delete_expired(self, before: datetime, *, limit: int) -> int:
        """Delete carts that ended before this moment and were never paid, at most so many; returns how many."""
        ...

    async def save(self, cart: Cart) -> None:
        """Replace the stored cart, lines included. The caller holds the lock."""
        ...


class CartTransaction(Protocol):
    """What a cart's use cases need of a transaction."""

    @property
    def carts(self) -> CartStore:
        """Carts."""
        ...

    @property
    def offers(self) -> OfferReader:
        """Prices."""
        ...

    @property
    def keys(self) -> KeyStore:
        """Keyed calls."""
        ...

    @property
    def stock(self) -> StockStore:
        """Stock."""
        ...

    @property
    def delivery(self) -> DeliveryReader:
        """Delivery methods."""
        ...

    @property
    def taxes(self) -> TaxReader:
        """Tax rates."""
        ...

    @property
    def promotions(self) -> PromotionStore:
        """Promotions."""
        ...

    def announce_after_commit(self, *changes: Change) -> None:
        """Tell whoever watches these objects that they have changed, once this transaction has been committed."""
        ...


class CartTransactions(Protocol):
    """Opens transactions for carts."""

    def begin(self) -> AbstractAsyncContextManager[CartTransaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        ...

    def read(self) -> AbstractAsyncContextManager[CartTransaction]:
        """Reads from the primary, each statement for itself."""
        ...
