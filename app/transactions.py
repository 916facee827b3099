"""The unit of work: one transaction, every store on it, and what to do once it has been committed.

A use case opens it, and is given stores that all speak through the same connection. Commit on normal exit, roll back
on any exception. Cache tags named inside are dropped after the commit, never before it. See ADR-0005.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.repository import SqlAccounts
from app.cart.repository import SqlCarts
from app.catalog.offers import SqlOffers
from app.catalog.store import SqlCatalogStore
from app.core.money import Currency
from app.database.engine import Database
from app.documents.repository import SqlTrustedDocumentStore
from app.inventory.repository import SqlStock
from app.orders.repository import SqlOrders
from app.payments.repository import SqlAttempts


class Transaction:
    """Every store on one connection."""

    def __init__(self, connection: AsyncConnection, *, currency: Currency) -> None:
        self.carts = SqlCarts(connection)
        self.offers = SqlOffers(connection)
        self.stock = SqlStock(connection)
        self.orders = SqlOrders(connection)
        self.attempts = SqlAttempts(connection)
        self.catalog = SqlCatalogStore(connection, currency=currency)
        self.accounts = SqlAccounts(connection)
        self.documents = SqlTrustedDocumentStore(connection)
        self.stale_tags: set[str] = set()

    def drop_after_commit(self, tags: Iterable[str]) -> None:
        """Have the cache forget whatever carries these tags, once this transaction has been committed."""
        self.stale_tags.update(tags)


class Transactions:
    """Opens transactions on the primary. drop_tags: the cache's; it never raises."""

    def __init__(
        self, database: Database, *, currency: Currency, drop_tags: Callable[[Iterable[str]], Awaitable[None]]
    ) -> None:
        self._database = database
        self._currency = currency
        self._drop_tags = drop_tags

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        async with self._database.write() as connection:
            transaction = Transaction(connection, currency=self._currency)
            yield transaction
        if transaction.stale_tags:
            await self._drop_tags(transaction.stale_tags)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Reads from the primary, each statement for itself; nothing is locked."""
        async with self._database.read_fresh() as connection:
            yield Transaction(connection, currency=self._currency)
