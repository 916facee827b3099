"""Attempts given up and orders canceled through the API: what the buyer is told, and what became of money and stock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import stamina
from sqlalchemy import text

from app.bootstrap import Shop
from app.core.ids import OrderId, decode
from tests.graphql.cancelling import CANCEL_ORDER, cancel_attempt, cancel_order, read_attempt, read_order
from tests.shopkeeping import ADDRESS, Api, ManualClock, Provider, Shopkeeper, Stocked, variant_public_id

NEEDS_BANK = "pm_card_threeDSecure2Required"
SOON = timedelta(minutes=2)


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Calls are repeated, but without waiting in between."""
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=5, price="18.00")


async def checkout(api: Api, mug: Stocked, pay: str = "pm_card_visa") -> dict[str, Any]:
    """A checkout of two mugs for 40.90."""
    return await api.checkout(await api.ready_cart((mug.variant_id, 2)), pay=pay)


# ------------------------------------------------------------------------------------------------ paid orders


async def test_a_paid_order_is_canceled_its_units_are_back_and_its_money_follows(
    api: Api, keeper: Shopkeeper, mug: Stocked, provider: Provider
) -> None:
    paid = await checkout(api, mug)
    before = await read_order(api, paid)

    payload = await cancel_order(api, paid, reason="too big")
    level = await keeper.level(mug.variant_id)
    await keeper.make_refunds(paid["attempt"]["id"])

    assert before["canCancel"] is True
    assert payload["userErrors"] == []
    assert payload["order"] | {"timeline": None} == {
        "id": before["id"],
        "status": "CANCELED",
        "paymentStatus": "PAID",
        "canCancel": False,
        "payments": [{"status": "PAID", "refunded": {"amount": "0.00"}, "amount": {"amount": "40.90"}}],
        "timeline": None,
    }
    assert level == (5, 0)
    after = await read_order(api, paid)
    assert after["paymentStatus"] == "REFUNDED"
    assert after["payments"] == [{"status": "REFUNDED", "refunded": {"amount": "40.90"}, "amount": {"amount": "40.90"}}]
    assert [event["kind"] for event in after["timeline"]] == ["placed", "paid", "canceled", "refunded"]
    assert after["timeline"][2]["message"] == "The order was canceled (“too big”). 40.90 USD will be given back."
    assert await provider.ledger(paid["attempt"]["id"]) == [("charge_succeeded", 4_090), ("refund", 4_090)]


async def test_canceling_again_changes_nothing(api: Api, keeper: Shopkeeper, mug: Stocked, provider: Provider) -> None:
    paid = await checkout(api, mug)

    payloads = [await cancel_order(api, paid) for _ in range(2)]
    await keeper.make_refunds(paid["attempt"]["id"])
    await keeper.make_refunds(paid["attempt"]["id"])

    assert payloads[0] == payloads[1]
    assert await keeper.level(mug.variant_id) == (5, 0)
    assert await provider.ledger(paid["attempt"]["id"]) == [("charge_succeeded", 4_090), ("refund", 4_090)]


@pytest.mark.parametrize(("pay", "stays"), [("pm_card_visa", True), (NEEDS_BANK, False)])
async def test_a_cart_shows_the_order_that_it_became_also_a_canceled_one(
    api: Api, mug: Stocked, provider: Provider, pay: str, stays: bool
) -> None:
    cart = await api.ready_cart((mug.variant_id, 2))
    outcome = await api.checkout(cart, pay=pay)
    await cancel_order(api, outcome)

    shown = (await api.data("query ($id: ID!) { cart(id: $id) { state order { status } } }", id=cart["id"]))["cart"]

    assert shown == (
        {"state": "COMPLETED", "order": {"status": "CANCELED"}} if stays else {"state": "ACTIVE", "order": None}
    )


