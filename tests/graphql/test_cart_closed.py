"""Carts that cannot be changed any more: in checkout, completed, expired."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.shopkeeping import Api, ManualClock, Shopkeeper, Stocked, variant_public_id

CHANGES: dict[str, Callable[[dict[str, Any], Stocked], dict[str, Any]]] = {
    "cartLinesAdd": lambda _, mug: {"lines": [{"variantId": variant_public_id(mug.variant_id)}]},
    "cartLinesUpdate": lambda cart, _: {"lines": [{"lineId": cart["lines"]["nodes"][0]["id"], "quantity": 1}]},
    "cartLinesRemove": lambda cart, _: {"lineIds": [cart["lines"]["nodes"][0]["id"]]},
    "cartUpdate": lambda *_: {"note": "too late"},
}


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=10)


@pytest.fixture
async def cart(api: Api, mug: Stocked) -> dict[str, Any]:
    return await api.ready_cart((mug.variant_id, 2))


async def assert_closed(api: Api, cart_id: str, mug: Stocked, *, state: str, code: str) -> None:
    """No change gets in, a checkout neither, and the cart stays as it is."""
    before = await api.cart(cart_id)
    assert before["state"] == state
    for name, values in CHANGES.items():
        payload = await api.cart_mutation(name, cartId=cart_id, **values(before, mug))
        assert payload["cart"] is None, name
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [(code, ["cartId"])], name
    outcome = await api.checkout(before)
    assert outcome["__typename"] == "CheckoutFailed"
    assert outcome["failed"] is None
    assert [error["code"] for error in outcome["userErrors"]] == [code]
    assert await api.cart(cart_id) == before


async def test_while_a_payment_is_under_way_the_cart_is_locked(
    api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any]
) -> None:
    await api.checkout(cart, pay="pm_card_threeDSecure2Required")

    await assert_closed(api, cart["id"], mug, state="IN_CHECKOUT", code="CART_LOCKED")
    assert await keeper.level(mug.variant_id) == (10, 2)


async def test_a_paid_cart_is_completed(api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any]) -> None:
    await api.checkout(cart)

    await assert_closed(api, cart["id"], mug, state="COMPLETED", code="CART_COMPLETED")
    assert await keeper.level(mug.variant_id) == (8, 0)


async def test_a_cart_that_nobody_touches_for_30_days_expires(
    api: Api, clock: ManualClock, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any]
) -> None:
    with clock.turned(timedelta(days=30, minutes=1)):
        await assert_closed(api, cart["id"], mug, state="EXPIRED", code="CART_EXPIRED")

    assert (await api.cart(cart["id"]))["state"] == "ACTIVE"
    assert await keeper.level(mug.variant_id) == (10, 0)


async def test_every_change_gives_a_cart_another_30_days(api: Api, clock: ManualClock, cart: dict[str, Any]) -> None:
    async def expiry() -> datetime:
        answer = await api.data("query ($id: ID!) { cart(id: $id) { expiresAt } }", id=cart["id"])
        return datetime.fromisoformat(answer["cart"]["expiresAt"])

    first = await expiry()
    with clock.turned(timedelta(days=20)):
        refused = await api.cart_mutation("cartUpdate", cartId=cart["id"], email="nobody")
        unchanged = await expiry()
        await api.cart_mutation("cartUpdate", cartId=cart["id"], note="Still here")
        later = await expiry()
    with clock.turned(timedelta(days=40)):
        state = (await api.cart(cart["id"]))["state"]

    assert refused["cart"] is None
    assert unchanged == first
    assert timedelta(days=20) <= later - first < timedelta(days=20, minutes=5)
    assert state == "ACTIVE"


async def _pay(api: Api, cart: dict[str, Any]) -> None:
    await api.checkout(cart)


async def _begin(api: Api, cart: dict[str, Any]) -> None:
    await api.checkout(cart, pay="pm_card_threeDSecure2Required")


@pytest.mark.parametrize("close", [_pay, _begin])
async def test_a_closed_cart_is_told_before_a_version_conflict(
    api: Api, cart: dict[str, Any], close: Callable[[Api, dict[str, Any]], Awaitable[None]]
) -> None:
    await close(api, cart)

    payload = await api.cart_mutation("cartUpdate", cartId=cart["id"], expectedVersion=1, note="late")

    assert [error["code"] for error in payload["userErrors"]] in (["CART_COMPLETED"], ["CART_LOCKED"])


async def test_a_cart_in_checkout_names_its_attempt_and_a_completed_one_its_order(
    api: Api, keeper: Shopkeeper, mug: Stocked
) -> None:
    query = "query ($id: ID!) { cart(id: $id) { activeAttempt { id state } order { number status } } }"
    paid, waiting = [await api.ready_cart((mug.variant_id, 1)) for _ in range(2)]
    completed = await api.checkout(paid)
    required = await api.checkout(waiting, pay="pm_card_threeDSecure2Required")

    of_paid, of_waiting = [(await api.data(query, id=each["id"]))["cart"] for each in (paid, waiting)]

    assert of_paid == {
        "activeAttempt": None,
        "order": {"number": completed["order"]["number"], "status": "CONFIRMED"},
    }
    assert (
        of_waiting["activeAttempt"]
        == required["attempt"]
        == {
            "id": required["attempt"]["id"],
            "state": "ACTION_REQUIRED",
        }
    )
    assert of_waiting["order"]["status"] == "PENDING"
