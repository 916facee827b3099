"""What keeps a cart from being paid: told with its facts, and nothing has changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.bootstrap import Shop
from app.core.ids import Kind, decode, encode
from app.core.money import Money
from tests.shopkeeping import ADDRESS, USD, Api, Provider, Shopkeeper, Stocked, variant_public_id


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=10, price="18.00")


@pytest.fixture
async def cart(api: Api, mug: Stocked) -> dict[str, Any]:
    """A ready cart with two mugs: 40.90."""
    return await api.ready_cart((mug.variant_id, 2))


class Untouched:
    """Nothing was ordered, held or charged, and the cart is as it was."""

    def __init__(self, api: Api, shop: Shop, provider: Provider) -> None:
        self._api, self._shop, self._provider = api, shop, provider

    async def check(self, cart: dict[str, Any]) -> None:
        assert await self._api.cart(cart["id"]) == cart
        async with self._shop.database.read_fresh() as connection:
            for table in ("orders", "payment_attempt"):
                count = text(f"SELECT count(*) FROM {table} WHERE cart_id = :id")
                assert (await connection.execute(count, {"id": decode(cart["id"])[1]})).scalar_one() == 0
        assert await self._provider.requests("POST /v1/payment_intents") == []


@pytest.fixture
def untouched(api: Api, shop: Shop, provider: Provider) -> Untouched:
    return Untouched(api, shop, provider)


def faults(outcome: dict[str, Any]) -> list[tuple[str, list[str] | None]]:
    assert outcome["__typename"] == "CheckoutFailed"
    assert outcome["failed"] is None
    return [(error["code"], error["field"]) for error in outcome["userErrors"]]


# ------------------------------------------------------------------------------------------------ the cart


async def test_an_empty_cart(api: Api, untouched: Untouched) -> None:
    cart = (await api.cart_create(email="ada@example.com"))["cart"]

    assert faults(await api.checkout(cart)) == [("REQUIRED", ["cartId"])]
    await untouched.check(cart)


async def test_everything_that_is_missing_is_told_at_once(api: Api, mug: Stocked, untouched: Untouched) -> None:
    cart = (await api.cart_create(lines=[{"variantId": variant_public_id(mug.variant_id)}]))["cart"]

    outcome = await api.checkout(cart)

    assert faults(outcome) == [
        ("REQUIRED", ["cartId"]),
        ("REQUIRED", ["cartId"]),
        ("DELIVERY_OPTION_UNAVAILABLE", ["deliveryOptionId"]),
    ]
    assert [error["message"] for error in outcome["userErrors"]] == [
        "The cart has no e-mail address.",
        "The cart has no shipping address.",
        "No delivery option is chosen.",
    ]
    await untouched.check(cart)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"shippingAddress": ADDRESS}, "The cart has no e-mail address."),
        ({"email": "ada@example.com"}, "The cart has no shipping address."),
    ],
)
async def test_one_thing_that_is_missing(
    api: Api, mug: Stocked, untouched: Untouched, given: dict[str, Any], missing: str
) -> None:
    cart = (await api.cart_create(lines=[{"variantId": variant_public_id(mug.variant_id)}], **given))["cart"]
    cart = (await api.cart_mutation("cartUpdate", cartId=cart["id"], deliveryOptionId="ship_2"))["cart"]

    outcome = await api.checkout(cart)

    assert [error["message"] for error in outcome["userErrors"]] == [missing]
    await untouched.check(cart)


async def test_stock_that_went_in_between_is_told_with_its_numbers(
    api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any]
) -> None:
    await api.checkout(await api.ready_cart((mug.variant_id, 9)))

    outcome = await api.checkout(cart)

    assert faults(outcome) == [("INSUFFICIENT_STOCK", ["cartId"])]
    assert outcome["userErrors"][0] == {
        "__typename": "InsufficientStockError",
        "code": "INSUFFICIENT_STOCK",
        "message": "Only 1 of the 2 units asked for are available.",
        "field": ["cartId"],
        "retryable": False,
        "requested": 2,
        "available": 1,
        "applied": 0,
        "lineId": cart["lines"]["nodes"][0]["id"],
        "variant": {"sku": mug.sku},
    }
    assert outcome["cart"] == {"id": cart["id"], "state": "ACTIVE", "version": cart["version"]}
    assert await keeper.level(mug.variant_id) == (1, 0)


async def test_a_variant_that_is_no_longer_sold(
    api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any]
) -> None:
    await keeper.store(replace(mug.draft, variants=(replace(mug.draft.variants[0], sku=f"{mug.sku}-2"),)))

    assert faults(await api.checkout(cart)) == [("VARIANT_UNAVAILABLE", ["cartId"])]
    assert (await api.cart(cart["id"]))["state"] == "ACTIVE"
    assert await keeper.level(mug.variant_id) == (10, 0)


# ------------------------------------------------------------------------------------------------ the price


@pytest.mark.parametrize("price", ["20.00", "17.99"])
async def test_a_price_that_changed_is_told_with_every_change(
    api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any], provider: Provider, price: str
) -> None:
    changed = tuple(replace(variant, price=Money.parse(price, USD)) for variant in mug.draft.variants)
    await keeper.store(replace(mug.draft, variants=changed))
    actual = Money.parse(price, USD) * 2 + Money.parse("4.90", USD)

    outcome = await api.checkout(cart)

    assert faults(outcome) == [("PRICE_CHANGED", ["expectedTotal"])]
    (error,) = outcome["userErrors"]
    assert (error["__typename"], error["retryable"]) == ("PriceChangedError", True)
    assert (error["expected"], error["actual"]) == ({"amount": "40.90"}, {"amount": str(actual.amount)})
    assert error["changes"] == [
        {"variant": {"sku": mug.sku}, "before": {"amount": "18.00"}, "after": {"amount": price}}
    ]
    assert await provider.requests("POST /v1/payment_intents") == []
    assert await keeper.level(mug.variant_id) == (10, 0)
    accepted = await api.checkout(await api.cart(cart["id"]))
    assert accepted["order"]["cost"]["total"] == {"amount": str(actual.amount)}


@pytest.mark.parametrize("amount", ["40.89", "40.91", "0", "-40.90", "36.00", "4090"])
async def test_any_other_total_than_the_carts(
    api: Api, cart: dict[str, Any], untouched: Untouched, amount: str
) -> None:
    outcome = await api.checkout(cart, expectedTotal={"amount": amount, "currencyCode": "USD"})

    assert faults(outcome) == [("PRICE_CHANGED", ["expectedTotal"])]
    assert outcome["userErrors"][0]["changes"] == []
    await untouched.check(cart)


async def test_a_total_written_in_another_way_is_the_same(api: Api, cart: dict[str, Any]) -> None:
    outcome = await api.checkout(cart, expectedTotal={"amount": "40.9", "currencyCode": "USD"})

    assert outcome["__typename"] == "CheckoutCompleted"


async def test_a_total_in_another_currency(api: Api, cart: dict[str, Any], untouched: Untouched) -> None:
    outcome = await api.checkout(cart, expectedTotal={"amount": "40.90", "currencyCode": "EUR"})

    assert faults(outcome) == [("CURRENCY_MISMATCH", ["expectedTotal", "currencyCode"])]
    await untouched.check(cart)


@pytest.mark.parametrize(
    "amount", ["40.901", "1e400", "40.9000000000000000000000000000000000001", "99999999999999999999"]
)
async def test_a_total_that_its_currency_does_not_have(
    api: Api, cart: dict[str, Any], untouched: Untouched, amount: str
) -> None:
    outcome = await api.checkout(cart, expectedTotal={"amount": amount, "currencyCode": "USD"})

    assert faults(outcome) == [("INVALID", ["expectedTotal", "amount"])]
    await untouched.check(cart)


# ------------------------------------------------------------------------------------------------ the payment


@pytest.mark.parametrize(
    ("payment", "code", "field"),
    [
        ({"paymentMethodId": "card_123"}, "INVALID", ["payment", "paymentMethodId"]),
        ({"paymentMethodId": ""}, "INVALID", ["payment", "paymentMethodId"]),
        ({"paymentMethodId": "PM_CARD_VISA"}, "INVALID", ["payment", "paymentMethodId"]),
        ({"paymentMethodId": "pm_é"}, "INVALID", ["payment", "paymentMethodId"]),
        ({"paymentMethodId": "pm_" + "x" * 300}, "INVALID", ["payment", "paymentMethodId"]),
        ({"paymentMethodId": "ctoken_123"}, "INVALID", ["payment", "paymentMethodId"]),
        ({"confirmationToken": "pm_card_visa"}, "INVALID", ["payment", "confirmationToken"]),
        ({"free": True}, "INVALID", ["payment", "free"]),
        ({"free": False}, "REQUIRED", ["payment"]),
    ],
)
async def test_a_payment_that_cannot_be_one(
    api: Api,
    cart: dict[str, Any],
    untouched: Untouched,
    payment: dict[str, Any],
    code: str,
    field: list[str],
) -> None:
    assert faults(await api.checkout(cart, payment=payment)) == [(code, field)]
    await untouched.check(cart)


async def test_a_card_number_is_refused_and_not_repeated(api: Api, cart: dict[str, Any], untouched: Untouched) -> None:
    answer = await api(
        "mutation ($i: CheckoutCompleteInput!) { checkoutComplete(input: $i) { __typename } }",
        i={
            "cartId": cart["id"],
            "idempotencyKey": "a card",
            "expectedTotal": {"amount": "40.90", "currencyCode": "USD"},
            "payment": {"paymentMethodId": "4242 4242 4242 4242"},
        },
    )

    assert answer.codes() == ["CARD_DATA_NOT_ALLOWED"]
    assert answer.errors[0]["extensions"]["position"] == ["variables", "i", "payment", "paymentMethodId"]
    assert "4242" not in str(answer.errors)
    await untouched.check(cart)


@pytest.mark.parametrize("key", ["", "x" * 256, "é" * 256])
async def test_a_key_has_1_to_255_characters(api: Api, cart: dict[str, Any], untouched: Untouched, key: str) -> None:
    outcome = await api.checkout(cart, idempotencyKey=key)

    assert faults(outcome) == [("INVALID", ["idempotencyKey"])]
    await untouched.check(cart)


@pytest.mark.parametrize("key", ["x" * 255, "🛒 " * 50, "'; --"])
async def test_any_other_key_is_one(api: Api, cart: dict[str, Any], key: str) -> None:
    assert (await api.checkout(cart, idempotencyKey=key))["__typename"] == "CheckoutCompleted"


async def test_another_version(api: Api, cart: dict[str, Any], untouched: Untouched) -> None:
    outcome = await api.checkout(cart, expectedVersion=cart["version"] + 1)

    assert faults(outcome) == [("VERSION_CONFLICT", ["expectedVersion"])]
    await untouched.check(cart)


async def test_a_delivery_that_the_shop_does_not_have(api: Api, cart: dict[str, Any], untouched: Untouched) -> None:
    outcome = await api.checkout(cart, deliveryOptionId=encode(Kind.DELIVERY_OPTION, 2))

    assert faults(outcome) == [("DELIVERY_OPTION_UNAVAILABLE", ["deliveryOptionId"])]
    await untouched.check(cart)


async def test_an_unknown_cart(api: Api, cart: dict[str, Any]) -> None:
    outcome = await api.checkout(cart, cartId=encode(Kind.CART, UUID(int=1)))

    assert faults(outcome) == [("NOT_FOUND", ["cartId"])]
    assert outcome["cart"] is None


@pytest.mark.parametrize(
    "values",
    [
        {"cartId": "nonsense"},
        {"cartId": encode(Kind.VARIANT, 1)},
        {"deliveryOptionId": "nonsense"},
        {"payment": {}},
        {"payment": {"free": True, "paymentMethodId": "pm_card_visa"}},
        {"payment": {"paymentMethodId": None}},
        {"payment": {"number": "4242"}},
        {"expectedTotal": {"amount": 40.90, "currencyCode": "USD"}},
        {"expectedTotal": {"amount": "NaN", "currencyCode": "USD"}},
        {"expectedTotal": {"amount": "40.90", "currencyCode": "ABC"}},
        {"expectedTotal": {"amount": "40.90"}},
        {"expectedTotal": None},
        {"idempotencyKey": None},
        {"idempotencyKey": 1.5},
        {"expectedVersion": 2**31},
    ],
)
async def test_what_only_a_programmer_can_mend_is_an_error(
    api: Api, cart: dict[str, Any], untouched: Untouched, values: dict[str, Any]
) -> None:
    answer = await api(
        "mutation ($i: CheckoutCompleteInput!) { checkoutComplete(input: $i) { __typename } }",
        i={
            "cartId": cart["id"],
            "idempotencyKey": "malformed",
            "expectedTotal": {"amount": "40.90", "currencyCode": "USD"},
            "payment": {"paymentMethodId": "pm_card_visa"},
            **values,
        },
    )

    assert answer.codes() == ["BAD_USER_INPUT"]
    assert answer.data in (None, {"checkoutComplete": None})
    await untouched.check(cart)
