"""Whose a cart is: a guest's opens to its id, a customer's to that customer alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.shopkeeping import CART, USER_ERRORS, Api, Shopkeeper, Stocked, variant_public_id

NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on Cart {{ {CART} }} }} }}"


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug")


def lines(mug: Stocked) -> list[dict[str, Any]]:
    return [{"variantId": variant_public_id(mug.variant_id), "quantity": 2}]


def changes(cart: dict[str, Any], mug: Stocked) -> dict[str, dict[str, Any]]:
    line_id = cart["lines"]["nodes"][0]["id"]
    return {
        "cartLinesAdd": {"lines": lines(mug)},
        "cartLinesUpdate": {"lines": [{"lineId": line_id, "quantity": 1}]},
        "cartLinesRemove": {"lineIds": [line_id]},
        "cartUpdate": {"note": "mine"},
    }


async def test_a_cart_made_while_signed_in_is_seen_by_that_customer_alone(
    api: Api, customers: tuple[Api, Api], mug: Stocked
) -> None:
    ada, ben = customers
    cart = (await ada.cart_create(lines=lines(mug)))["cart"]

    for stranger in (api, ben):
        assert await stranger.cart(cart["id"]) is None
        assert (await stranger.data(NODE, id=cart["id"]))["node"] is None
        for name, values in changes(cart, mug).items():
            payload = await stranger.cart_mutation(name, cartId=cart["id"], **values)
            assert payload["cart"] is None, name
            assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("NOT_FOUND", ["cartId"])]
        outcome = await stranger.checkout(cart)
        assert (outcome["cart"], [error["code"] for error in outcome["userErrors"]]) == (None, ["NOT_FOUND"])
    assert await ada.cart(cart["id"]) == cart


async def test_a_customers_own_cart_can_be_changed_and_paid(
    api: Api, customers: tuple[Api, Api], keeper: Shopkeeper, mug: Stocked
) -> None:
    ada, _ = customers
    cart = await ada.ready_cart((mug.variant_id, 1))

    outcome = await ada.checkout(cart)

    assert outcome["__typename"] == "CheckoutCompleted"
    attempt = "query ($id: ID!) { checkoutAttempt(id: $id) { state cart { id } } }"
    assert (await ada.data(attempt, id=outcome["attempt"]["id"]))["checkoutAttempt"]["cart"] == {"id": cart["id"]}
    assert (await api.data(attempt, id=outcome["attempt"]["id"]))["checkoutAttempt"] is None


async def test_a_guests_cart_stays_a_guests_whoever_signs_in(
    api: Api, customers: tuple[Api, Api], mug: Stocked
) -> None:
    cart = (await api.cart_create(lines=lines(mug)))["cart"]

    for each in customers:
        assert (await each.cart(cart["id"]))["id"] == cart["id"]
        await each.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=lines(mug))

    assert (await api.cart(cart["id"]))["totalQuantity"] == 6


async def test_a_customer_can_claim_a_guests_cart(api: Api, customers: tuple[Api, Api], mug: Stocked) -> None:
    ada, ben = customers
    cart = (await api.cart_create(lines=lines(mug)))["cart"]

    claimed = await ada.cart_mutation("cartUpdate", cartId=cart["id"], claim=True)
    taken = await ben.cart_mutation("cartUpdate", cartId=cart["id"], claim=True)

    assert claimed["cart"]["version"] == 2
    assert [error["code"] for error in taken["userErrors"]] == ["NOT_FOUND"]
    assert [await each.cart(cart["id"]) is None for each in (api, ada, ben)] == [True, False, True]


async def test_a_guest_cannot_claim_a_cart(api: Api, mug: Stocked) -> None:
    cart = (await api.cart_create(lines=lines(mug)))["cart"]
    query = f"mutation ($i: CartUpdateInput!) {{ cartUpdate(input: $i) {{ cart {{ id }} {USER_ERRORS} }} }}"

    answer = await api(query, i={"cartId": cart["id"], "claim": True})

    assert answer.codes() == ["UNAUTHENTICATED"]
    assert await api.cart(cart["id"]) == cart
