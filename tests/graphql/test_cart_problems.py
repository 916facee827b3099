"""What has changed since a cart was filled: shown at every read, stored never."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.core.money import Money
from tests.shopkeeping import ADDRESS, USD, Api, Shopkeeper, Stocked, variant_public_id

PROBLEMS = """query ($id: ID!) { cart(id: $id) {
  version cost { subtotal { amount } total { amount } } readiness { ready missing }
  problems { __typename
    ... on LineUnavailable { line { id quantity variant { sku } } }
    ... on LineInsufficientStock { available line { id quantity } }
    ... on LinePriceChanged { before { amount } after { amount } line { id } }
    ... on DeliveryOptionGone { message } }
  lines { nodes { id unitPrice { amount } unitPriceWhenAdded { amount } total { amount } variant { sku }
    problems { __typename } } } } }"""


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=10, price="18.00", sizes=("S", "L"))


@pytest.fixture
async def cart(api: Api, mug: Stocked) -> dict[str, Any]:
    """A ready cart with three small mugs."""
    return await api.ready_cart((mug.variant_id, 3))


async def reprice(keeper: Shopkeeper, mug: Stocked, price: str) -> None:
    variants = tuple(replace(variant, price=Money.parse(price, USD)) for variant in mug.draft.variants)
    await keeper.store(replace(mug.draft, variants=variants))


async def read(api: Api, cart: dict[str, Any]) -> dict[str, Any]:
    return (await api.data(PROBLEMS, id=cart["id"]))["cart"]


@pytest.mark.parametrize("price", ["20.00", "16.00", "0.00"])
async def test_a_changed_price_is_the_price_and_is_told(
    api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any], price: str
) -> None:
    line_id = cart["lines"]["nodes"][0]["id"]
    await reprice(keeper, mug, price)

    found = await read(api, cart)

    subtotal = Money.parse(price, USD) * 3
    assert found["problems"] == [
        {
            "__typename": "LinePriceChanged",
            "before": {"amount": "18.00"},
            "after": {"amount": price},
            "line": {"id": line_id},
        }
    ]
    assert found["lines"]["nodes"] == [
        {
            "id": line_id,
            "unitPrice": {"amount": price},
            "unitPriceWhenAdded": {"amount": "18.00"},
            "total": {"amount": str(subtotal.amount)},
            "variant": {"sku": mug.sku},
            "problems": [{"__typename": "LinePriceChanged"}],
        }
    ]
    assert found["cost"]["subtotal"] == {"amount": str(subtotal.amount)}
    assert found["readiness"] == {"ready": True, "missing": []}
    assert found["version"] == cart["version"]


async def test_a_price_that_changes_back_is_no_problem_any_more(
    api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any]
) -> None:
    await reprice(keeper, mug, "20.00")
    await reprice(keeper, mug, "18.00")

    assert (await read(api, cart))["problems"] == []


async def test_changing_the_line_accepts_the_new_price(
    api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any]
) -> None:
    await reprice(keeper, mug, "20.00")
    line_id = cart["lines"]["nodes"][0]["id"]

    payload = await api.cart_mutation("cartLinesUpdate", cartId=cart["id"], lines=[{"lineId": line_id, "quantity": 3}])

    (line,) = payload["cart"]["lines"]["nodes"]
    assert (line["unitPriceWhenAdded"], line["problems"]) == ({"amount": "20.00"}, [])


async def test_units_that_were_sold_since_are_told_with_what_is_left(
    api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any]
) -> None:
    await api.checkout(await api.ready_cart((mug.variant_id, 8)))

    found = await read(api, cart)

    assert found["problems"] == [
        {
            "__typename": "LineInsufficientStock",
            "available": 2,
            "line": {"id": cart["lines"]["nodes"][0]["id"], "quantity": 3},
        }
    ]
    assert found["readiness"] == {"ready": False, "missing": ["PROBLEMS_RESOLVED"]}
    assert found["cost"]["total"] == {"amount": "58.90"}


async def test_lines_of_one_variant_share_what_is_left_in_their_order(
    api: Api, keeper: Shopkeeper, mug: Stocked
) -> None:
    variant = variant_public_id(mug.variant_id)
    lines = [
        {"variantId": variant, "quantity": 4, "attributes": [{"key": "Engraving", "value": str(number)}]}
        for number in range(2)
    ]
    cart = (await api.cart_create(lines=lines))["cart"]
    await api.checkout(await api.ready_cart((mug.variant_id, 5)))

    found = await read(api, cart)

    assert found["problems"] == [
        {
            "__typename": "LineInsufficientStock",
            "available": 1,
            "line": {"id": cart["lines"]["nodes"][1]["id"], "quantity": 4},
        }
    ]
    assert [line["problems"] for line in found["lines"]["nodes"]] == [[], [{"__typename": "LineInsufficientStock"}]]


async def test_a_line_that_is_sold_out_and_dearer_has_two_problems(
    api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any]
) -> None:
    dearer = tuple(replace(each, price=Money.parse("19.00", USD), on_hand=0) for each in mug.draft.variants)
    await keeper.store(replace(mug.draft, variants=dearer))

    found = await read(api, cart)

    assert [problem["__typename"] for problem in found["problems"]] == ["LineInsufficientStock", "LinePriceChanged"]
    assert found["problems"][0]["available"] == 0


async def test_a_variant_that_is_no_longer_sold_keeps_its_last_price_and_blocks(
    api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any]
) -> None:
    await keeper.store(replace(mug.draft, variants=mug.draft.variants[1:]))
    line_id = cart["lines"]["nodes"][0]["id"]

    found = await read(api, cart)
    refused = await api.cart_mutation(
        "cartLinesAdd", cartId=cart["id"], lines=[{"variantId": variant_public_id(mug.variant_id)}]
    )
    removed = await api.cart_mutation("cartLinesRemove", cartId=cart["id"], lineIds=[line_id])

    assert found["problems"] == [
        {"__typename": "LineUnavailable", "line": {"id": line_id, "quantity": 3, "variant": None}}
    ]
    assert found["lines"]["nodes"][0]["variant"] is None
    assert found["lines"]["nodes"][0]["unitPrice"] == {"amount": "18.00"}
    assert found["readiness"] == {"ready": False, "missing": ["PROBLEMS_RESOLVED"]}
    assert [error["code"] for error in refused["userErrors"]] == ["VARIANT_UNAVAILABLE"]
    assert removed["cart"]["problems"] == []


async def test_a_delivery_that_is_gone_with_the_lines_that_needed_it_is_no_problem(
    api: Api, keeper: Shopkeeper, cart: dict[str, Any]
) -> None:
    download = await keeper.stock("Download", price="5.00", requires_shipping=False)
    await api.cart_mutation(
        "cartLinesAdd", cartId=cart["id"], lines=[{"variantId": variant_public_id(download.variant_id)}]
    )

    payload = await api.cart_mutation("cartLinesRemove", cartId=cart["id"], lineIds=[cart["lines"]["nodes"][0]["id"]])

    assert payload["cart"]["problems"] == []
    assert payload["cart"]["selectedDeliveryOption"] is None
    assert payload["cart"]["cost"]["total"]["amount"] == "5.00"
    assert payload["cart"]["readiness"] == {"ready": True, "missing": []}


async def test_something_to_deliver_in_a_cart_for_where_the_shop_does_not_deliver_to(
    api: Api, keeper: Shopkeeper, mug: Stocked
) -> None:
    download = await keeper.stock("Download", requires_shipping=False)
    far = {**ADDRESS, "countryCode": "AQ"}
    cart = (
        await api.cart_create(
            lines=[{"variantId": variant_public_id(download.variant_id)}], shippingAddress=far, email="ada@example.com"
        )
    )["cart"]

    payload = await api.cart_mutation(
        "cartLinesAdd", cartId=cart["id"], lines=[{"variantId": variant_public_id(mug.variant_id)}]
    )

    assert payload["userErrors"] == []
    assert payload["cart"]["deliveryOptions"] == []
    assert payload["cart"]["readiness"] == {"ready": False, "missing": ["DELIVERY_OPTION"]}
