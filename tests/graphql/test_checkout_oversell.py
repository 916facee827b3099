"""Many buyers, few units: never more orders than units, and none too few."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import text

from app.bootstrap import Shop
from app.core.ids import VariantId
from tests.buying import REPEATS, buy
from tests.shopkeeping import Api, Provider, Shopkeeper


async def reservations(shop: Shop, variant_id: VariantId) -> list[tuple[str, int]]:
    async with shop.database.read_fresh() as connection:
        query = text("SELECT state, sum(quantity)::int AS units FROM reservation WHERE variant_id = :id GROUP BY state")
        return [(row.state, row.units) for row in await connection.execute(query, {"id": variant_id})]


async def test_30_buyers_of_10_units_are_10_orders(
    api: Api, shop: Shop, keeper: Shopkeeper, provider: Provider
) -> None:
    mug = await keeper.stock("Wanted", on_hand=10, price="18.00")
    carts = [await api.ready_cart((mug.variant_id, 1)) for _ in range(30)]

    outcomes = await asyncio.gather(*(buy(api, cart, "wanted") for cart in carts))

    paid = [outcome for outcome in outcomes if outcome["__typename"] == "CheckoutCompleted"]
    refused = [outcome for outcome in outcomes if outcome["__typename"] == "CheckoutFailed"]
    assert (len(paid), len(refused)) == (10, 20)
    assert len({outcome["order"]["number"] for outcome in paid}) == 10
    assert [outcome["userErrors"] for outcome in refused] == [
        [{"code": "INSUFFICIENT_STOCK", "requested": 1, "available": 0}]
    ] * 20
    assert await keeper.level(mug.variant_id) == (0, 0)
    assert await reservations(shop, mug.variant_id) == [("sold", 10)]
    assert [await provider.ledger(outcome["attempt"]["id"]) for outcome in paid] == [[("charge_succeeded", 2_290)]] * 10


async def test_units_of_declined_cards_go_to_the_next_buyer(api: Api, shop: Shop, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Wanted", on_hand=3)
    good = [await api.ready_cart((mug.variant_id, 1)) for _ in range(6)]
    bad = [await api.ready_cart((mug.variant_id, 1)) for _ in range(6)]

    async def insist(cart: dict[str, Any]) -> str:
        for number in range(REPEATS):
            outcome = await buy(api, cart, f"try {number}")
            if outcome["__typename"] == "CheckoutCompleted":
                return "paid"
            if (await keeper.level(mug.variant_id)) == (0, 0):
                return "sold out"
            await asyncio.sleep(0.01)
        raise AssertionError("neither paid nor sold out")

    results, declined = await asyncio.gather(
        asyncio.gather(*map(insist, good)),
        asyncio.gather(*(buy(api, cart, "bad", pay="pm_card_visa_chargeDeclined") for cart in bad)),
    )

    assert sorted(results) == ["paid"] * 3 + ["sold out"] * 3
    assert {outcome["__typename"] for outcome in declined} == {"CheckoutFailed"}
    assert await keeper.level(mug.variant_id) == (0, 0)
    assert dict(await reservations(shop, mug.variant_id))["sold"] == 3
    assert "held" not in dict(await reservations(shop, mug.variant_id))


async def test_carts_with_the_same_things_in_opposite_order_do_not_block_each_other(
    api: Api, keeper: Shopkeeper
) -> None:
    one, two = [await keeper.stock(name, on_hand=50) for name in ("One", "Two")]
    lines = [(one.variant_id, 1), (two.variant_id, 2)]
    carts = [await api.ready_cart(*(lines if number % 2 else lines[::-1])) for number in range(12)]

    outcomes = await asyncio.gather(*(buy(api, cart, "crossing") for cart in carts))

    assert [outcome["__typename"] for outcome in outcomes] == ["CheckoutCompleted"] * 12
    assert await keeper.level(one.variant_id) == (38, 0)
    assert await keeper.level(two.variant_id) == (26, 0)


async def test_a_cart_of_which_one_thing_is_short_takes_nothing(api: Api, keeper: Shopkeeper) -> None:
    plenty = await keeper.stock("Plenty", on_hand=50)
    last = await keeper.stock("Last", on_hand=1)
    carts = [await api.ready_cart((plenty.variant_id, 5), (last.variant_id, 1)) for _ in range(5)]

    outcomes = await asyncio.gather(*(buy(api, cart, "bundle") for cart in carts))

    assert sorted(outcome["__typename"] for outcome in outcomes) == ["CheckoutCompleted"] + ["CheckoutFailed"] * 4
    assert await keeper.level(plenty.variant_id) == (45, 0)
    assert await keeper.level(last.variant_id) == (0, 0)
