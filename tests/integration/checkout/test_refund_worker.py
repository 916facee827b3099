"""The worker as it runs in production, a process of its own, gives money back without anybody asking."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.bootstrap import Shop, build_shop
from app.settings import load_settings
from app.web import build_app
from tests.conftest import REPOSITORY, Servers
from tests.graphql.cancelling import cancel_attempt, cancel_order, read_order
from tests.shopkeeping import Api, Provider, Shopkeeper
from tests.waiting import until


@pytest.fixture
async def own(servers: Servers) -> AsyncIterator[Shop]:
    """A shop whose jobs nobody else takes."""
    servers.postgres.create_database("refund_worker")
    shop = build_shop(load_settings(servers.environment("refund_worker")))
    await shop.migrate()
    yield shop
    await shop.close()
    servers.postgres.drop_database("refund_worker")


async def test_what_was_canceled_comes_back_by_itself(
    servers: Servers, own: Shop, provider: Provider, tmp_path: Path
) -> None:
    mug = await Shopkeeper(own).stock("Mug", on_hand=5, price="18.00")
    log = tmp_path / "worker.log"
    transport = httpx.ASGITransport(app=build_app(own))
    async with httpx.AsyncClient(transport=transport, base_url="http://worker.test") as client:
        api = Api(client)
        paid = await api.checkout(await api.ready_cart((mug.variant_id, 2)))
        late = await api.checkout(await api.ready_cart((mug.variant_id, 1)), pay="pm_card_threeDSecure2Required")
        await cancel_order(api, paid)
        await provider.answer_bank(late["clientSecret"], "succeed")
        await cancel_attempt(api, late)
        lost = await provider.fault("lost", match="POST /v1/refunds")

        async def has_money_back() -> bool:
            orders = [await read_order(api, each) for each in (paid, late)]
            return all(order["paymentStatus"] == "REFUNDED" for order in orders)

        environment = {**servers.environment("refund_worker"), "CARTOGRAPH_DATA_DIR": str(tmp_path)}
        child = servers.supervisor.spawn(
            "refund-worker", [sys.executable, "-m", "app.cli", "worker"], log=log, cwd=REPOSITORY, env=environment
        )
        try:
            await until(has_money_back)
        finally:
            servers.supervisor.stop(child)

    assert await provider.hits(lost) == 1
    assert await provider.ledger(paid["attempt"]["id"]) == [("charge_succeeded", 4_090), ("refund", 4_090)]
    assert await provider.ledger(late["attempt"]["id"]) == [("charge_succeeded", 2_290), ("refund", 2_290)]
    assert await Shopkeeper(own).level(mug.variant_id) == (5, 0)
