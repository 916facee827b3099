"""The checkout through the API: what the buyer is told, and what became of money and stock."""

from __future__ import annotations

import asyncio

from tests.shopkeeping import Api, Shopkeeper


async def test_a_paid_cart_becomes_an_order_that_its_token_opens(api: Api, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Mug", on_hand=5, price="18.00")
    cart = await api.ready_cart((mug.variant_id, 2))

    outcome = await api.checkout(cart)

    assert outcome["__typename"] == "CheckoutCompleted"
    order = await api.data(
        """query ($token: String!) { order(by: {accessToken: $token}) {
          number status paymentStatus cost { total { amount } } } }""",
        token=outcome["orderAccessToken"],
    )
    assert order["order"]["status"] == "CONFIRMED"
    assert order["order"]["paymentStatus"] == "PAID"
    assert order["order"]["cost"]["total"]["amount"] == "40.90"
    assert await keeper.level(mug.variant_id) == (3, 0)


async def test_the_last_unit_goes_to_one_of_two_buyers(api: Api, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Last mug", on_hand=1)
    carts = [await api.ready_cart((mug.variant_id, 1)) for _ in range(2)]

    outcomes = await asyncio.gather(*(api.checkout(cart) for cart in carts))

    assert sorted(outcome["__typename"] for outcome in outcomes) == ["CheckoutCompleted", "CheckoutFailed"]
    assert await keeper.level(mug.variant_id) == (0, 0)
