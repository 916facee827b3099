"""A shop of its own, in several currencies, whose terms of sale tests set as they like."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from sqlalchemy import text

from app.bootstrap import Shop, build_shop
from app.settings import load_settings
from app.terms_import.amounts import ShopFacts
from app.terms_import.run_import import ImportTerms, TermsReport
from app.terms_import.store_terms import StoreTerms
from app.web import build_app
from tests.conftest import Servers
from tests.shopkeeping import Api, ManualClock, Shopkeeper


@dataclass(frozen=True, slots=True)
class Market:
    """A shop of its own, on terms that a test sets."""

    shop: Shop
    api: Api
    keeper: Shopkeeper
    clock: ManualClock

    async def terms(self, yaml: str) -> TermsReport:
        """Import these terms; a fault fails the test."""
        return await import_terms(self.shop, yaml)

    async def execute(self, statement: str) -> None:
        """Run a statement on the shop's database."""
        async with self.shop.database.write() as connection:
            await connection.execute(text(statement))

    async def forget_terms(self) -> None:
        """Be a shop without any terms of sale again."""
        await self.execute("UPDATE promotion SET active = false")
        await self.shop.reprice_catalog()
        await self.execute("TRUNCATE delivery_method, tax_place, promotion_use")
        await self.execute("DELETE FROM promotion")


async def import_terms(shop: Shop, yaml: str) -> TermsReport:
    """Import these terms into a shop; a fault fails the test."""
    settings = shop.settings
    facts = ShopFacts(settings.currency, frozenset(settings.all_currencies), frozenset(settings.countries))
    load = ImportTerms(StoreTerms(shop.transactions, shop.set_prices, facts).sections()).load
    report = await load(yaml, "terms.yaml", strict=True)
    assert report.faults == ()
    await shop.reprice_catalog()
    return report


@asynccontextmanager
async def open_market(servers: Servers) -> AsyncIterator[Market]:
    """The shop, with a database and a cache of its own."""
    servers.postgres.create_database("market")
    clock = ManualClock()
    settings = {
        **servers.environment("market"),
        "REDIS_URL": servers.valkey.url.removesuffix("0") + "3",
        "CARTOGRAPH_CURRENCIES": "EUR,JPY,BHD,ISK",
        "CARTOGRAPH_MARKETS": "DE=EUR,JP=JPY",
    }
    shop = build_shop(load_settings(settings), clock=clock)
    await shop.migrate()
    transport = httpx.ASGITransport(app=build_app(shop), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://market.test") as client:
        yield Market(shop, Api(client), Shopkeeper(shop), clock)
    await shop.close()
    servers.postgres.drop_database("market")
