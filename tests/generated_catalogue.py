"""A generated catalogue in a database of its own, as search finds it after a rebuild."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.bootstrap import Shop, build_shop
from app.core.clock import Clock
from app.core.money import Currency
from app.seed.generated import generated_drafts
from app.settings import load_settings
from tests.conftest import Servers


@asynccontextmanager
async def generated_catalogue(
    servers: Servers, database: str, products: int, *, clock: Clock | None = None
) -> AsyncIterator[Shop]:
    """A shop whose index is built and whose counts are fresh; the database is dropped afterwards."""
    servers.postgres.create_database(database)
    shop = build_shop(load_settings(servers.environment(database)), statement_timeout_seconds=60, clock=clock)
    await shop.migrate()
    drafts = list(generated_drafts(products, currency=Currency("USD")))
    for start in range(0, products, 1_000):
        await shop.store_products(drafts[start : start + 1_000], index=False)
    await shop.rebuild_search()
    await shop.refresh_search()
    yield shop
    await shop.close()
    servers.postgres.drop_database(database)