async def test_an_order_that_cost_nothing_is_canceled_without_the_provider(
    api: Api, keeper: Shopkeeper, provider: Provider
) -> None:
    sample = await keeper.stock("Sample", price="0.00", on_hand=3, requires_shipping=False)
    lines = [{"variantId": variant_public_id(sample.variant_id)}]
    cart = (await api.cart_create(lines=lines, email="ada@example.com"))["cart"]
    free = await api.checkout(cart, payment={"free": True})

    payload = await cancel_order(api, free)

    assert (payload["order"]["status"], payload["order"]["paymentStatus"]) == ("CANCELED", "PAID")
    assert await keeper.level(sample.variant_id) == (3, 0)
    assert await provider.requests("POST /v1/refunds") == []


@pytest.mark.parametrize("mode", ["500", "503", "429", "refuse", "lost", "truncate"])
async def test_a_refund_whose_answer_is_lost_is_one_refund(
    api: Api, keeper: Shopkeeper, mug: Stocked, provider: Provider, mode: str
) -> None:
    paid = await checkout(api, mug)
    await cancel_order(api, paid)
    script = await provider.fault(mode, match="POST /v1/refunds", times=None)
    with pytest.raises(Exception, match="no answer that says what happened"):
        await keeper.make_refunds(paid["attempt"]["id"])
    between = (await read_order(api, paid))["paymentStatus"]
    hits = await provider.hits(script)
    await provider.heal()

    await keeper.make_refunds(paid["attempt"]["id"])

    assert (between, hits) == ("PAID", 2)
    assert (await read_order(api, paid))["paymentStatus"] == "REFUNDED"
    assert await provider.ledger(paid["attempt"]["id"]) == [("charge_succeeded", 4_090), ("refund", 4_090)]


async def test_a_refund_that_the_bank_takes_its_time_over_is_told_once_it_has_arrived(
    api: Api, keeper: Shopkeeper, mug: Stocked, provider: Provider
) -> None:
    paid = await checkout(api, mug, "pm_card_pendingRefund")
    await cancel_order(api, paid)
    await keeper.make_refunds(paid["attempt"]["id"])
    pending = await read_order(api, paid)

    (refund,) = await keeper.refunds(paid["attempt"]["id"])
    await provider.settle_refund(refund.provider_id or "", "succeed")
    await keeper.make_refunds(paid["attempt"]["id"])  # as an hour later, or when its webhook comes

    assert (pending["paymentStatus"], pending["payments"][0]["refunded"]["amount"]) == ("PAID", "0.00")
    assert (await read_order(api, paid))["paymentStatus"] == "REFUNDED"


async def test_a_refund_that_comes_back_from_the_bank_steps_back_and_can_be_made_anew(
    api: Api, shop: Shop, keeper: Shopkeeper, mug: Stocked, provider: Provider
) -> None:
    paid = await checkout(api, mug)
    await cancel_order(api, paid)
    await keeper.make_refunds(paid["attempt"]["id"])
    (refund,) = await keeper.refunds(paid["attempt"]["id"])
    await provider.settle_refund(refund.provider_id or "", "fail")
    outcome = await shop.gateway.find_refund(refund)
    assert outcome is not None

    for _ in range(2):  # as its webhooks do
        async with shop.transactions.begin() as tx:
            await shop.settle_refund.of_provider(tx, outcome)
    failed = await read_order(api, paid)
    await shop.refund_order(refund.order_id, None, reason="by another way")
    await keeper.make_refunds(paid["attempt"]["id"])

    assert (failed["status"], failed["paymentStatus"]) == ("CANCELED", "PAID")
    assert failed["payments"][0] == {
        "status": "PAID",
        "refunded": {"amount": "0.00"},
        "amount": {"amount": "40.90"},
    }
    order = await read_order(api, paid)
    assert order["paymentStatus"] == "REFUNDED"
    assert [event["kind"] for event in order["timeline"]][-3:] == ["refunded", "refund_failed", "refunded"]
    assert [movement for movement, _ in await provider.ledger(paid["attempt"]["id"])] == [
        "charge_succeeded",
        "refund",
        "refund_failed",
        "refund",
    ]


# ------------------------------------------------------------------------------------------------ whose order it is


