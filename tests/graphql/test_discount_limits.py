"""Usage limits under real concurrency: an order that is one too many does not get its discount, whoever comes first."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import text

from tests.buying import buy
from tests.graphql.test_discount_codes import lines, mutated, read, ready
from tests.market import Market
from tests.shopkeeping import ADDRESS

BUYERS = 100


async def uses(market: Market, code: str) -> tuple[int, int]:
    """Counted, and recorded."""
    query = text("""SELECT used, (SELECT count(*) FROM promotion_use WHERE promotion_id = promotion.id) AS recorded
                    FROM promotion WHERE code = :code""")
    async with market.shop.database.read_fresh() as connection:
        row = (await connection.execute(query, {"code": code})).one()
    return row.used, row.recorded


async def carts(market: Market, count: int, code: str, *, email: str | None = None) -> list[Any]:
    thing = await market.keeper.stock(on_hand=1_000)

    async def cart(number: int) -> Any:
        payload = await mutated(
            market,
            "cartCreate",
            lines=lines((thing, 1)),
            email=email or f"buyer-{number}@example.com",
            shippingAddress=ADDRESS,
            discountCodes=[code],
        )
        assert payload["userErrors"] == []
        return await ready(market, payload["cart"])

    return [await cart(number) for number in range(count)]


def outcomes(answers: list[Any]) -> tuple[int, set[tuple[str, ...]]]:
    refused = [answer for answer in answers if answer["__typename"] == "CheckoutFailed"]
    paid = [answer for answer in answers if answer["__typename"] == "CheckoutCompleted"]
    assert len(paid) + len(refused) == len(answers)
    return len(paid), {tuple(error["code"] for error in answer["userErrors"]) for answer in refused}


async def test_a_hundred_completions_at_once_use_a_code_as_often_as_it_may_be(market: Market) -> None:
    await market.terms("promotions: [{key: few, name: Few, code: FEW, percent: 10, usageLimit: 30}]")
    waiting = await carts(market, BUYERS, "FEW")

    paid, refusals = outcomes(await asyncio.gather(*(buy(market.api, cart, "limits") for cart in waiting)))

    assert paid == 30
    assert refusals == {("DISCOUNT_NOT_APPLICABLE", "PRICE_CHANGED")}
    assert await uses(market, "FEW") == (30, 30)


async def test_a_customer_uses_a_code_as_often_as_one_may(market: Market) -> None:
    await market.terms("promotions: [{key: two, name: Two, code: TWO, percent: 10, usageLimitPerCustomer: 2}]")
    waiting = await carts(market, 20, "TWO", email="Greedy@Example.com")

    paid, _ = outcomes(await asyncio.gather(*(buy(market.api, cart, "limits") for cart in waiting)))

    assert paid == 2
    assert await uses(market, "TWO") == (2, 2)


async def test_first_orders_of_one_buyer_at_once_are_one_first_order(market: Market) -> None:
    await market.terms("promotions: [{key: new, name: New, code: NEW, percent: 10, firstOrderOnly: true}]")
    waiting = await carts(market, 10, "NEW", email="twice-new@example.com")

    paid, _ = outcomes(await asyncio.gather(*(buy(market.api, cart, "limits") for cart in waiting)))

    assert paid == 1


async def test_two_limited_codes_in_any_order_do_not_deadlock(market: Market) -> None:
    await market.terms("""
promotions:
  - {key: a, name: A, code: AAA, percent: 10, usageLimit: 1000}
  - {key: b, name: B, code: BBB, percent: 10, usageLimit: 1000}
""")
    waiting = []
    for place, cart in enumerate(await carts(market, 30, "AAA")):
        codes = ["AAA", "BBB"] if place % 2 else ["BBB", "AAA"]
        waiting.append((await mutated(market, "cartDiscountCodesSet", cartId=cart["id"], codes=codes))["cart"])

    paid, _ = outcomes(await asyncio.gather(*(buy(market.api, cart, "limits") for cart in waiting)))

    assert paid == 30
    assert (await uses(market, "AAA"), await uses(market, "BBB")) == ((30, 30), (30, 30))


async def test_a_payment_that_fails_gives_the_use_back(market: Market) -> None:
    await market.terms("promotions: [{key: one, name: One, code: ONE, percent: 10, usageLimit: 1}]")
    first, second = await carts(market, 2, "ONE")

    declined = await market.api.checkout(first, pay="pm_card_chargeDeclined")
    after_decline = await uses(market, "ONE")
    paid = await market.api.checkout(second)
    too_late = await market.api.checkout(await read(market, first))

    assert (declined["__typename"], after_decline) == ("CheckoutFailed", (0, 0))
    assert (paid["__typename"], await uses(market, "ONE")) == ("CheckoutCompleted", (1, 1))
    assert too_late["__typename"] == "CheckoutCompleted"  # at the price that the cart showed, without the discount
    assert (await read(market, first))["discountCodes"][0]["reason"] == "USAGE_LIMIT"


async def test_a_limit_counts_the_orders_from_before_it_was_set(market: Market) -> None:
    entry = "promotions: [{key: grown, name: Grown, code: GROWN, percent: 10%s}]"
    await market.terms(entry % "")
    for cart in await carts(market, 2, "GROWN"):
        await market.api.checkout(cart)
    assert await uses(market, "GROWN") == (0, 2)

    await market.terms(entry % ", usageLimit: 2")

    assert await uses(market, "GROWN") == (2, 2)
    thing = await market.keeper.stock()
    refused = await mutated(market, "cartCreate", lines=lines((thing, 1)), discountCodes=["GROWN"])
    assert [error["reason"] for error in refused["userErrors"]] == ["USAGE_LIMIT"]


async def test_orders_and_refused_payments_at_once_do_not_wait_in_a_circle(market: Market) -> None:
    await market.terms("""
promotions:
  - {key: open, name: Open, code: OPEN, percent: 10}
  - {key: counted, name: Counted, percent: 5, usageLimit: 1000}
""")
    waiting = await carts(market, 40, "OPEN")  # of one variant, so they share its stock too

    answers = await asyncio.gather(
        *(
            buy(market.api, cart, "circle", pay="pm_card_visa" if place % 2 else "pm_card_visa_chargeDeclined")
            for place, cart in enumerate(waiting)
        )
    )

    assert [answer["__typename"] for answer in answers] == ["CheckoutFailed", "CheckoutCompleted"] * 20
    assert await uses(market, "OPEN") == (0, 20)
