"""Promotions as a shopper meets them: by themselves and by code, refused with a reason, kept with a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.market import Market
from tests.shopkeeping import ADDRESS, Stocked, variant_public_id

CART = """id version state
  cost { subtotal { amount } discount { amount } shipping { amount } total { amount currencyCode } }
  explain { kind label amount { amount } }
  lines { nodes { id discount { amount } total { amount } } } deliveryOptions { id }
  discountCodes { code applicable reason missing { amount } amount { amount } }
  problems { __typename ... on DiscountCodeInactive { code reason } } readiness { ready }"""
ERRORS = """userErrors { __typename code field message
  ... on DiscountNotApplicableError { discountCode reason missing { amount } } }"""

PROMOTIONS = """
promotions:
  - {key: ten, name: Ten percent, code: ten10, percent: 10}
  - {key: big, name: Big basket, code: BIG, amount: {USD: 20}, minimum: {USD: 100}}
  - {key: once, name: Welcome, code: WELCOME, percent: 20, firstOrderOnly: true}
  - {key: alone, name: Alone, code: ALONE, percent: 15, combinable: false}
  - {key: ship, name: Free delivery, code: SHIP, freeShipping: true}
  - {key: later, name: Later, code: LATER, percent: 5, startsAt: "2999-01-01T00:00:00Z"}
  - {key: over, name: Over, code: OVER, percent: 5, endsAt: "2000-01-01T00:00:00Z"}
  - {key: none, name: Nothing here, code: ELSEWHERE, percent: 5, brands: [No such brand]}