@pytest.mark.parametrize("token", [None, "", "nonsense"])
async def test_an_orders_id_alone_cancels_nothing(
    api: Api, keeper: Shopkeeper, mug: Stocked, token: str | None
) -> None:
    paid = await checkout(api, mug)

    payload = await cancel_order(api, paid, accessToken=token)

    assert payload == {"order": None, "userErrors": [{"code": "NOT_FOUND", "field": ["orderId"]}]}
    assert (await read_order(api, paid))["status"] == "CONFIRMED"
    assert await keeper.level(mug.variant_id) == (3, 0)


async def test_the_token_of_another_order_or_of_the_past_cancels_nothing(
    api: Api, shop: Shop, clock: ManualClock, mug: Stocked
) -> None:
    paid, other = await checkout(api, mug), await checkout(api, mug)

    strange = await cancel_order(api, paid, accessToken=other["orderAccessToken"])
    order_id = (await read_order(api, paid))["id"]
    with clock.turned(timedelta(days=91)):
        values = {"orderId": order_id, "accessToken": paid["orderAccessToken"]}
        late = (await api.data(CANCEL_ORDER, input=values))["orderCancel"]

    for payload in (strange, late):
        assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]
    assert {(await read_order(api, each))["status"] for each in (paid, other)} == {"CONFIRMED"}


async def test_a_customer_cancels_the_order_of_their_own_cart_without_a_token(
    api: Api, customers: tuple[Api, Api], keeper: Shopkeeper, mug: Stocked
) -> None:
    ada, ben = customers
    lines = [{"variantId": variant_public_id(mug.variant_id), "quantity": 2}]
    cart = (await ada.cart_create(lines=lines, email="ada@example.com", shippingAddress=ADDRESS))["cart"]
    paid = await ada.checkout(cart, deliveryOptionId="ship_2", expectedTotal={"amount": "40.90", "currencyCode": "USD"})

    strangers = [await cancel_order(each, paid, accessToken=None) for each in (api, ben)]
    own = await cancel_order(ada, paid, accessToken=None)

    assert [payload["userErrors"][0]["code"] for payload in strangers] == ["NOT_FOUND"] * 2
    assert own["order"]["status"] == "CANCELED"
    assert await keeper.level(mug.variant_id) == (5, 0)


async def test_ids_of_other_things_are_refused(api: Api, mug: Stocked) -> None:
    paid = await checkout(api, mug)
    token = paid["orderAccessToken"]

    answer = await api(CANCEL_ORDER, input={"orderId": paid["attempt"]["id"], "accessToken": token})

    assert len(answer.errors) == 1
    assert (await read_order(api, paid))["status"] == "CONFIRMED"


async def test_what_has_been_sent_is_not_canceled(api: Api, shop: Shop, keeper: Shopkeeper, mug: Stocked) -> None:
    paid = await checkout(api, mug)
    order_id = OrderId(decode((await read_order(api, paid))["id"])[1])  # type: ignore[arg-type]
    async with shop.database.write() as connection:
        statement = text("UPDATE orders SET fulfillment_status = 'fulfilled' WHERE id = :id")
        await connection.execute(statement, {"id": order_id})

    payload = await cancel_order(api, paid)

    assert payload["userErrors"] == [{"code": "NOT_CANCELABLE", "field": ["orderId"]}]
    order = await read_order(api, paid)
    assert (order["status"], order["canCancel"]) == ("CONFIRMED", False)
    assert await keeper.level(mug.variant_id) == (3, 0)


# ------------------------------------------------------------------------------------------------ attempts


@pytest.mark.parametrize("cancel", [cancel_attempt, cancel_order])
async def test_a_payment_that_waits_for_the_bank_ends_at_the_provider_too(
    api: Api, keeper: Shopkeeper, mug: Stocked, provider: Provider, cancel: Any
) -> None:
    cart = await api.ready_cart((mug.variant_id, 2))
    waiting = await api.checkout(cart, pay=NEEDS_BANK)
    could = (await read_order(api, waiting))["canCancel"]

    payload = await cancel(api, waiting)

    assert could is True
    assert payload["userErrors"] == []
    attempt = await read_attempt(api, waiting)
    assert (attempt["state"], attempt["cart"]["state"]) == ("CANCELED", "ACTIVE")
    assert attempt["result"] == {
        "__typename": "CheckoutFailed",
        "userErrors": [{"code": "PAYMENT_DECLINED", "message": "The payment was canceled."}],
    }
    order = await read_order(api, waiting)
    assert (order["status"], order["paymentStatus"], order["canCancel"]) == ("CANCELED", "FAILED", False)
    assert await keeper.level(mug.variant_id) == (5, 0)
    assert [movement for movement, _ in await provider.ledger(waiting["attempt"]["id"])] == ["cancel"]
    assert (await api.checkout(cart))["__typename"] == "CheckoutCompleted"


