"""The composition root: settings in, a wired shop out, closed in reverse order.

Concrete adapters are named here and in `transactions`, nowhere else; everything else asks for a port. Nothing connects
before it is first used, so a process starts while its servers still do. See ADR-0010.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from app.account_bootstrap import account_database, build_accounts
from app.cache import keys
from app.cache.kept_answers import KeptAnswers
from app.cache.persisted_queries import RedisPersistedQueries
from app.cache.read_through import ReadThrough
from app.cache.redis_changes import RedisChanges
from app.cache.redis_server import TIMEOUT_SECONDS, RedisServer
from app.cache.redis_store import RedisCache
from app.cache.redis_throttle import RedisThrottle
from app.cart.delete_cart import DeleteCart
from app.cart.delete_expired import DeleteExpired
from app.cart.edit_cart import CartDesk, CreateCart, EditCart, ReadCart, ReadOwnCarts
from app.cart.fill_cart import FillCart
from app.cart.merge_carts import MergeCarts
from app.catalog.cached import CachedCatalog, CachedLabels, CachedSearch
from app.catalog.counted_misses import CountedMisses
from app.catalog.labels_store import SqlLabels
from app.catalog.repository import SqlCatalog
from app.catalog.reprice_catalog import RepriceCatalog
from app.catalog.search_index import PostgresSearchIndex
from app.catalog.search_rebuild import RebuildSearch
from app.catalog.search_rules_store import SqlSearchMisses
from app.catalog.search_upkeep import RefreshSearch
from app.catalog.set_prices import SetPrices
from app.catalog.store_products import StoreProducts
from app.catalog.store_rules import StoreRules
from app.checkout.cancel_attempt import CancelAttempt
from app.checkout.cancel_order import CancelOrder
from app.checkout.check_payments import CheckPayments
from app.checkout.notices import Notices
from app.checkout.payment_queue import PaymentQueue
from app.checkout.place_order import PlaceOrder
from app.checkout.refund_order import RefundOrder
from app.checkout.refund_payment import RefundPayment
from app.checkout.settle_payment import SettlePayment
from app.checkout.settle_refund import SettleRefund
from app.core.breaker import Breaker
from app.core.clock import Clock, SystemClock
from app.core.freshness import ReadSource
from app.core.ids import RandomIds
from app.core.money import Currency, Money
from app.customers.claim_orders import ClaimGuestOrders
from app.customers.export_data import ExportCustomer
from app.customers.forget_customers import DeleteCustomer, ForgetCustomers
from app.database.engine import Database
from app.documents.domain import DocumentMode
from app.documents.find_document import FindDocument
from app.documents.import_documents import ImportDocuments
from app.documents.list_documents import ListDocuments
from app.documents.remembered import RememberedDocuments, RememberedQueries
from app.documents.remove_documents import RemoveDocuments
from app.documents.repository import SqlTrustedDocuments
from app.idempotency.answers import ForgetCalls, KeepAnswers
from app.inventory.repository import SqlStockReader
from app.jobs.desk import SqlJobDesk
from app.jobs.pace import Pace
from app.mail.domain import Mailer
from app.mail.folder_mailer import MailFolder
from app.mail.jinja_templates import JinjaTemplates
from app.mail.send_mail import ForgetMail, SendMail
from app.mail.smtp_mailer import SmtpMailer
from app.mail.storefront import Storefront
from app.orders.access_token import OrderAccessTokens
from app.orders.repository import SqlOrderReader
from app.payments.guarded_gateway import GuardedGateway
from app.payments.records import PaymentProvider
from app.payments.refund_repository import SqlRefundReader
from app.payments.repository import SqlAttemptReader
from app.payments.stripe_gateway import StripeGateway
from app.provider_desk import provider_desk
from app.settings import Settings
from app.shipping.domain import FlatRate
from app.shop import Shop as Shop
from app.transactions import Transactions
from dataloaders.loaders import Readers
from resolvers.markets import Markets
from resolvers.services import Services, ShopProfile

DATA_FOLDER = Path(".cartograph")  # below the working folder, where no other one is named
WEB_STATEMENT_SECONDS = 2
WORKER_STATEMENT_SECONDS = 30
WORKER_REDIS_SECONDS = 1.0  # a busy import has no time for answers all the while, and what it changed has to be dropped
PACED_CALLS_PER_SECOND = 14  # where one is late and the next in time, no more than 15 fall into any second


def build_shop(
    settings: Settings,
    *,
    statement_timeout_seconds: int = WEB_STATEMENT_SECONDS,
    redis_timeout_seconds: float = TIMEOUT_SECONDS,
    paced: bool = False,
    clock: Clock | None = None,
    gateway: PaymentProvider | None = None,
) -> Shop:
    """A shop for these settings.

    paced: whether calls of the payment provider are spread out over time, by all that are paced together, as the worker
    does while buyers do not wait; redis_timeout_seconds: of a command; clock, gateway: others than the real ones, for
    tests.
    """
    clock, ids, currency = clock or SystemClock(), RandomIds(), Currency(settings.currency)
    secret = settings.secret_key.get_secret_value().encode()
    replica_url = settings.database_replica_url
    database = Database.connect(
        settings.database_url.get_secret_value(),
        replica_url=replica_url.get_secret_value() if replica_url else None,
        pool_size=settings.database_pool_size,
        statement_timeout_seconds=statement_timeout_seconds,
    )
    redis = RedisServer(settings.redis_url.get_secret_value(), clock, timeout_seconds=redis_timeout_seconds)
    cache = RedisCache(redis)
    read_through = ReadThrough(cache, clock, source=ReadSource.REPLICA if replica_url else ReadSource.PRIMARY)
    flat_rate = FlatRate(
        Money.parse(settings.shipping_flat_rate, currency), settings.shipping_days, frozenset(settings.countries)
    )
    changes = RedisChanges.connect(settings.redis_url.get_secret_value())
    transactions = Transactions(
        database,
        currency=currency,
        language=settings.language,
        flat_rate=flat_rate,
        drop_tags=cache.drop_tags,
        announce=changes.announce,
    )
    gateway = GuardedGateway(
        gateway
        or StripeGateway(
            settings.stripe_api_key.get_secret_value(),
            base_url=settings.stripe_api_base,
            before_call=Pace(database, "payments", per_second=PACED_CALLS_PER_SECOND).turn if paced else None,
        ),
        Breaker(clock),
    )
    search_index = PostgresSearchIndex(database, clock, currency=currency, language=settings.language)
    misses = SqlSearchMisses(database)
    catalog = SqlCatalog(database, language=settings.language)
    desk = CartDesk(
        transactions=transactions,
        default_country=settings.countries[0],
        clock=clock,
        ids=ids,
        lifetime=timedelta(days=settings.cart_lifetime_days),
    )
    order_tokens = OrderAccessTokens(secret, clock)
    notices = Notices(Storefront(settings.shop_url), order_tokens, settings.language)
    settle = SettlePayment(transactions, notices, clock)
    settle_refund = SettleRefund(transactions, notices, clock)
    cancel_attempt = CancelAttempt(transactions, gateway, settle, clock, desk.turns)
    mail_templates = JinjaTemplates(
        shop_name=settings.shop_name, sender=settings.mail_from, own_folder=settings.mail_templates
    )
    accounts_database = account_database(settings, database, statement_timeout_seconds=statement_timeout_seconds)
    accounts = build_accounts(settings, accounts_database, changes, clock, ids)
    forget_customers = ForgetCustomers(accounts.service, transactions, clock)
    services = Services(
        profile=ShopProfile(
            settings.shop_name,
            Markets(settings.all_currencies, settings.currency_by_country, settings.language),
            settings.countries,
            settings.stripe_publishable_key,
            settings.base_url,
        ),
        clock=clock,
        readers=Readers(
            catalog=CachedCatalog(catalog, read_through),
            labels=CachedLabels(SqlLabels(database), read_through),
            stock=SqlStockReader(database),
            orders=SqlOrderReader(database),
            attempts=SqlAttemptReader(database),
            refunds=SqlRefundReader(database),
        ),
        search=CountedMisses(CachedSearch(search_index, read_through), misses, clock, language=settings.language),
        read_cart=ReadCart(desk),
        read_own_carts=ReadOwnCarts(desk),
        create_cart=CreateCart(desk, settings.all_currencies),
        edit_cart=EditCart(desk),
        fill_cart=FillCart(desk),
        merge_carts=MergeCarts(desk),
        delete_cart=DeleteCart(desk),
        place_order=PlaceOrder(desk, transactions, gateway, settle),
        cancel_attempt=cancel_attempt,
        cancel_order=CancelOrder(transactions, cancel_attempt, notices, clock, desk.turns),
        order_tokens=order_tokens,
        accounts=accounts.service,
        claim_guest_orders=ClaimGuestOrders(accounts.service, transactions, clock),
        delete_customer=DeleteCustomer(accounts.service, forget_customers),
        ended_sessions=accounts.ended,
        changes=changes,
        answers=KeepAnswers(transactions, clock),
    )
    return Shop(
        settings=settings,
        database=database,
        redis=redis,
        cache=cache,
        throttle=RedisThrottle(redis, clock),
        changes=changes,
        transactions=transactions,
        gateway=gateway,
        services=services,
        store_products=StoreProducts(transactions, clock, keys.catalog_tags),
        accounts_database=accounts_database,
        accounts=accounts,
        forget_customers=forget_customers,
        export_customer=ExportCustomer(transactions, services.readers.orders, services.readers.attempts, clock),
        delete_expired_carts=DeleteExpired(transactions, clock),
        reprice_catalog=RepriceCatalog(transactions, clock, keys.catalog_tags),
        set_prices=SetPrices(transactions, clock, keys.catalog_tags),
        public_answers=KeptAnswers(cache, clock),
        find_document=FindDocument(
            DocumentMode(settings.documents),
            RememberedDocuments(SqlTrustedDocuments(database), clock),
            RememberedQueries(RedisPersistedQueries(redis)),
        ),
        import_documents=ImportDocuments(transactions, clock),
        list_documents=ListDocuments(transactions),
        remove_documents=RemoveDocuments(transactions),
        forget_keyed_calls=ForgetCalls(transactions, clock),
        store_rules=StoreRules(transactions, lambda: [keys.CATALOG]),
        search_index=search_index,
        catalog=catalog,
        refresh_search=RefreshSearch(database, clock),
        rebuild_search=RebuildSearch(database, currency, settings.language),
        search_misses=misses,
        job_desk=SqlJobDesk(database),
        check_payments=CheckPayments(transactions, gateway, settle, clock),
        payment_queue=PaymentQueue(transactions, clock),
        send_mail=SendMail(transactions, mail_templates, _mailer(settings), clock),
        forget_mail=ForgetMail(transactions, clock),
        refund_order=RefundOrder(transactions, clock, ids),
        refund_payment=RefundPayment(transactions, gateway, settle_refund, clock),
        settle_refund=settle_refund,
        provider_desk=provider_desk(
            transactions,
            gateway,
            settle,
            settle_refund,
            clock,
            webhook_secrets=settings.webhook_secrets,
            is_live=settings.takes_real_payments,
        ),
        clock=clock,
        ids=ids,
    )


def _mailer(settings: Settings) -> Mailer:
    sender, name, server = settings.mail_from, settings.shop_name, settings.mail_server
    if server is None:  # development only: see Settings
        return MailFolder((settings.data_dir or DATA_FOLDER) / "mail", sender, name)
    return SmtpMailer(server, sender, name)


@asynccontextmanager
async def open_shop(settings: Settings) -> AsyncIterator[Shop]:
    """A shop for a command or a worker, closed at the end."""
    shop = build_shop(
        settings,
        statement_timeout_seconds=WORKER_STATEMENT_SECONDS,
        redis_timeout_seconds=WORKER_REDIS_SECONDS,
        paced=True,
    )
    try:
        yield shop
    finally:
        await shop.close()
