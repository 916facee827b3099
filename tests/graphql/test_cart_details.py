"""Who buys and where it goes: `cartUpdate`, and `expectedVersion` of every change."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.ids import Kind, encode
from tests.shopkeeping import ADDRESS, Api, Shopkeeper, variant_public_id

STANDARD = encode(Kind.DELIVERY_OPTION, 1)
EXPRESS = encode(Kind.DELIVERY_OPTION, 2)  # the shop has none


@pytest.fixture
async def cart(api: Api, keeper: Shopkeeper) -> dict[str, Any]:
    mug = await keeper.stock("Mug", price="18.00")
    lines = [{"variantId": variant_public_id(mug.variant_id), "quantity": 2}]
    return (await api.cart_create(lines=lines, email="ada@example.com", note="First"))["cart"]


async def test_what_is_left_out_or_null_stays_as_it_is(api: Api, cart: dict[str, Any]) -> None:
    changed = (await api.cart_mutation("cartUpdate", cartId=cart["id"], note="Second", email=None))["cart"]

    assert changed == {**cart, "version": 2, "note": "Second"}


async def test_a_note_can_be_emptied(api: Api, cart: dict[str, Any]) -> None:
    changed = (await api.cart_mutation("cartUpdate", cartId=cart["id"], note=""))["cart"]

    assert changed["note"] == ""


async def test_an_address_and_a_delivery_make_a_cart_ready_with_a_final_cost(api: Api, cart: dict[str, Any]) -> None:
    before = cart["readiness"]
    addressed = (await api.cart_mutation("cartUpdate", cartId=cart["id"], shippingAddress=ADDRESS))["cart"]
    chosen = (await api.cart_mutation("cartUpdate", cartId=cart["id"], deliveryOptionId=STANDARD))["cart"]

    assert before == {"ready": False, "missing": ["SHIPPING_ADDRESS", "DELIVERY_OPTION"]}
    assert addressed["readiness"] == {"ready": False, "missing": ["DELIVERY_OPTION"]}
    assert chosen["readiness"] == {"ready": True, "missing": []}
    assert chosen["selectedDeliveryOption"] == {"id": STANDARD}
    assert chosen["cost"] == {
        "subtotal": {"amount": "36.00"},
        "discount": {"amount": "0.00"},
        "shipping": {"amount": "4.90"},
        "tax": None,
        "total": {"amount": "40.90", "currencyCode": "USD"},
        "isEstimated": False,
    }


async def test_a_delivery_can_be_chosen_before_there_is_an_address(api: Api, cart: dict[str, Any]) -> None:
    chosen = (await api.cart_mutation("cartUpdate", cartId=cart["id"], deliveryOptionId=STANDARD))["cart"]

    assert chosen["selectedDeliveryOption"] == {"id": STANDARD}
    assert chosen["readiness"] == {"ready": False, "missing": ["SHIPPING_ADDRESS"]}


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"email": "nobody"}, "EMAIL_INVALID", ["email"]),
        ({"email": ""}, "EMAIL_INVALID", ["email"]),
        ({"note": "x" * 5_001}, "INVALID", ["note"]),
        ({"deliveryOptionId": EXPRESS}, "DELIVERY_OPTION_UNAVAILABLE", ["deliveryOptionId"]),
        ({"shippingAddress": {**ADDRESS, "city": " "}}, "ADDRESS_INVALID", ["shippingAddress", "city"]),
        ({"billingAddress": {**ADDRESS, "line1": " "}}, "ADDRESS_INVALID", ["billingAddress", "line1"]),
        (
            {"shippingAddress": {**ADDRESS, "countryCode": "AQ"}},
            "ADDRESS_INVALID",
            ["shippingAddress", "countryCode"],
        ),
        (
            {"shippingAddress": {**ADDRESS, "countryCode": "AQ"}, "deliveryOptionId": STANDARD},
            "DELIVERY_OPTION_UNAVAILABLE",
            ["deliveryOptionId"],
        ),
    ],
)
async def test_a_refused_detail_changes_nothing(
    api: Api, cart: dict[str, Any], values: dict[str, Any], code: str, field: list[str]
) -> None:
    payload = await api.cart_mutation("cartUpdate", cartId=cart["id"], **{"note": "New", **values})

    assert payload["cart"] is None
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [(code, field)]
    assert await api.cart(cart["id"]) == cart


async def test_a_billing_address_may_be_anywhere(api: Api, cart: dict[str, Any]) -> None:
    payload = await api.cart_mutation("cartUpdate", cartId=cart["id"], billingAddress={**ADDRESS, "countryCode": "AQ"})

    assert payload["userErrors"] == []


@pytest.mark.parametrize("option", ["", "express", "ship_", "prod_2"])
async def test_a_malformed_delivery_option_is_an_error(api: Api, cart: dict[str, Any], option: str) -> None:
    answer = await api(
        "mutation ($i: CartUpdateInput!) { cartUpdate(input: $i) { cart { id } } }",
        i={"cartId": cart["id"], "deliveryOptionId": option},
    )

    assert answer.codes() == ["BAD_USER_INPUT"]
    assert await api.cart(cart["id"]) == cart


def _changes(cart: dict[str, Any]) -> dict[str, dict[str, Any]]:
    line_id = cart["lines"]["nodes"][0]["id"]
    return {
        "cartLinesUpdate": {"lines": [{"lineId": line_id, "quantity": 3}]},
        "cartUpdate": {"note": "New"},
        "cartLinesRemove": {"lineIds": [line_id]},
    }


@pytest.mark.parametrize("version", [0, 2, -1, 2**31 - 1])
async def test_another_version_than_the_expected_one_changes_nothing(
    api: Api, cart: dict[str, Any], version: int
) -> None:
    for name, values in _changes(cart).items():
        payload = await api.cart_mutation(name, cartId=cart["id"], expectedVersion=version, **values)

        assert payload["cart"] is None
        assert payload["userErrors"] == [
            {
                "__typename": "VersionConflictError",
                "code": "VERSION_CONFLICT",
                "message": f"The cart is at version 1, not {version}: read it again.",
                "field": ["expectedVersion"],
                "retryable": True,
                "expectedVersion": version,
                "currentVersion": 1,
            }
        ]
    assert await api.cart(cart["id"]) == cart


async def test_the_expected_version_lets_every_change_through(api: Api, cart: dict[str, Any]) -> None:
    for version, (name, values) in enumerate(_changes(cart).items(), start=1):
        payload = await api.cart_mutation(name, cartId=cart["id"], expectedVersion=version, **values)
        assert (payload["userErrors"], payload["cart"]["version"]) == ([], version + 1)


async def test_no_expected_version_is_no_check(api: Api, cart: dict[str, Any]) -> None:
    payload = await api.cart_mutation("cartUpdate", cartId=cart["id"], expectedVersion=None, note="New")

    assert payload["cart"]["version"] == 2