async def test_what_has_been_paid_is_not_given_up(
    api: Api, keeper: Shopkeeper, mug: Stocked, provider: Provider
) -> None:
    paid = await checkout(api, mug)

    payload = await cancel_attempt(api, paid)

    assert payload == {"attempt": None, "userErrors": [{"code": "NOT_CANCELABLE", "field": ["attemptId"]}]}
    assert await keeper.level(mug.variant_id) == (3, 0)
    assert await provider.ledger(paid["attempt"]["id"]) == [("charge_succeeded", 4_090)]


async def test_a_buyer_who_had_confirmed_before_giving_up_gets_the_money_back(
    api: Api, keeper: Shopkeeper, mug: Stocked, provider: Provider
) -> None:
    waiting = await checkout(api, mug, NEEDS_BANK)
    await provider.answer_bank(waiting["clientSecret"], "succeed")

    payload = await cancel_attempt(api, waiting)
    await keeper.make_refunds(waiting["attempt"]["id"])

    assert payload["attempt"]["state"] == "SUCCEEDED"
    attempt, order = await read_attempt(api, waiting), await read_order(api, waiting)
    assert attempt["result"]["__typename"] == "CheckoutFailed"
    assert attempt["result"]["userErrors"][0]["message"].endswith("it is given back.")
    assert attempt["cart"]["state"] == "ACTIVE"
    assert (order["status"], order["paymentStatus"]) == ("CANCELED", "REFUNDED")
    assert order["payments"][0]["refunded"] == {"amount": "40.90"}
    assert [event["kind"] for event in order["timeline"]][-3:] == ["cancel_requested", "canceled", "refunded"]
    assert await keeper.level(mug.variant_id) == (5, 0)
    assert await provider.ledger(waiting["attempt"]["id"]) == [("charge_succeeded", 4_090), ("refund", 4_090)]


@pytest.mark.parametrize(
    ("bank", "payment", "moved"),
    [
        ("succeed", "REFUNDED", ["charge_pending", "charge_succeeded", "refund"]),
        ("fail", "FAILED", ["charge_pending", "charge_failed", "cancel"]),
    ],
)
async def test_a_bank_that_takes_its_time_decides_after_the_buyer_gave_up(
    api: Api,
    keeper: Shopkeeper,
    clock: ManualClock,
    mug: Stocked,
    provider: Provider,
    bank: str,
    payment: str,
    moved: list[str],
) -> None:
    await provider.fault("processing")
    processing = await checkout(api, mug)

    payload = await cancel_attempt(api, processing)
    held = await keeper.level(mug.variant_id)
    await provider.settle(processing["attempt"]["id"], bank)
    with clock.turned(SOON):
        await keeper.settle_payments()
        await keeper.make_refunds(processing["attempt"]["id"])

    assert payload["attempt"]["state"] == "PROCESSING"
    assert payload["attempt"]["cancelRequestedAt"] is not None
    assert payload["attempt"]["cart"]["state"] == "IN_CHECKOUT"
    assert held == (5, 2)
    order = await read_order(api, processing)
    assert (order["status"], order["paymentStatus"]) == ("CANCELED", payment)
    assert await keeper.level(mug.variant_id) == (5, 0)
    assert [movement for movement, _ in await provider.ledger(processing["attempt"]["id"])] == moved


