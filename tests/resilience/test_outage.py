"""The provider is away for a while: orders are queued, buyers and on-call told, and the queue drains at its pace."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import text

from tests.buying import buy
from tests.resilience.plant import APIS, WORKER, Plant

ORDERS = 60
TRIES = 4  # of a checkout: one, and three more
OPENS_AFTER = 3  # checkouts in a row without an answer
PACE_PER_SECOND = 15  # of the worker's calls, as the provider may be asked
UNDER_WAY = 8  # calls that have had their turn and may reach a provider just as it heals


@pytest.fixture(autouse=True)
async def closed_breaker(plant: Plant) -> AsyncIterator[None]:
    yield
    await plant.renew(APIS[1])


async def told(plant: Plant) -> Counter[str]:
    """How many messages there are of each template."""
    async with plant.shop.database.read_fresh() as connection:
        rows = await connection.execute(text("SELECT template, count(*) AS number FROM mail_message GROUP BY 1"))
        return Counter({row.template: row.number for row in rows})


async def requests_since(plant: Plant, seen: int) -> list[dict[str, object]]:
    """What the emulator was asked after so many requests."""
    return (await plant.provider.http.get("/_emulator/requests")).json()["requests"][seen:]


async def queue_orders(plant: Plant, client: httpx.AsyncClient, number: int) -> tuple[list[str], int]:
    """Orders placed while nobody answers, one after the other: their attempts, and the calls that it took."""
    mug = await plant.stock(number)
    api = plant.api(APIS[1], client)
    everybody = [await api.ready_cart((mug.variant_id, 1)) for _ in range(number)]
    await plant.provider.fault("503", match=".*", times=None)
    answers = []
    for cart in everybody:
        plant.accepts(cart)
        answers.append(await buy(api, cart, "in the outage"))
    assert {answer["__typename"] for answer in answers} == {"CheckoutPaymentQueued"}
    charges = await plant.provider.requests("POST /v1/payment_intents")
    return [answer["attempt"]["id"] for answer in answers], len(charges)


async def test_a_queue_is_told_of_and_drains_at_its_pace_without_a_double_charge(
    plant: Plant, client: httpx.AsyncClient
) -> None:
    before = await told(plant)
    await plant.stop(WORKER)

    attempts, calls = await queue_orders(plant, client, ORDERS)
    await plant.note_alerts()
    is_told = await told(plant) - before
    seen = len(await requests_since(plant, 0))
    await plant.provider.http.delete("/_emulator/faults")
    await plant.start(WORKER)
    await plant.settle()

    drained = [request for request in await requests_since(plant, seen) if request["fault"] is None]
    times = sorted(float(str(request["at"])) for request in drained)
    rate = (len(times) - UNDER_WAY) / (times[-1] - times[0])
    print(
        f"\n{ORDERS} orders queued by {calls} calls; drained by {len(times)} calls in {times[-1] - times[0]:.1f} s, "
        f"{len(times) / (times[-1] - times[0]):.1f} a second"
    )
    assert calls <= OPENS_AFTER * TRIES
    assert is_told["payment_delayed"] == ORDERS
    assert len(times) >= ORDERS
    assert rate <= PACE_PER_SECOND
    assert (await told(plant) - before)["payment_succeeded"] == ORDERS
    for attempt in attempts:
        assert [movement for movement, _ in await plant.provider.ledger(attempt)] == ["charge_succeeded"]
    assert await plant.violations() == []


async def test_an_open_breaker_answers_without_asking_the_provider(plant: Plant, client: httpx.AsyncClient) -> None:
    await plant.stop(WORKER)
    await queue_orders(plant, client, OPENS_AFTER)
    seen = len(await requests_since(plant, 0))

    attempts, _ = await queue_orders(plant, client, 1)

    assert len(attempts) == 1
    assert await requests_since(plant, seen) == []
    await plant.provider.heal()
    await plant.start(WORKER)
    await plant.settle()
    assert await plant.violations() == []
