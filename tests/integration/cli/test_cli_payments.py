"""`cartograph payments`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import stamina

from app.bootstrap import Shop, build_shop
from app.settings import load_settings
from app.web import build_app
from tests.conftest import Servers
from tests.integration.cli.commands import Run
from tests.shopkeeping import Api, ManualClock, Provider, Shopkeeper, Stocked


@pytest.fixture
async def environment(servers: Servers) -> AsyncIterator[dict[str, str]]:
    """The settings of a shop in whose database nobody else has open payments."""
    servers.postgres.create_database("payments_cli")
    yield servers.environment("payments_cli")
    servers.postgres.drop_database("payments_cli")


@pytest.fixture
async def own(environment: dict[str, str], clock: ManualClock) -> AsyncIterator[Shop]:
    shop = build_shop(load_settings(environment), clock=clock)
    await shop.migrate()
    yield shop
    await shop.close()


@pytest.fixture
async def orders(own: Shop, provider: Provider) -> list[str]:
    """The numbers of two orders whose payments are queued."""
    await provider.fault("503", times=None)
    mug: Stocked = await Shopkeeper(own).stock("Mug", on_hand=5, price="18.00")
    transport = httpx.ASGITransport(app=build_app(own))
    async with httpx.AsyncClient(transport=transport, base_url="http://payments.test") as client:
        api = Api(client)
        with stamina.set_testing(True, attempts=1):
            outcomes: list[Any] = [await api.checkout(await api.ready_cart((mug.variant_id, 1))) for _ in range(2)]
        metrics = (await client.get("/metrics")).text
    assert "cartograph_payments_queued 2.0" in metrics
    return [outcome["order"]["number"] for outcome in outcomes]


async def status(shop: Shop, number: str) -> tuple[str, str]:
    """An order's status and its payment's."""
    async with shop.transactions.read() as tx:
        order = await tx.orders.find_by_number(int(number))
    assert order is not None
    return order.status.value, order.payment_status.value


async def test_the_queue_is_listed_the_oldest_first(run: Run, environment: dict[str, str], orders: list[str]) -> None:
    ended = await run("payments", "queue", env=environment)

    assert ended.code == 0
    lines = ended.lines()
    assert [line.split()[0] for line in lines[:2]] == orders
    assert all("22.90 USD" in line and "asked 1 times" in line for line in lines[:2])
    assert all("may have been charged" in line for line in lines[:2])
    assert lines[2:] == ["2 queued"]


async def test_an_empty_queue_says_so(run: Run, environment: dict[str, str], own: Shop) -> None:
    ended = await run("payments", "queue", env=environment)

    assert (ended.code, ended.lines()) == (0, ["No payment is queued."])


@pytest.mark.parametrize("named", [True, False])
async def test_what_is_tried_again_is_due_at_once(
    run: Run, environment: dict[str, str], own: Shop, orders: list[str], provider: Provider, named: bool
) -> None:
    await provider.heal()
    own.gateway.breaker.reset()

    ended = await run("payments", "retry", *([orders[1]] if named else ["--all"]), env=environment)
    checked = await own.check_payments(overdue=timedelta())

    assert (ended.code, ended.lines()) == (0, [f"{1 if named else 2} are tried now"])
    assert checked == (1 if named else 2)
    assert (await own.payment_queue.length()).payments == (1 if named else 0)


async def test_an_order_that_is_not_queued_is_named(run: Run, environment: dict[str, str], orders: list[str]) -> None:
    ended = await run("payments", "retry", orders[0], "7", env=environment)

    assert ended.code == 1
    assert ended.err.strip() == "cartograph: no payment of order 7 is queued: see `cartograph payments queue`"


async def test_without_orders_nothing_is_tried(run: Run, environment: dict[str, str], own: Shop) -> None:
    ended = await run("payments", "retry", env=environment)

    assert ended.code == 2
    assert ended.err.strip() == "cartograph: name orders, or say --all"


async def test_what_is_abandoned_ends_without_its_buyer_once_the_provider_answers(
    run: Run, environment: dict[str, str], own: Shop, orders: list[str], provider: Provider, clock: ManualClock
) -> None:
    ended = await run("payments", "abandon", orders[0], orders[0], env=environment)
    listed = await run("payments", "queue", env=environment)
    await provider.heal()
    own.gateway.breaker.reset()
    with clock.turned(timedelta(minutes=5)):
        await own.check_payments()

    assert (ended.code, ended.lines()) == (
        0,
        [f"{orders[0]}  is canceled once the provider says that nothing was charged"],
    )
    assert [line.endswith("canceled by the buyer") for line in listed.lines()[:2]] == [True, False]
    assert {number: await status(own, number) for number in orders} == {
        orders[0]: ("CANCELED", "FAILED"),
        orders[1]: ("CONFIRMED", "PAID"),
    }


async def test_only_what_is_queued_can_be_abandoned(run: Run, environment: dict[str, str], orders: list[str]) -> None:
    ended = await run("payments", "abandon", orders[0], "7", env=environment)
    listed = await run("payments", "queue", env=environment)

    assert ended.code == 1
    assert ended.err.strip() == "cartograph: no payment of order 7 is queued: see `cartograph payments queue`"
    assert not any(line.endswith("canceled by the buyer") for line in listed.lines())