@pytest.mark.parametrize(
    ("fault", "moved"),
    [
        ({"mode": "429"}, []),
        ({"mode": "503"}, []),
        ({"mode": "lost"}, [("charge_succeeded", 4_090), ("refund", 4_090)]),
        ({"mode": "500", "when": "after"}, [("charge_succeeded", 4_090), ("refund", 4_090)]),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else "",
)
async def test_a_queued_payment_that_was_given_up_is_never_kept(
    api: Api,
    keeper: Shopkeeper,
    clock: ManualClock,
    mug: Stocked,
    provider: Provider,
    shop: Shop,
    fault: dict[str, Any],
    moved: list[tuple[str, int]],
) -> None:
    cart = await api.ready_cart((mug.variant_id, 2))
    await provider.fault(**fault, times=None)
    queued = await api.checkout(cart)
    assert queued["__typename"] == "CheckoutPaymentQueued"

    payload = await cancel_attempt(api, queued)
    at_once = (await read_attempt(api, queued))["state"]
    await provider.heal()
    shop.gateway.breaker.reset()
    with clock.turned(SOON):
        await keeper.settle_payments()
        await keeper.make_refunds(queued["attempt"]["id"])

    assert payload["userErrors"] == []
    assert at_once == ("CANCELED" if fault["mode"] == "429" else "QUEUED")  # which was surely not executed
    attempt, order = await read_attempt(api, queued), await read_order(api, queued)
    assert attempt["cart"]["state"] == "ACTIVE"
    assert (order["status"], order["paymentStatus"]) == ("CANCELED", "REFUNDED" if moved else "FAILED")
    assert await keeper.level(mug.variant_id) == (5, 0)
    assert await provider.ledger(queued["attempt"]["id"]) == moved
    assert await provider.requests("POST /v1/payment_intents") == []
    assert (await api.checkout(cart))["__typename"] == "CheckoutCompleted"


async def test_a_payment_that_was_given_up_asks_nothing_of_the_buyer_any_more(
    api: Api, shop: Shop, mug: Stocked, provider: Provider
) -> None:
    waiting = await checkout(api, mug, pay="pm_card_threeDSecure2Required")
    await provider.fault("503", match="POST /v1/payment_intents/[^/]+/cancel", times=None)
    await cancel_attempt(api, waiting)
    attempt = await read_attempt(api, waiting)
    shop.gateway.breaker.reset()

    assert attempt["state"] == "ACTION_REQUIRED"
    assert attempt["result"]["__typename"] == "CheckoutProcessing"


async def test_an_attempt_that_does_not_exist_is_not_found(api: Api) -> None:
    payload = await cancel_attempt(api, {"attempt": {"id": "attempt_" + "1" * 22}})

    assert payload == {"attempt": None, "userErrors": [{"code": "NOT_FOUND", "field": ["attemptId"]}]}


async def test_a_payment_that_nobody_could_find_is_given_back_when_it_turns_up(
    api: Api, shop: Shop, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, provider: Provider
) -> None:
    await provider.fault("lost", times=None)
    queued = await checkout(api, mug)
    await cancel_attempt(api, queued)
    await provider.heal()
    shop.gateway.breaker.reset()
    await provider.lag_search(seconds=86_400)
    with clock.turned(SOON):
        await keeper.settle_payments()
    given_up = (await read_attempt(api, queued))["state"], await keeper.level(mug.variant_id)

    await provider.heal()
    attempt = await keeper.attempt(queued["attempt"]["id"])
    outcome = await shop.gateway.find(attempt)
    assert outcome is not None
    for _ in range(3):  # as its webhook does
        await shop.check_payments.settle(attempt.id, outcome)
        await keeper.make_refunds(queued["attempt"]["id"])

    assert given_up == ("CANCELED", (5, 0))
    order = await read_order(api, queued)
    assert (order["status"], order["paymentStatus"]) == ("CANCELED", "FAILED")
    assert order["payments"] == [{"status": "REFUNDED", "refunded": {"amount": "40.90"}, "amount": {"amount": "40.90"}}]
    assert [event["kind"] for event in order["timeline"]][-2:] == ["paid_after_the_end", "refunded"]
    assert await keeper.level(mug.variant_id) == (5, 0)
    assert await provider.ledger(queued["attempt"]["id"]) == [("charge_succeeded", 4_090), ("refund", 4_090)]
