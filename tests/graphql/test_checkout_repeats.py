"""The same checkout sent again, and others in its way: one order, one charge."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from app.bootstrap import Shop
from app.core.ids import decode
from tests.shopkeeping import Api, Provider, Shopkeeper, Stocked


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=20, price="18.00")


@pytest.fixture
async def cart(api: Api, mug: Stocked) -> dict[str, Any]:
    return await api.ready_cart((mug.variant_id, 2))


async def orders_of(shop: Shop, cart: dict[str, Any]) -> list[str]:
    """The statuses of all orders that a cart ever became."""
    async with shop.database.read_fresh() as connection:
        query = text("SELECT status FROM orders WHERE cart_id = :id ORDER BY number")
        return list((await connection.execute(query, {"id": decode(cart["id"])[1]})).scalars())


async def test_10_parallel_submissions_with_one_key_are_one_order_and_one_charge(
    api: Api, shop: Shop, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any], provider: Provider
) -> None:
    outcomes = await asyncio.gather(*(api.checkout(cart, key="pressed ten times") for _ in range(10)))

    assert {outcome["__typename"] for outcome in outcomes} == {"CheckoutCompleted"}
    assert len({outcome["attempt"]["id"] for outcome in outcomes}) == 1
    assert len({outcome["order"]["number"] for outcome in outcomes}) == 1
    assert await orders_of(shop, cart) == ["confirmed"]
    assert await provider.ledger(outcomes[0]["attempt"]["id"]) == [("charge_succeeded", 4_090)]
    requests = await provider.requests("POST /v1/payment_intents")
    assert len({request["idempotency_key"] for request in requests}) == 1
    assert len([each for each in requests if each["status"] == 200 and not each["is_replayed"]]) == 1
    assert await keeper.level(mug.variant_id) == (18, 0)


async def test_the_same_request_later_gives_the_same_order(
    api: Api, shop: Shop, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any], provider: Provider
) -> None:
    first = await api.checkout(cart, key="again")
    second = await api.checkout(cart, key="again")

    assert first["__typename"] == second["__typename"] == "CheckoutCompleted"
    assert (second["attempt"], second["order"]) == (first["attempt"], first["order"])
    assert await orders_of(shop, cart) == ["confirmed"]
    assert len(await provider.requests("POST /v1/payment_intents")) == 1
    assert await keeper.level(mug.variant_id) == (18, 0)


async def test_a_declined_try_sent_again_stays_declined_and_a_new_key_pays(
    api: Api, shop: Shop, cart: dict[str, Any], provider: Provider
) -> None:
    first = await api.checkout(cart, key="declined", pay="pm_card_visa_chargeDeclined")
    again = await api.checkout(cart, key="declined", pay="pm_card_visa_chargeDeclined")
    paid = await api.checkout(cart, key="another")
    after = await api.checkout(cart, key="declined", pay="pm_card_visa_chargeDeclined")

    assert first == again == after
    assert first["failed"]["state"] == "FAILED"
    assert paid["__typename"] == "CheckoutCompleted"
    assert await orders_of(shop, cart) == ["canceled", "confirmed"]
    assert len(await provider.requests("POST /v1/payment_intents")) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"payment": {"paymentMethodId": "pm_card_mastercard"}},
        {"payment": {"confirmationToken": "ctoken_1"}},
        {"expectedTotal": {"amount": "40.91", "currencyCode": "USD"}},
        {"expectedVersion": 7},
        {"deliveryOptionId": "ship_2"},
    ],
)
async def test_a_key_is_for_one_request(
    api: Api, shop: Shop, cart: dict[str, Any], provider: Provider, other: dict[str, Any]
) -> None:
    await api.checkout(cart, key="taken", pay="pm_card_visa_chargeDeclined")

    outcome = await api.checkout(cart, key="taken", **{"pay": "pm_card_visa_chargeDeclined", **other})

    assert outcome["__typename"] == "CheckoutFailed"
    assert outcome["failed"] is None
    assert [(error["code"], error["field"]) for error in outcome["userErrors"]] == [
        ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
    ]
    assert await orders_of(shop, cart) == ["canceled"]
    assert len(await provider.requests("POST /v1/payment_intents")) == 1


async def test_two_carts_may_use_the_same_key(api: Api, mug: Stocked) -> None:
    carts = [await api.ready_cart((mug.variant_id, 1)) for _ in range(2)]

    outcomes = [await api.checkout(each, key="same in both") for each in carts]

    assert [outcome["__typename"] for outcome in outcomes] == ["CheckoutCompleted"] * 2
    assert outcomes[0]["order"]["number"] != outcomes[1]["order"]["number"]


async def test_another_key_while_a_payment_is_under_way_is_locked_out(
    api: Api, shop: Shop, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any], provider: Provider
) -> None:
    first = await api.checkout(cart, key="first", pay="pm_card_threeDSecure2Required")

    other = await api.checkout(cart, key="second")
    again = await api.checkout(cart, key="first", pay="pm_card_threeDSecure2Required")

    assert [error["code"] for error in other["userErrors"]] == ["CART_LOCKED"]
    assert other["cart"]["state"] == "IN_CHECKOUT"
    assert again["__typename"] == "CheckoutActionRequired"
    assert (again["attempt"], again["clientSecret"]) == (first["attempt"], first["clientSecret"])
    assert await orders_of(shop, cart) == ["pending"]
    assert len(await provider.requests("POST /v1/payment_intents")) == 1
    assert await keeper.level(mug.variant_id) == (20, 2)


async def test_of_10_parallel_checkouts_with_different_keys_one_pays(
    api: Api, shop: Shop, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any], provider: Provider
) -> None:
    outcomes = await asyncio.gather(*(api.checkout(cart, key=f"tab {number}") for number in range(10)))

    paid = [outcome for outcome in outcomes if outcome["__typename"] == "CheckoutCompleted"]
    refused = [outcome["userErrors"][0]["code"] for outcome in outcomes if outcome not in paid]
    assert len(paid) == 1
    assert set(refused) <= {"CART_LOCKED", "CART_COMPLETED"}
    assert len(refused) == 9
    assert await orders_of(shop, cart) == ["confirmed"]
    assert len(await provider.requests("POST /v1/payment_intents")) == 1
    assert await keeper.level(mug.variant_id) == (18, 0)


async def test_a_cart_changed_and_paid_at_once_is_paid_as_it_was_or_not_at_all(api: Api, cart: dict[str, Any]) -> None:
    line = cart["lines"]["nodes"][0]["id"]

    outcome, payload = await asyncio.gather(
        api.checkout(cart),
        api.cart_mutation("cartLinesUpdate", cartId=cart["id"], lines=[{"lineId": line, "quantity": 5}]),
    )

    if payload["cart"] is None:
        assert payload["userErrors"][0]["code"] in ("CART_LOCKED", "CART_COMPLETED")
        assert outcome["order"]["cost"]["total"] == {"amount": "40.90"}
    else:
        assert [error["code"] for error in outcome["userErrors"]] == ["PRICE_CHANGED"]
