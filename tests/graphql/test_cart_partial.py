"""`onError: PARTIAL`: what fits goes in, and the answer says what does not."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.quantity import QuantityRule
from tests.shopkeeping import Api, Shopkeeper, Stocked, variant_public_id


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=5)


@pytest.fixture
async def cup(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Cup")


def line(of: Stocked, quantity: int) -> dict[str, Any]:
    return {"variantId": variant_public_id(of.variant_id), "quantity": quantity}


def lines_of(cart: dict[str, Any]) -> list[tuple[str, int]]:
    return [(each["variant"]["sku"], each["quantity"]) for each in cart["lines"]["nodes"]]


async def test_all_or_nothing_is_the_default(api: Api, mug: Stocked, cup: Stocked) -> None:
    cart = (await api.cart_create())["cart"]
    lines = [line(mug, 8), line(cup, 1)]

    for more in ({}, {"onError": "ALL_OR_NOTHING"}, {"onError": None}):
        payload = await api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=lines, **more)
        assert payload["cart"] is None
        (error,) = payload["userErrors"]
        assert (error["requested"], error["available"], error["applied"]) == (8, 5, 0)
    assert await api.cart(cart["id"]) == cart


async def test_partial_takes_what_there_is_and_says_what_there_is_not(
    api: Api, keeper: Shopkeeper, mug: Stocked, cup: Stocked
) -> None:
    packs = await keeper.stock("Pack", quantity_rule=QuantityRule(minimum=6, step=6))
    cart = (await api.cart_create(lines=[line(mug, 1)]))["cart"]
    lines = [line(mug, 8), line(cup, 2), line(packs, 8), {"variantId": "var_zzzz"}]

    payload = await api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=lines, onError="PARTIAL")

    assert lines_of(payload["cart"]) == [(mug.sku, 5), (cup.sku, 2), (packs.sku, 6)]
    assert payload["cart"]["version"] == 2
    assert await api.cart(cart["id"]) == payload["cart"]
    short, in_sixes, unknown = payload["userErrors"]
    assert (short["__typename"], short["field"]) == ("InsufficientStockError", ["lines", "0", "quantity"])
    assert (short["requested"], short["available"], short["applied"]) == (9, 5, 4)
    assert short["lineId"] == cart["lines"]["nodes"][0]["id"]
    assert (in_sixes["__typename"], in_sixes["requested"], in_sixes["applied"]) == ("QuantityOutOfRangeError", 8, 6)
    assert (unknown["code"], unknown["field"]) == ("VARIANT_UNAVAILABLE", ["lines", "3", "variantId"])


async def test_partial_of_nothing_changes_nothing(api: Api, mug: Stocked) -> None:
    cart = (await api.cart_create(lines=[line(mug, 5)]))["cart"]

    payload = await api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=[line(mug, 1)], onError="PARTIAL")

    assert payload["cart"] is None
    assert [(error["code"], error["applied"]) for error in payload["userErrors"]] == [("INSUFFICIENT_STOCK", 0)]
    assert await api.cart(cart["id"]) == cart


async def test_partial_minds_the_version(api: Api, mug: Stocked) -> None:
    cart = (await api.cart_create())["cart"]
    values = {"cartId": cart["id"], "lines": [line(mug, 1)], "onError": "PARTIAL"}

    refused = await api.cart_mutation("cartLinesAdd", **values, expectedVersion=7)
    taken = await api.cart_mutation("cartLinesAdd", **values, expectedVersion=1)

    assert [error["code"] for error in refused["userErrors"]] == ["VERSION_CONFLICT"]
    assert (taken["cart"]["version"], taken["userErrors"]) == (2, [])


async def test_a_partial_call_sent_again_with_another_selection_still_says_what_was_left_out(
    api: Api, mug: Stocked
) -> None:
    cart = (await api.cart_create())["cart"]
    values = {"cartId": cart["id"], "lines": [line(mug, 8)], "onError": "PARTIAL", "idempotencyKey": "once"}
    await api.cart_mutation("cartLinesAdd", **values)
    query = """mutation ($i: CartLinesAddInput!) { cartLinesAdd(input: $i) {
      cart { totalQuantity } userErrors { ... on InsufficientStockError { requested available applied } } } }"""

    answer = await api.data(query, i=values)

    assert answer["cartLinesAdd"] == {
        "cart": {"totalQuantity": 5},
        "userErrors": [{"requested": 8, "available": 5, "applied": 5}],
    }
