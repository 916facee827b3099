"""A wired shop: what entry points, commands and tests are given. `bootstrap` makes it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from app import telemetry
from app.account_bootstrap import Accounts
from app.cache.redis_changes import RedisChanges
from app.cache.redis_server import RedisServer
from app.cache.redis_store import RedisCache
from app.cart.delete_expired import DeleteExpired
from app.catalog.domain import CatalogReader
from app.catalog.reprice_catalog import RepriceCatalog
from app.catalog.search import SearchIndex
from app.catalog.search_counts import SMALL_CATALOGUE
from app.catalog.search_rebuild import RebuildSearch
from app.catalog.search_rules_store import SqlSearchMisses
from app.catalog.search_upkeep import RefreshSearch
from app.catalog.set_prices import SetPrices
from app.catalog.store_products import StoreProducts
from app.catalog.store_rules import StoreRules
from app.checkout.check_payments import CheckPayments
from app.checkout.payment_queue import PaymentQueue
from app.checkout.refund_order import RefundOrder
from app.checkout.refund_payment import RefundPayment
from app.checkout.settle_refund import SettleRefund
from app.core.clock import Clock
from app.core.ids import IdSource
from app.core.public_answers import PublicAnswers
from app.core.throttle import Throttle
from app.customers.export_data import ExportCustomer
from app.customers.forget_customers import ForgetCustomers
from app.database.engine import Database
from app.database.tables import SCHEMA_VERSION
from app.documents.find_document import FindDocument
from app.documents.import_documents import ImportDocuments
from app.documents.list_documents import ListDocuments
from app.documents.remove_documents import RemoveDocuments
from app.idempotency.answers import ForgetCalls
from app.jobs.desk import SqlJobDesk
from app.mail.send_mail import ForgetMail, SendMail
from app.payments.guarded_gateway import GuardedGateway
from app.provider_desk import ProviderDesk
from app.settings import Settings
from app.transactions import Transactions
from resolvers.services import Services

_VERSIONS_TABLE = "to_regclass('alembic_version')"


@dataclass(frozen=True, slots=True)
class Shop:
    """A wired shop. Safe for any number of tasks at once; `close` ends its connections."""

    settings: Settings
    database: Database
    redis: RedisServer
    cache: RedisCache
    throttle: Throttle
    changes: RedisChanges
    transactions: Transactions
    gateway: GuardedGateway
    services: Services
    store_products: StoreProducts
    accounts_database: Database
    accounts: Accounts
    forget_customers: ForgetCustomers
    export_customer: ExportCustomer
    check_payments: CheckPayments
    payment_queue: PaymentQueue
    send_mail: SendMail
    forget_mail: ForgetMail
    refund_order: RefundOrder
    refund_payment: RefundPayment
    settle_refund: SettleRefund
    provider_desk: ProviderDesk
    delete_expired_carts: DeleteExpired
    reprice_catalog: RepriceCatalog
    set_prices: SetPrices
    public_answers: PublicAnswers
    find_document: FindDocument
    import_documents: ImportDocuments
    list_documents: ListDocuments
    remove_documents: RemoveDocuments
    forget_keyed_calls: ForgetCalls
    store_rules: StoreRules
    search_index: SearchIndex
    catalog: CatalogReader
    refresh_search: RefreshSearch
    rebuild_search: RebuildSearch
    search_misses: SqlSearchMisses
    job_desk: SqlJobDesk
    clock: Clock
    ids: IdSource

    async def migrate(self) -> tuple[str | None, str]:
        """Bring the schema to the newest version; returns the version before and after."""
        from app.database.migrate import migrate  # Alembic costs a server's start more than all of our own code

        if self.accounts_database is not self.database:
            await migrate(self.accounts_database)
        before, after = await migrate(self.database)
        if before != after:
            await self.job_desk.hurry_recurring()
        return before, after

    async def not_ready(self) -> str | None:
        """Why this process cannot serve; None when it can. Raises DatabaseUnavailable."""
        async with self.database.read_fresh() as connection:
            if (await connection.execute(text(f"SELECT {_VERSIONS_TABLE}"))).scalar() is None:
                return "the database has no schema yet: run `cartograph migrate`"
            version = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
        if str(version) < SCHEMA_VERSION:  # a newer one is a deployment under way: what it adds does not disturb us
            return f"the database's schema is {version}, not {SCHEMA_VERSION} yet: run `cartograph migrate`"
        return None

    async def look_around(self) -> None:
        """Bring up to date what the metrics say of the shop as it is now. Raises DatabaseUnavailable."""
        length = await self.payment_queue.length()
        telemetry.PAYMENTS_QUEUED.set(length.payments)
        waiting = (self.clock.now() - length.oldest).total_seconds() if length.oldest else 0.0
        telemetry.PAYMENTS_QUEUED_SECONDS.set(waiting)
        await self.provider_desk.look_around()
        counts = await self.job_desk.counts()
        telemetry.JOBS_WAITING.set(sum(count.waiting for count in counts))
        telemetry.JOBS_WAITING_SECONDS.set(max((count.oldest_waiting_seconds for count in counts), default=0.0))
        telemetry.JOBS_DEAD.set(sum(count.dead for count in counts))

    async def keep_search(self) -> int:
        """What the worker does for search: build its index where that is due, bring its counts up to date."""
        if await self.search_index_is_missing() or await self._search_index_is_outgrown():
            await self.rebuild_search()
        await self.refresh_search()
        await self.search_misses.trim()
        return 0

    async def search_index_is_missing(self) -> bool:
        """Whether products were stored without their search rows, as before the migration that made these."""
        async with self.database.read_fresh() as connection:
            return bool((await connection.execute(text("SELECT refreshed_at IS NULL FROM search_state"))).scalar_one())

    async def _search_index_is_outgrown(self) -> bool:
        """Whether a large one has no steps, or so many products came that its samples and steps are no longer even."""
        async with self.database.read_fresh() as connection:
            outgrown = text("""
                SELECT product_count > :small AND (product_count > 2 * built_count OR name_steps = '{}')
                FROM search_state
            """)
            return bool((await connection.execute(outgrown, {"small": SMALL_CATALOGUE})).scalar_one())

    async def product_count(self) -> int:
        """How many products the shop has."""
        async with self.transactions.read() as tx:
            return await tx.catalog.product_count()

    async def close(self) -> None:
        """End every connection."""
        await self.gateway.close()
        await self.accounts.close()
        await self.changes.close()
        await self.redis.close()
        await self.database.close()
        if self.accounts_database is not self.database:
            await self.accounts_database.close()
