"""The unit of work: one transaction, every store on it, and what to do once it has been committed.

A use case opens it, and is given stores that all speak through the same connection. Commit on normal exit, roll back
on any exception. Cache tags named inside are dropped after the commit, and changes are announced, never before it. See
ADR-0005 and ADR-0013.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from app.cart.repository import SqlCarts
from app.catalog.offers import SqlOffers
from app.catalog.prices import SqlPrices
from app.catalog.search_documents import SearchDocuments
from app.catalog.search_rules_store import SqlSearchRules
from app.catalog.store import SqlCatalogStore
from app.checkout.books_store import SqlBooks
from app.core.changes import Change
from app.core.money import Currency
from app.customers.repository import SqlCustomerTraces
from app.database.engine import Database
from app.documents.repository import SqlTrustedDocumentStore
from app.idempotency.repository import SqlKeys
from app.inventory.repository import SqlStock
from app.jobs.repository import SqlJobs
from app.mail.repository import SqlMail
from app.orders.repository import SqlOrders
from app.payments.dispute_store import SqlDisputes
from app.payments.event_store import SqlPaymentEvents
from app.payments.finding_store import SqlFindings
from app.payments.refund_repository import SqlRefunds
from app.payments.repository import SqlAttempts
from app.promotions.repository import SqlPromotions
from app.promotions.store import SqlPromotionStore
from app.shipping.domain import FlatRate
from app.shipping.repository import SqlDelivery
from app.taxes.repository import SqlTaxes


class Transaction:
    """Every store on one connection."""

    def __init__(self, connection: AsyncConnection, *, currency: Currency, language: str, flat_rate: FlatRate) -> None:
        self.carts = SqlCarts(connection)
        self.offers = SqlOffers(connection)
        self.stock = SqlStock(connection)
        self.delivery = SqlDelivery(connection, flat_rate=flat_rate)
        self.taxes = SqlTaxes(connection)
        self.promotions = SqlPromotions(connection)
        self.promotion_drafts = SqlPromotionStore(connection)
        self.orders = SqlOrders(connection)
        self.attempts = SqlAttempts(connection)
        self.refunds = SqlRefunds(connection)
        self.payment_events = SqlPaymentEvents(connection)
        self.disputes = SqlDisputes(connection)
        self.findings = SqlFindings(connection)
        self.books = SqlBooks(connection)
        self.traces = SqlCustomerTraces(connection, self.carts, self.refunds)
        self.prices = SqlPrices(connection, SearchDocuments(connection, currency, language))
        self.catalog = SqlCatalogStore(connection, currency=currency, language=language)
        self.search_rules = SqlSearchRules(connection)
        self.documents = SqlTrustedDocumentStore(connection)
        self.keys = SqlKeys(connection)
        self.jobs = SqlJobs(connection)
        self.mail = SqlMail(connection, self.jobs)
        self.stale_tags: set[str] = set()
        self.changes: set[Change] = set()

    def drop_after_commit(self, tags: Iterable[str]) -> None:
        """Have the cache forget whatever carries these tags, once this transaction has been committed."""
        self.stale_tags.update(tags)

    def announce_after_commit(self, *changes: Change) -> None:
        """Tell whoever watches these objects that they have changed, once this transaction has been committed."""
        self.changes.update(changes)


class Transactions:
    """Opens transactions on the primary.

    currency: of prices in search; flat_rate: delivery while there are no methods. drop_tags: the cache's; announce: the
    change feed's; neither ever raises.
    """

    def __init__(
        self,
        database: Database,
        *,
        currency: Currency,
        language: str,
        flat_rate: FlatRate,
        drop_tags: Callable[[Iterable[str]], Awaitable[None]],
        announce: Callable[[Iterable[Change]], None],
    ) -> None:
        self._database = database
        self._currency = currency
        self._language = language
        self._flat_rate = flat_rate
        self._drop_tags = drop_tags
        self._announce = announce

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        changes: set[Change] = set()
        try:
            async with self._database.write() as connection:
                transaction = self._on(connection)
                yield transaction
                changes = transaction.changes
        finally:  # also when the commit's answer was lost: it may have happened
            if changes:
                self._announce(changes)
        if transaction.stale_tags:
            await self._drop_tags(transaction.stale_tags)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Reads from the primary, each statement for itself; nothing is locked."""
        async with self._database.read_fresh() as connection:
            yield self._on(connection)

    def _on(self, connection: AsyncConnection) -> Transaction:
        return Transaction(connection, currency=self._currency, language=self._language, flat_rate=self._flat_rate)
