"""The payment provider fails in every way: the buyer is told to wait, the stock stays held, and it is charged once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import stamina

from tests.shopkeeping import Api, ManualClock, Provider, Shopkeeper, Stocked, variant_public_id

SOON = timedelta(minutes=2)
ATTEMPT = """query ($id: ID!) { checkoutAttempt(id: $id) { state cart { state } order { status paymentStatus }
  result { __typename ... on CheckoutFailed { userErrors { code } } } } }"""
TRIES = 2


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Calls are repeated, but without waiting in between."""
    with stamina.set_testing(True, attempts=TRIES, cap=True):
        yield


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=5, price="18.00")


@pytest.fixture
async def cart(api: Api, mug: Stocked) -> dict[str, Any]:
    return await api.ready_cart((mug.variant_id, 2))


async def read(api: Api, outcome: dict[str, Any]) -> dict[str, Any]:
    return (await api.data(ATTEMPT, id=outcome["attempt"]["id"]))["checkoutAttempt"]


@pytest.mark.parametrize(
    "fault",
    [
        {"mode": "500"},
        {"mode": "503"},
        {"mode": "429"},
        {"mode": "refuse"},
        {"mode": "500", "when": "after"},
        {"mode": "503", "when": "after"},
        {"mode": "lost"},
        {"mode": "truncate"},
        {"mode": "hang", "seconds": 0.2},
        {"mode": "hang", "when": "after", "seconds": 0.2},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
async def test_a_silent_provider_is_asked_again_later_and_charges_once(
    api: Api,
    keeper: Shopkeeper,
    clock: ManualClock,
    mug: Stocked,
    cart: dict[str, Any],
    provider: Provider,
    fault: dict[str, Any],
) -> None:
    script = await provider.fault(**fault, times=None)

    outcome = await api.checkout(cart)

    assert outcome["__typename"] == "CheckoutPaymentQueued"
    assert (outcome["attempt"]["state"], outcome["attemptNumber"], outcome["maxAttempts"]) == ("QUEUED", 1, None)
    assert outcome["order"]["paymentStatus"] == "DELAYED"
    assert await read(api, outcome) == {
        "state": "QUEUED",
        "cart": {"state": "IN_CHECKOUT"},
        "order": {"status": "PENDING", "paymentStatus": "DELAYED"},
        "result": {"__typename": "CheckoutPaymentQueued"},
    }
    assert await keeper.level(mug.variant_id) == (5, 2)
    assert await provider.hits(script) == TRIES
    keys = [request["idempotency_key"] for request in await provider.requests("POST /v1/payment_intents")]
    assert len(keys) == TRIES
    assert len(set(keys)) == 1

    await provider.heal()
    with clock.turned(SOON):
        await keeper.settle_payments()

    assert await read(api, outcome) == {
        "state": "SUCCEEDED",
        "cart": {"state": "COMPLETED"},
        "order": {"status": "CONFIRMED", "paymentStatus": "PAID"},
        "result": {"__typename": "CheckoutCompleted"},
    }
    assert await keeper.level(mug.variant_id) == (3, 0)
    assert await provider.ledger(outcome["attempt"]["id"]) == [("charge_succeeded", 4_090)]


async def test_after_three_payments_without_an_answer_the_provider_is_left_alone_for_a_while(
    api: Api, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, provider: Provider
) -> None:
    script = await provider.fault("503", times=None)
    carts = [await api.ready_cart((mug.variant_id, 1)) for _ in range(5)]
    outcomes = [await api.checkout(cart) for cart in carts[:4]]
    asked = await provider.hits(script)

    await provider.heal()
    with clock.turned(timedelta(seconds=10)):
        probe = await api.checkout(carts[4])

    assert [outcome["__typename"] for outcome in outcomes] == ["CheckoutPaymentQueued"] * 4
    assert asked == 3 * TRIES
    assert probe["__typename"] == "CheckoutCompleted"


@pytest.mark.parametrize("mode", ["500", "503", "429", "refuse", "lost", "truncate"])
async def test_one_failure_is_mended_while_the_buyer_waits(
    api: Api, mug: Stocked, keeper: Shopkeeper, cart: dict[str, Any], provider: Provider, mode: str
) -> None:
    script = await provider.fault(mode)

    outcome = await api.checkout(cart)

    assert await provider.hits(script) == 1
    assert outcome["__typename"] == "CheckoutCompleted"
    assert await provider.ledger(outcome["attempt"]["id"]) == [("charge_succeeded", 4_090)]
    assert await keeper.level(mug.variant_id) == (3, 0)


async def test_a_provider_that_never_answers_costs_the_buyer_seconds_and_nothing_else(
    api: Api, mug: Stocked, keeper: Shopkeeper, clock: ManualClock, cart: dict[str, Any], provider: Provider
) -> None:
    await provider.fault("hang", seconds=600)

    with stamina.set_testing(True, attempts=1):
        outcome = await api.checkout(cart)

    assert outcome["__typename"] == "CheckoutPaymentQueued"
    assert await keeper.level(mug.variant_id) == (5, 2)
    await provider.heal()
    with clock.turned(SOON):
        await keeper.settle_payments()
    assert (await read(api, outcome))["state"] == "SUCCEEDED"
    assert await provider.ledger(outcome["attempt"]["id"]) == [("charge_succeeded", 4_090)]


async def test_the_buyer_who_sends_the_request_again_joins_the_attempt(
    api: Api, mug: Stocked, keeper: Shopkeeper, clock: ManualClock, cart: dict[str, Any], provider: Provider
) -> None:
    script = await provider.fault("lost", times=None)
    first = await api.checkout(cart, key="patience")
    assert await provider.hits(script) == TRIES
    second = await api.checkout(cart, key="patience")
    assert await provider.hits(script) == TRIES  # the second request has not asked the provider
    await provider.heal()

    with clock.turned(SOON):
        await keeper.settle_payments()
    third = await api.checkout(cart, key="patience")

    assert [first["__typename"], second["__typename"]] == ["CheckoutPaymentQueued"] * 2
    assert first["attempt"] == second["attempt"]
    assert third["__typename"] == "CheckoutCompleted"
    assert third["attempt"]["id"] == first["attempt"]["id"]
    assert await provider.ledger(first["attempt"]["id"]) == [("charge_succeeded", 4_090)]
    assert await keeper.level(mug.variant_id) == (3, 0)


async def test_a_failure_that_the_provider_repeats_for_ever_ends_after_a_day_with_nothing_charged(
    api: Api, mug: Stocked, keeper: Shopkeeper, clock: ManualClock, cart: dict[str, Any], provider: Provider
) -> None:
    script = await provider.fault("500", when="during")  # nothing was charged, and the key answers 500 from now on
    outcome = await api.checkout(cart)
    with clock.turned(timedelta(hours=22)):
        await keeper.settle_payments()
        before = (await read(api, outcome))["state"], await keeper.level(mug.variant_id)

    with clock.turned(timedelta(hours=24)):
        await keeper.settle_payments()

    assert await provider.hits(script) == 1
    assert outcome["__typename"] == "CheckoutPaymentQueued"
    assert before == ("QUEUED", (5, 2))
    assert (await read(api, outcome))["state"] == "CANCELED"
    assert await keeper.level(mug.variant_id) == (5, 0)
    assert await provider.ledger(outcome["attempt"]["id"]) == []


async def test_a_card_that_turns_out_to_be_declined_gives_cart_and_stock_back(
    api: Api, mug: Stocked, keeper: Shopkeeper, clock: ManualClock, cart: dict[str, Any], provider: Provider
) -> None:
    await provider.fault("503", times=None)
    outcome = await api.checkout(cart, pay="pm_card_visa_chargeDeclined")
    held = await keeper.level(mug.variant_id)
    await provider.heal()

    with clock.turned(SOON):
        await keeper.settle_payments()

    assert held == (5, 2)
    assert await read(api, outcome) == {
        "state": "FAILED",
        "cart": {"state": "ACTIVE"},
        "order": {"status": "CANCELED", "paymentStatus": "FAILED"},
        "result": {"__typename": "CheckoutFailed", "userErrors": [{"code": "PAYMENT_DECLINED"}]},
    }
    assert await keeper.level(mug.variant_id) == (5, 0)
    assert (await api.checkout(cart))["__typename"] == "CheckoutCompleted"


async def test_a_worker_that_meets_silence_too_leaves_the_attempt_for_later(
    api: Api, mug: Stocked, keeper: Shopkeeper, clock: ManualClock, cart: dict[str, Any], provider: Provider
) -> None:
    script = await provider.fault("503", times=None)
    outcome = await api.checkout(cart)
    with clock.turned(SOON):
        await keeper.settle_payments()
    after_worker = (await read(api, outcome))["state"], await keeper.level(mug.variant_id)
    asked = await provider.hits(script)
    await provider.heal()

    with clock.turned(SOON * 2):
        await keeper.settle_payments()

    assert asked > TRIES
    assert after_worker == ("QUEUED", (5, 2))
    assert (await read(api, outcome))["state"] == "SUCCEEDED"
    assert await provider.ledger(outcome["attempt"]["id"]) == [("charge_succeeded", 4_090)]


@pytest.mark.parametrize(("answer", "state", "level"), [("succeed", "SUCCEEDED", (3, 0)), ("fail", "FAILED", (5, 0))])
async def test_a_bank_that_answers_later(
    api: Api,
    mug: Stocked,
    keeper: Shopkeeper,
    clock: ManualClock,
    cart: dict[str, Any],
    provider: Provider,
    answer: str,
    state: str,
    level: tuple[int, int],
) -> None:
    await provider.fault("processing")
    outcome = await api.checkout(cart)
    held = await keeper.level(mug.variant_id)
    with clock.turned(SOON):
        await keeper.settle_payments()
    still = (await read(api, outcome))["state"]

    await provider.settle(outcome["attempt"]["id"], answer)
    with clock.turned(SOON * 2):
        await keeper.settle_payments()

    assert outcome["__typename"] == "CheckoutProcessing"
    assert (outcome["attempt"]["state"], still, held) == ("PROCESSING", "PROCESSING", (5, 2))
    assert (await read(api, outcome))["state"] == state
    assert await keeper.level(mug.variant_id) == level


async def test_a_charge_behind_a_stored_failure_is_found_and_not_repeated(
    api: Api, mug: Stocked, keeper: Shopkeeper, clock: ManualClock, cart: dict[str, Any], provider: Provider
) -> None:
    await provider.fault("500", when="after", times=None)
    outcome = await api.checkout(cart)
    await provider.heal()
    assert outcome["__typename"] == "CheckoutPaymentQueued"

    with clock.turned(SOON):
        await keeper.settle_payments()

    assert (await read(api, outcome))["state"] == "SUCCEEDED"
    assert await keeper.level(mug.variant_id) == (3, 0)
    assert await provider.ledger(outcome["attempt"]["id"]) == [("charge_succeeded", 4_090)]
    assert await provider.requests("POST /v1/payment_intents") == []


async def test_an_amount_that_the_provider_does_not_take_is_refused_and_nothing_is_held(
    api: Api, keeper: Shopkeeper, provider: Provider
) -> None:
    sticker = await keeper.stock("Sticker", on_hand=5, price="0.20", requires_shipping=False)
    payload = await api.cart_create(
        lines=[{"variantId": variant_public_id(sticker.variant_id), "quantity": 1}], email="ada@example.com"
    )

    outcome = await api.checkout(payload["cart"])

    assert outcome["__typename"] == "CheckoutFailed"
    assert [error["code"] for error in outcome["userErrors"]] == ["PAYMENT_DECLINED"]
    assert outcome["cart"]["state"] == "ACTIVE"
    assert await keeper.level(sticker.variant_id) == (5, 0)
    assert await provider.ledger(outcome["failed"]["id"]) == []
