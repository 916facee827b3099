"""3-D Secure: the buyer goes to the bank's page, and comes back or does not."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.shopkeeping import Api, ManualClock, Provider, Shopkeeper, Stocked

NEEDS_BANK = "pm_card_threeDSecure2Required"
SOON = timedelta(minutes=2)  # every attempt of today is due for a check by then
TOO_LATE = timedelta(minutes=31)  # after an attempt's half hour
ATTEMPT = """query ($id: ID!) { checkoutAttempt(id: $id) { state cart { state version }
  order { status paymentStatus timeline { kind } }
  result { __typename ... on CheckoutCompleted { order { number status } orderAccessToken }
    ... on CheckoutActionRequired { clientSecret }
    ... on CheckoutFailed { cart { state } userErrors { code message } } } } }"""


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=5, price="18.00")


@pytest.fixture
async def waiting(api: Api, mug: Stocked, provider: Provider) -> dict[str, Any]:
    """A checkout of two mugs whose buyer the bank wants to see."""
    outcome = await api.checkout(await api.ready_cart((mug.variant_id, 2)), pay=NEEDS_BANK)
    assert outcome["__typename"] == "CheckoutActionRequired"
    return outcome


async def read(api: Api, outcome: dict[str, Any]) -> dict[str, Any]:
    return (await api.data(ATTEMPT, id=outcome["attempt"]["id"]))["checkoutAttempt"]


async def test_while_the_buyer_is_at_the_bank_units_are_held_and_nothing_is_charged(
    api: Api, keeper: Shopkeeper, mug: Stocked, waiting: dict[str, Any], provider: Provider
) -> None:
    attempt = await read(api, waiting)

    assert attempt["state"] == waiting["attempt"]["state"] == "ACTION_REQUIRED"
    assert attempt["cart"]["state"] == "IN_CHECKOUT"
    assert attempt["order"] == {
        "status": "PENDING",
        "paymentStatus": "ACTION_REQUIRED",
        "timeline": [{"kind": "placed"}, {"kind": "payment_action_required"}],
    }
    assert attempt["result"] == {"__typename": "CheckoutActionRequired", "clientSecret": waiting["clientSecret"]}
    assert await keeper.level(mug.variant_id) == (5, 2)
    assert await provider.ledger(waiting["attempt"]["id"]) == []


async def test_a_buyer_who_confirms_has_paid(
    api: Api, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, waiting: dict[str, Any], provider: Provider
) -> None:
    await provider.answer_bank(waiting["clientSecret"], "succeed")
    with clock.turned(SOON):
        await keeper.settle_payments()

    attempt = await read(api, waiting)
    assert attempt["state"] == "SUCCEEDED"
    assert attempt["cart"]["state"] == "COMPLETED"
    assert attempt["order"] == {
        "status": "CONFIRMED",
        "paymentStatus": "PAID",
        "timeline": [{"kind": "placed"}, {"kind": "payment_action_required"}, {"kind": "paid"}],
    }
    assert attempt["result"]["__typename"] == "CheckoutCompleted"
    assert await keeper.level(mug.variant_id) == (3, 0)
    assert await provider.ledger(waiting["attempt"]["id"]) == [("charge_succeeded", 4_090)]
    order = await api.data(
        "query ($t: String!) { order(by: {accessToken: $t}) { status payments { brand last4 } } }",
        t=waiting["orderAccessToken"],
    )
    assert order == {"order": {"status": "CONFIRMED", "payments": [{"brand": "visa", "last4": "3220"}]}}


async def test_a_buyer_who_fails_at_the_bank_gets_the_cart_back_and_can_pay_with_another_card(
    api: Api, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, provider: Provider
) -> None:
    cart = await api.ready_cart((mug.variant_id, 2))
    waiting = await api.checkout(cart, pay=NEEDS_BANK)

    await provider.answer_bank(waiting["clientSecret"], "fail")
    with clock.turned(SOON):
        await keeper.settle_payments()

    attempt = await read(api, waiting)
    assert attempt["state"] == "FAILED"
    assert attempt["order"]["status"] == "CANCELED"
    assert attempt["result"]["__typename"] == "CheckoutFailed"
    assert [error["code"] for error in attempt["result"]["userErrors"]] == ["PAYMENT_DECLINED"]
    assert attempt["result"]["cart"] == {"state": "ACTIVE"}
    assert await keeper.level(mug.variant_id) == (5, 0)
    assert ("charge_succeeded", 4_090) not in await provider.ledger(waiting["attempt"]["id"])
    paid = await api.checkout(cart)
    assert paid["__typename"] == "CheckoutCompleted"
    assert await keeper.level(mug.variant_id) == (3, 0)


async def test_a_card_that_the_bank_declines_after_the_buyer_confirmed(
    api: Api, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, provider: Provider
) -> None:
    cart = await api.ready_cart((mug.variant_id, 2))
    waiting = await api.checkout(cart, pay="pm_card_threeDSecureRequiredChargeDeclined")

    await provider.answer_bank(waiting["clientSecret"], "succeed")
    with clock.turned(SOON):
        await keeper.settle_payments()

    assert (await read(api, waiting))["state"] == "FAILED"
    assert ("charge_failed", 4_090) in await provider.ledger(waiting["attempt"]["id"])
    assert await keeper.level(mug.variant_id) == (5, 0)


async def test_a_buyer_who_stays_away_loses_the_units_after_half_an_hour(
    api: Api, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, waiting: dict[str, Any], provider: Provider
) -> None:
    with clock.turned(timedelta(minutes=29)):
        await keeper.settle_payments()
        before = (await read(api, waiting))["state"], await keeper.level(mug.variant_id)
    with clock.turned(TOO_LATE):
        await keeper.settle_payments()

    attempt = await read(api, waiting)
    assert before == ("ACTION_REQUIRED", (5, 2))
    assert attempt["state"] == "CANCELED"
    assert attempt["order"]["status"] == "CANCELED"
    assert [event["kind"] for event in attempt["order"]["timeline"]][-1] == "payment_canceled"
    assert attempt["result"]["userErrors"] == [
        {"code": "PAYMENT_DECLINED", "message": "The payment was not completed in time."}
    ]
    assert attempt["result"]["cart"] == {"state": "ACTIVE"}
    assert await keeper.level(mug.variant_id) == (5, 0)
    assert [movement for movement, _ in await provider.ledger(waiting["attempt"]["id"])] == ["cancel"]


async def test_a_buyer_who_confirms_at_the_last_moment_has_paid_and_gets_the_order(
    api: Api, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, waiting: dict[str, Any], provider: Provider
) -> None:
    await provider.answer_bank(waiting["clientSecret"], "succeed")
    with clock.turned(TOO_LATE):
        await keeper.settle_payments()

    assert (await read(api, waiting))["state"] == "SUCCEEDED"
    assert await provider.ledger(waiting["attempt"]["id"]) == [("charge_succeeded", 4_090)]
    assert await keeper.level(mug.variant_id) == (3, 0)


async def test_settling_again_changes_nothing(
    api: Api, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, waiting: dict[str, Any], provider: Provider
) -> None:
    await provider.answer_bank(waiting["clientSecret"], "succeed")
    with clock.turned(SOON):
        await keeper.settle_payments()
        first = await read(api, waiting)
    with clock.turned(TOO_LATE):
        await keeper.settle_payments()

    again = await read(api, waiting)
    for each in (first, again):
        each["result"].pop("orderAccessToken")  # signed anew for every answer
    assert again == first
    assert await keeper.level(mug.variant_id) == (3, 0)


async def test_two_workers_settle_one_attempt_once(
    api: Api, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, waiting: dict[str, Any], provider: Provider
) -> None:
    await provider.answer_bank(waiting["clientSecret"], "succeed")
    with clock.turned(SOON):
        await asyncio.gather(*(keeper.settle_payments() for _ in range(5)))

    attempt = await read(api, waiting)
    assert [event["kind"] for event in attempt["order"]["timeline"]] == ["placed", "payment_action_required", "paid"]
    assert await keeper.level(mug.variant_id) == (3, 0)
