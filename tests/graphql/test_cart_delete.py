"""Carts that somebody deletes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.bootstrap import Shop
from app.core.ids import decode
from tests.shopkeeping import Api, ManualClock, Shopkeeper, Stocked


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=10)


@pytest.fixture
async def cart(api: Api, mug: Stocked) -> dict[str, Any]:
    return await api.ready_cart((mug.variant_id, 2))


async def test_a_deleted_cart_is_gone_with_its_lines(api: Api, shop: Shop, cart: dict[str, Any]) -> None:
    payload = await api.delete(cart)

    assert payload == {"deletedId": cart["id"], "userErrors": []}
    assert await api.cart(cart["id"]) is None
    async with shop.database.read_fresh() as connection:
        query = text("SELECT count(*) FROM cart_line WHERE cart_id = :id")
        assert await connection.scalar(query, {"id": decode(cart["id"])[1]}) == 0
    again = await api.delete(cart)
    assert [(error["code"], error["field"]) for error in again["userErrors"]] == [("NOT_FOUND", ["cartId"])]


@pytest.mark.parametrize(
    ("pay", "code"), [("pm_card_visa", "CART_COMPLETED"), ("pm_card_threeDSecure2Required", "CART_LOCKED")]
)
async def test_a_cart_that_an_order_belongs_to_stays(api: Api, cart: dict[str, Any], pay: str, code: str) -> None:
    await api.checkout(cart, pay=pay)

    payload = await api.delete(cart)

    assert payload["deletedId"] is None
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [(code, ["cartId"])]
    assert await api.cart(cart["id"]) is not None


async def test_a_version_that_is_not_the_carts_keeps_it(api: Api, cart: dict[str, Any]) -> None:
    refused = await api.delete(cart, expectedVersion=1)
    deleted = await api.delete(cart, expectedVersion=2)

    assert [error["code"] for error in refused["userErrors"]] == ["VERSION_CONFLICT"]
    assert deleted["deletedId"] == cart["id"]


async def test_a_cart_that_has_expired_or_was_merged_can_be_deleted(
    api: Api, clock: ManualClock, cart: dict[str, Any], mug: Stocked
) -> None:
    target = await api.ready_cart((mug.variant_id, 1))
    await api.merge(cart, target)

    with clock.turned(timedelta(days=31)):
        expired = await api.delete(target)
    merged = await api.delete(cart)

    assert [payload["deletedId"] for payload in (expired, merged)] == [target["id"], cart["id"]]


async def test_strangers_cannot_delete_a_customers_cart(api: Api, customers: tuple[Api, Api], mug: Stocked) -> None:
    ada, ben = customers
    cart = await ada.ready_cart((mug.variant_id, 1))

    for stranger in (api, ben):
        assert [error["code"] for error in (await stranger.delete(cart))["userErrors"]] == ["NOT_FOUND"]
    assert (await ada.delete(cart))["deletedId"] == cart["id"]
