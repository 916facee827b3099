"""Many requests at once over two processes: one order for one cart, and no more orders than units."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.buying import buy
from tests.resilience.buying import all_buy, carts
from tests.resilience.plant import APIS, Plant

CHARGES = "POST /v1/payment_intents"


@pytest.fixture(autouse=True)
async def two_processes(plant: Plant) -> AsyncIterator[None]:
    await plant.start(APIS[0])
    yield
    await plant.stop(APIS[0])


@pytest.mark.parametrize("times", [2, 10, 50])
async def test_a_checkout_that_is_sent_many_times_at_once_is_one_order_and_one_payment(
    plant: Plant, client: httpx.AsyncClient, times: int
) -> None:
    mug = await plant.stock(100)
    [cart] = await carts(plant, client, mug.variant_id, 1)

    answers = await asyncio.gather(
        *(buy(plant.api(APIS[number % 2], client), cart, f"pressed {times} times") for number in range(times))
    )

    assert {answer["__typename"] for answer in answers} == {"CheckoutCompleted"}
    assert len({answer["order"]["number"] for answer in answers}) == 1
    assert len({answer["attempt"]["id"] for answer in answers}) == 1
    charges = await plant.provider.requests(CHARGES)
    assert len({charge["idempotency_key"] for charge in charges}) == 1
    assert [movement for movement, _ in await plant.provider.ledger(answers[0]["attempt"]["id"])] == [
        "charge_succeeded"
    ]
    await plant.settle()
    assert await plant.violations() == []


async def test_500_buyers_of_100_units_are_100_orders_and_nobody_else_is_charged(
    plant: Plant, client: httpx.AsyncClient
) -> None:
    units, buyers = 100, 500
    wanted = await plant.stock(units)
    everybody = await carts(plant, client, wanted.variant_id, buyers)
    await plant.provider.heal()

    answers = await all_buy(plant, client, everybody, "wanted")

    outcomes = Counter(answer["__typename"] for answer in answers)
    refusals = {error["code"] for answer in answers for error in answer.get("userErrors", ())}
    assert (outcomes["CheckoutCompleted"], outcomes["CheckoutFailed"]) == (units, buyers - units)
    assert refusals == {"INSUFFICIENT_STOCK"}
    numbers = [answer["order"]["number"] for answer in answers if answer["__typename"] == "CheckoutCompleted"]
    assert len(set(numbers)) == units
    assert len({charge["idempotency_key"] for charge in await plant.provider.requests(CHARGES)}) == units
    await plant.settle()
    assert await plant.violations() == []
