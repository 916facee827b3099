"""The checkout through the API: what the buyer is told, and what became of money and stock."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from app.bootstrap import Shop
from app.core.ids import decode
from app.core.stock import StockPolicy
from tests.shopkeeping import ADDRESS, Api, Provider, Shopkeeper, variant_public_id

ORDER = """query ($token: String!) { order(by: {accessToken: $token}) {
  number status paymentStatus fulfillmentStatus email note
  shippingAddress { fullName city countryCode } billingAddress { fullName city } delivery { id name price { amount } }
  cost { subtotal { amount } discount { amount } shipping { amount } tax { amount }
    total { amount currencyCode } isEstimated }
  lines { nodes { productName variantName sku quantity unitPrice { amount } discount { amount } total { amount }
    variant { sku } } }
  payments { provider status brand last4 amount { amount } } timeline { kind message } } }"""


async def test_a_paid_cart_becomes_an_order_that_its_token_opens(api: Api, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Mug", on_hand=5, price="18.00")
    cart = await api.ready_cart((mug.variant_id, 2))

    outcome = await api.checkout(cart)

    assert outcome["__typename"] == "CheckoutCompleted"
    assert outcome["attempt"]["state"] == "SUCCEEDED"
    order = (await api.data(ORDER, token=outcome["orderAccessToken"]))["order"]
    assert order == {
        "number": outcome["order"]["number"],
        "status": "CONFIRMED",
        "paymentStatus": "PAID",
        "fulfillmentStatus": "UNFULFILLED",
        "email": "ada@example.com",
        "note": None,
        "shippingAddress": {"fullName": "Ada Marsh", "city": "Portland", "countryCode": "US"},
        "billingAddress": {"fullName": "Ada Marsh", "city": "Portland"},
        "delivery": {"id": "ship_2", "name": "Standard delivery", "price": {"amount": "4.90"}},
        "cost": {
            "subtotal": {"amount": "36.00"},
            "discount": {"amount": "0.00"},
            "shipping": {"amount": "4.90"},
            "tax": {"amount": "0.00"},
            "total": {"amount": "40.90", "currencyCode": "USD"},
            "isEstimated": False,
        },
        "lines": {
            "nodes": [
                {
                    "productName": "Mug",
                    "variantName": "Default",
                    "sku": mug.sku,
                    "quantity": 2,
                    "unitPrice": {"amount": "18.00"},
                    "discount": {"amount": "0.00"},
                    "total": {"amount": "36.00"},
                    "variant": {"sku": mug.sku},
                }
            ]
        },
        "payments": [
            {"provider": "stripe", "status": "PAID", "brand": "visa", "last4": "4242", "amount": {"amount": "40.90"}}
        ],
        "timeline": [
            {"kind": "placed", "message": "The order was placed."},
            {"kind": "paid", "message": "The payment went through."},
        ],
    }
    assert await keeper.level(mug.variant_id) == (3, 0)


async def test_the_provider_takes_the_total_once(api: Api, keeper: Shopkeeper, provider: Provider) -> None:
    mug = await keeper.stock("Mug", price="18.00")

    outcome = await api.checkout(await api.ready_cart((mug.variant_id, 2)))

    attempt = outcome["attempt"]["id"]
    (request,) = await provider.requests("POST /v1/payment_intents")
    assert await provider.ledger(attempt) == [("charge_succeeded", 4_090)]
    assert request["idempotency_key"] == str(decode(attempt)[1])


async def test_the_last_unit_goes_to_one_of_two_buyers(api: Api, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Last mug", on_hand=1)
    carts = [await api.ready_cart((mug.variant_id, 1)) for _ in range(2)]

    outcomes = await asyncio.gather(*(api.checkout(cart) for cart in carts))

    assert sorted(outcome["__typename"] for outcome in outcomes) == ["CheckoutCompleted", "CheckoutFailed"]
    assert await keeper.level(mug.variant_id) == (0, 0)


async def test_order_numbers_rise(api: Api, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Mug")

    numbers = [int((await api.checkout(await api.ready_cart((mug.variant_id, 1))))["order"]["number"]) for _ in "ab"]

    assert 100_000 < numbers[0] < numbers[1]


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("pm_card_visa_chargeDeclined", "Your card was declined."),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "Your card has insufficient funds."),
        ("pm_card_chargeDeclinedExpiredCard", "Your card has expired."),
        ("pm_card_radarBlock", "Your card was declined."),
    ],
)
async def test_a_declined_card_costs_nothing_and_another_card_pays(
    api: Api, keeper: Shopkeeper, provider: Provider, card: str, message: str
) -> None:
    mug = await keeper.stock("Mug", on_hand=5, price="18.00")
    cart = await api.ready_cart((mug.variant_id, 2))

    declined = await api.checkout(cart, pay=card)
    level = await keeper.level(mug.variant_id)
    paid = await api.checkout(declined["cart"] | {"cost": cart["cost"]})

    assert declined["__typename"] == "CheckoutFailed"
    assert declined["failed"]["state"] == "FAILED"
    assert declined["cart"] == {"id": cart["id"], "state": "ACTIVE", "version": cart["version"] + 2}
    assert [(error["code"], error["message"], error["field"]) for error in declined["userErrors"]] == [
        ("PAYMENT_DECLINED", message, ["payment"])
    ]
    assert level == (5, 0)
    assert paid["__typename"] == "CheckoutCompleted"
    assert await keeper.level(mug.variant_id) == (3, 0)
    assert await provider.ledger(declined["failed"]["id"]) == [("charge_failed", 4_090)]
    assert await provider.ledger(paid["attempt"]["id"]) == [("charge_succeeded", 4_090)]


async def test_a_cart_can_be_changed_after_a_declined_card(api: Api, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Mug", price="18.00")
    cart = await api.ready_cart((mug.variant_id, 2))
    await api.checkout(cart, pay="pm_card_visa_chargeDeclined")

    payload = await api.cart_mutation(
        "cartLinesAdd", cartId=cart["id"], lines=[{"variantId": variant_public_id(mug.variant_id)}]
    )
    paid = await api.checkout(payload["cart"])

    assert paid["order"]["lines"]["nodes"] == [{"sku": mug.sku, "quantity": 3, "total": {"amount": "54.00"}}]
    assert paid["order"]["cost"]["total"] == {"amount": "58.90"}


async def test_an_order_that_costs_nothing_needs_no_card(api: Api, keeper: Shopkeeper, provider: Provider) -> None:
    sample = await keeper.stock("Sample", price="0.00", on_hand=3, requires_shipping=False)
    lines = [{"variantId": variant_public_id(sample.variant_id)}]
    cart = (await api.cart_create(lines=lines, email="ada@example.com"))["cart"]

    outcome = await api.checkout(cart, payment={"free": True})

    assert outcome["__typename"] == "CheckoutCompleted"
    assert outcome["order"]["cost"]["total"] == {"amount": "0.00"}
    assert outcome["order"]["paymentStatus"] == "PAID"
    assert await keeper.level(sample.variant_id) == (2, 0)
    assert await provider.requests("POST /v1/payment_intents") == []


async def test_a_confirmation_token_pays_once(api: Api, keeper: Shopkeeper, provider: Provider) -> None:
    mug = await keeper.stock("Mug", on_hand=5)
    token = await provider.confirmation_token("pm_card_mastercard")

    first = await api.checkout(await api.ready_cart((mug.variant_id, 1)), payment={"confirmationToken": token})
    second = await api.checkout(await api.ready_cart((mug.variant_id, 1)), payment={"confirmationToken": token})

    assert first["__typename"] == "CheckoutCompleted"
    order = (await api.data(ORDER, token=first["orderAccessToken"]))["order"]
    assert [(payment["brand"], payment["last4"]) for payment in order["payments"]] == [("mastercard", "4444")]
    assert second["__typename"] == "CheckoutFailed"
    assert [error["code"] for error in second["userErrors"]] == ["PAYMENT_DECLINED"]
    assert await provider.ledger(second["failed"]["id"]) == []
    assert await keeper.level(mug.variant_id) == (4, 0)


@pytest.mark.parametrize("payment", [{"paymentMethodId": "pm_nobody"}, {"confirmationToken": "ctoken_nobody"}])
async def test_a_payment_method_that_the_provider_does_not_know_is_a_declined_one(
    api: Api, keeper: Shopkeeper, provider: Provider, payment: dict[str, str]
) -> None:
    mug = await keeper.stock("Mug", on_hand=5)
    cart = await api.ready_cart((mug.variant_id, 1))

    outcome = await api.checkout(cart, payment=payment)

    assert outcome["__typename"] == "CheckoutFailed"
    assert [error["code"] for error in outcome["userErrors"]] == ["PAYMENT_DECLINED"]
    assert outcome["cart"]["state"] == "ACTIVE"
    assert await provider.ledger(outcome["failed"]["id"]) == []
    assert await keeper.level(mug.variant_id) == (5, 0)


async def test_the_delivery_can_be_chosen_with_the_checkout(api: Api, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Mug", price="18.00")
    cart = (
        await api.cart_create(
            lines=[{"variantId": variant_public_id(mug.variant_id)}], email="ada@example.com", shippingAddress=ADDRESS
        )
    )["cart"]
    total = {"amount": "22.90", "currencyCode": "USD"}

    without = await api.checkout(cart, expectedTotal=total)
    outcome = await api.checkout(cart, expectedTotal=total, deliveryOptionId="ship_2")

    assert [error["code"] for error in without["userErrors"]] == ["DELIVERY_OPTION_UNAVAILABLE"]
    assert outcome["__typename"] == "CheckoutCompleted"
    assert outcome["order"]["cost"] == {"total": {"amount": "22.90"}, "shipping": {"amount": "4.90"}}


async def test_back_orders_and_uncounted_things_are_sold_past_zero(api: Api, keeper: Shopkeeper) -> None:
    later = await keeper.stock("Later", on_hand=1, policy=StockPolicy.BACKORDER)
    uncounted = await keeper.stock("Uncounted", on_hand=0, policy=StockPolicy.UNTRACKED)

    outcome = await api.checkout(await api.ready_cart((later.variant_id, 3), (uncounted.variant_id, 2)))

    assert outcome["__typename"] == "CheckoutCompleted"
    assert await keeper.level(later.variant_id) == (-2, 0)
    assert await keeper.level(uncounted.variant_id) == (-2, 0)


async def test_two_lines_of_one_variant_take_both_their_units(api: Api, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Mug", on_hand=5)
    variant = variant_public_id(mug.variant_id)
    cart = await api.ready_cart((mug.variant_id, 2))
    engraved = {"variantId": variant, "quantity": 3, "attributes": [{"key": "Engraving", "value": "Ada"}]}
    cart = (await api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=[engraved]))["cart"]

    outcome = await api.checkout(cart)

    assert [line["quantity"] for line in outcome["order"]["lines"]["nodes"]] == [2, 3]
    assert await keeper.level(mug.variant_id) == (0, 0)


async def test_an_order_is_a_copy_that_later_changes_of_the_catalogue_do_not_touch(
    api: Api, keeper: Shopkeeper
) -> None:
    mug = await keeper.stock("Old name", price="18.00", key="copied-order")
    outcome = await api.checkout(await api.ready_cart((mug.variant_id, 1)))

    await keeper.stock("New name", price="99.00", key="copied-order")

    (line,) = (await api.data(ORDER, token=outcome["orderAccessToken"]))["order"]["lines"]["nodes"]
    assert (line["productName"], line["sku"], line["unitPrice"]) == ("Old name", mug.sku, {"amount": "18.00"})
    assert line["variant"] is None


async def test_no_card_number_is_ever_stored(api: Api, shop: Shop, keeper: Shopkeeper, provider: Provider) -> None:
    mug = await keeper.stock("Mug")
    outcome = await api.checkout(await api.ready_cart((mug.variant_id, 1)))

    async with shop.database.read_fresh() as connection:
        query = text("SELECT to_jsonb(a)::text FROM payment_attempt a WHERE id = :id")
        row = (await connection.execute(query, {"id": decode(outcome["attempt"]["id"])[1]})).scalar_one()

    assert '"card_last4": "4242"' in row
    assert "42424242" not in row.replace(" ", "")