"""


def lines(*wanted: tuple[Stocked, int]) -> list[dict[str, Any]]:
    return [{"variantId": variant_public_id(each.variant_id), "quantity": count} for each, count in wanted]


async def mutated(market: Market, name: str, **values: Any) -> Any:
    kind = name[0].upper() + name[1:] + "Input"
    query = f"mutation ($i: {kind}!) {{ {name}(input: $i) {{ cart {{ {CART} }} {ERRORS} }} }}"
    return (await market.api.data(query, i=values))[name]


async def created(market: Market, *wanted: tuple[Stocked, int], **values: Any) -> Any:
    payload = await mutated(
        market, "cartCreate", lines=lines(*wanted), email="ada@example.com", shippingAddress=ADDRESS, **values
    )
    assert payload["userErrors"] == []
    return payload["cart"]


async def ready(market: Market, cart: Any) -> Any:
    option = cart["deliveryOptions"][0]["id"]
    return (await mutated(market, "cartUpdate", cartId=cart["id"], deliveryOptionId=option))["cart"]


async def read(market: Market, cart: Any) -> Any:
    return (await market.api.data(f"query ($id: ID!) {{ cart(id: $id) {{ {CART} }} }}", id=cart["id"]))["cart"]


async def test_a_code_in_any_case_takes_its_discount_off_the_lines(market: Market) -> None:
    await market.terms(PROMOTIONS)
    cart = await created(market, (await market.keeper.stock(price="9.99"), 1), (await market.keeper.stock(), 2))

    payload = await mutated(market, "cartDiscountCodesSet", cartId=cart["id"], codes=[" Ten10 "])

    cart = payload["cart"]
    assert [line["discount"]["amount"] for line in cart["lines"]["nodes"]] == ["1.00", "2.00"]
    assert cart["cost"]["discount"]["amount"] == "3.00"
    (code,) = cart["discountCodes"]
    assert code == {"code": "TEN10", "applicable": True, "reason": None, "missing": None, "amount": {"amount": "3.00"}}
    assert cart["explain"][-1] == {"kind": "CODE", "label": "Ten percent", "amount": {"amount": "-3.00"}}
    assert (await read(market, cart))["cost"] == cart["cost"]

    payload = await mutated(market, "cartDiscountCodesSet", cartId=cart["id"], codes=[])
    assert (payload["cart"]["discountCodes"], payload["cart"]["cost"]["discount"]["amount"]) == ([], "0.00")


@pytest.mark.parametrize(
    ("code", "reason", "missing"),
    [
        ("NO-SUCH", "UNKNOWN", None),
        ("LATER", "NOT_STARTED", None),
        ("OVER", "EXPIRED", None),
        ("BIG", "MINIMUM_NOT_MET", {"amount": "90.00"}),
        ("ELSEWHERE", "NO_ELIGIBLE_ITEM", None),
    ],
)
async def test_a_code_that_does_not_apply_is_refused_with_its_reason(
    market: Market, code: str, reason: str, missing: Any
) -> None:
    await market.terms(PROMOTIONS)
    cart = await created(market, (await market.keeper.stock(price="10.00"), 1))

    payload = await mutated(market, "cartDiscountCodesSet", cartId=cart["id"], codes=["TEN10", code])

    (error,) = payload["userErrors"]
    assert (error["__typename"], error["code"]) == ("DiscountNotApplicableError", "DISCOUNT_NOT_APPLICABLE")
    assert (error["discountCode"], error["reason"], error["missing"]) == (code, reason, missing)
    assert error["field"] == ["codes", "1"]
    unchanged = await read(market, cart)
    assert (unchanged["version"], unchanged["discountCodes"]) == (cart["version"], [])


async def test_a_cart_is_not_opened_with_a_code_that_does_not_apply(market: Market) -> None:
    await market.terms(PROMOTIONS)

    payload = await mutated(
        market, "cartCreate", lines=lines((await market.keeper.stock(), 1)), discountCodes=["ten10", "nope"]
    )

    assert payload["cart"] is None
    assert [(each["reason"], each["field"]) for each in payload["userErrors"]] == [("UNKNOWN", ["discountCodes", "1"])]


async def test_codes_that_cannot_be_combined_give_the_buyer_what_is_worth_more(market: Market) -> None:
    await market.terms(PROMOTIONS)
    thing = await market.keeper.stock(price="10.00")
    cart = await created(market, (thing, 1), discountCodes=["TEN10"])

    payload = await mutated(market, "cartDiscountCodesSet", cartId=cart["id"], codes=["TEN10", "ALONE"])

    codes = {each["code"]: (each["applicable"], each["reason"]) for each in payload["cart"]["discountCodes"]}
    assert codes == {"ALONE": (True, None), "TEN10": (False, "NOT_COMBINABLE")}
    assert payload["cart"]["cost"]["discount"]["amount"] == "1.50"


async def test_a_code_that_has_ended_stays_and_says_so_and_the_buyer_is_asked_again(market: Market) -> None:
    ends = market.clock.now() + timedelta(hours=1)
    await market.terms(f"promotions: [{{key: short, name: Short, code: SHORT, percent: 10, endsAt: '{ends:%FT%TZ}'}}]")
    cart = await ready(market, await created(market, (await market.keeper.stock(), 1), discountCodes=["SHORT"]))
    assert cart["cost"]["total"]["amount"] == "13.90"

    with market.clock.turned(timedelta(hours=2)):
        later = await read(market, cart)
        refused = await market.api.checkout(cart)
        accepted = await market.api.checkout(later)

    assert later["problems"] == [{"__typename": "DiscountCodeInactive", "code": "SHORT", "reason": "EXPIRED"}]
    assert (later["cost"]["total"]["amount"], later["readiness"]["ready"]) == ("14.90", True)
    assert [error["code"] for error in refused["userErrors"]] == ["DISCOUNT_NOT_APPLICABLE", "PRICE_CHANGED"]
    assert accepted["__typename"] == "CheckoutCompleted"


async def test_free_delivery_is_shown_as_delivery_that_costs_nothing(market: Market) -> None:
    await market.terms(PROMOTIONS)
    cart = await ready(market, await created(market, (await market.keeper.stock(), 1), discountCodes=["SHIP"]))

    assert (cart["cost"]["shipping"]["amount"], cart["cost"]["total"]["amount"]) == ("0.00", "10.00")
    assert cart["discountCodes"][0]["amount"] == {"amount": "4.90"}


async def test_a_first_order_code_is_for_a_first_order(market: Market) -> None:
    await market.terms(PROMOTIONS)
    thing = await market.keeper.stock()
    buyer = "first@example.com"
    first = await mutated(
        market,
        "cartCreate",
        lines=lines((thing, 1)),
        email=buyer,
        shippingAddress=ADDRESS,
        discountCodes=["WELCOME"],
    )
    paid_cart = await ready(market, first["cart"])
    paid = await market.api.checkout(paid_cart)

    again = await mutated(market, "cartCreate", lines=lines((thing, 1)), email=buyer.upper(), discountCodes=["WELCOME"])

    assert paid["order"]["cost"]["total"]["amount"] == "12.90"
    assert [each["reason"] for each in again["userErrors"]] == ["FIRST_ORDER_ONLY"]
    shown = await read(market, paid_cart)
    assert (shown["state"], shown["cost"], shown["problems"]) == ("COMPLETED", paid_cart["cost"], [])


async def test_promotions_that_need_no_code_apply_by_themselves(market: Market) -> None:
    await market.terms("promotions: [{key: auto, name: Two for one, buyXGetY: {buy: 1, get: 1}}]")

    cart = await created(market, (await market.keeper.stock(price="10.00"), 3))

    assert cart["cost"]["discount"]["amount"] == "10.00"
    assert cart["explain"][-1] == {"kind": "PROMOTION", "label": "Two for one", "amount": {"amount": "-10.00"}}


async def test_codes_have_bounds(market: Market) -> None:
    cart = await created(market, (await market.keeper.stock(), 1))

    for codes, field in ((["X" * 65], ["codes", "0"]), (["a", " "], ["codes", "1"]), ([*"abcdefghijk"], ["codes"])):
        payload = await mutated(market, "cartDiscountCodesSet", cartId=cart["id"], codes=codes)
        assert [(each["code"], each["field"]) for each in payload["userErrors"]] == [("INVALID", field)]
