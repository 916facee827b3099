"""Delivery and taxes as a shopper meets them: read with the cart, by where it goes, and kept by the order."""

from __future__ import annotations

from typing import Any

from tests.market import Market
from tests.shopkeeping import ADDRESS, Stocked, variant_public_id

COST = """cost { subtotal { amount } discount { amount } shipping { amount } tax { amount }
  total { amount currencyCode }
  taxLines { name rate amount { amount } isIncluded } isEstimated }"""
CART = f"""id version {COST} explain {{ kind label amount {{ amount }} }} requiresAddress: readiness {{ missing }}
  deliveryOptions {{ id name price {{ amount }} estimatedDays isPickUp }} selectedDeliveryOption {{ id name }}
  problems {{ __typename }}"""
ORDER = f"""query ($t: String!) {{ order(by: {{accessToken: $t}}) {{ {COST}
  delivery {{ name isPickUp price {{ amount }} }} }} }}"""

BERLIN = {"fullName": "Ada", "line1": "Allee 1", "city": "Berlin", "postalCode": "10115", "countryCode": "DE"}
DELIVERY = """
delivery:
  - zone: home
    countries: [US]
    methods:
      - {key: post, name: Post, days: 3, price: {USD: 4.90}, freeFrom: {USD: 75}}
      - key: parcel
        name: Parcel
        priceByWeight: [{upToGrams: 1000, price: {USD: 6}}, {upToGrams: 5000, price: {USD: 9}}]
      - {key: fetch, name: Fetch it in Portland, pickUp: true, price: {USD: 0}}
  - zone: islands
    countries: [US]
    regions: [HI, Hawaii]
    methods:
      - {key: air, name: Air mail, days: 9, price: {USD: 19}}
"""
TAXES = """
taxes:
  - country: US
    pricesIncludeTax: false
    regions:
      - {names: [NY, New York], rates: [{name: Sales tax, percent: 8.875}]}
  - country: DE
    pricesIncludeTax: true
    rates: [{name: MwSt. 19 %, percent: 19}]
"""


async def created(market: Market, *lines: tuple[Stocked, int], **values: Any) -> Any:
    query = f"mutation ($i: CartCreateInput!) {{ cartCreate(input: $i) {{ cart {{ {CART} }} userErrors {{ code }} }} }}"
    wanted = [{"variantId": variant_public_id(each.variant_id), "quantity": count} for each, count in lines]
    payload = (await market.api.data(query, i={"lines": wanted, "email": "ada@example.com", **values}))["cartCreate"]
    assert payload["userErrors"] == []
    return payload["cart"]


async def updated(market: Market, cart: Any, **values: Any) -> Any:
    query = f"mutation ($i: CartUpdateInput!) {{ cartUpdate(input: $i) {{ cart {{ {CART} }} userErrors {{ code }} }} }}"
    payload = (await market.api.data(query, i={"cartId": cart["id"], **values}))["cartUpdate"]
    assert payload["userErrors"] == []
    return payload["cart"]


async def read(market: Market, cart: Any) -> Any:
    return (await market.api.data(f"query ($id: ID!) {{ cart(id: $id) {{ {CART} }} }}", id=cart["id"]))["cart"]


def offered(cart: Any) -> list[tuple[str, str]]:
    return [(option["name"], option["price"]["amount"]) for option in cart["deliveryOptions"]]


async def test_a_shop_without_delivery_data_has_its_flat_rate(market: Market) -> None:
    cart = await created(market, (await market.keeper.stock(), 1))

    assert offered(cart) == [("Standard delivery", "4.90")]
    assert (cart["cost"]["tax"], cart["cost"]["taxLines"]) == (None, [])


async def test_delivery_is_offered_by_region_weight_and_value(market: Market) -> None:
    await market.terms(DELIVERY)
    light, heavy = await market.keeper.stock(price="10.00"), await market.keeper.stock(price="80.00")
    await market.execute(f"UPDATE variant SET weight_grams = 1200 WHERE id = {heavy.variant_id}")

    cart = await created(market, (light, 1), shippingAddress=ADDRESS)
    dear = await created(market, (heavy, 1), shippingAddress=ADDRESS)
    island = await created(
        market, (light, 1), shippingAddress={**ADDRESS, "city": "Honolulu", "region": " hawaii ", "postalCode": "96813"}
    )
    too_heavy = await created(market, (heavy, 5), shippingAddress=ADDRESS)

    assert offered(cart) == [("Fetch it in Portland", "0.00"), ("Post", "4.90"), ("Parcel", "6.00")]
    assert offered(dear) == [("Post", "0.00"), ("Fetch it in Portland", "0.00"), ("Parcel", "9.00")]
    assert offered(island) == [("Air mail", "19.00")]
    assert [name for name, _ in offered(too_heavy)] == ["Post", "Fetch it in Portland"]


async def test_an_address_that_nothing_is_delivered_to_is_refused(market: Market) -> None:
    await market.terms(DELIVERY)
    cart = await created(market, (await market.keeper.stock(), 1))

    query = "mutation ($i: CartUpdateInput!) { cartUpdate(input: $i) { userErrors { code field } } }"
    abroad = {**BERLIN, "countryCode": "GB", "city": "London", "postalCode": "SW1A 1AA"}
    answer = await market.api.data(query, i={"cartId": cart["id"], "shippingAddress": abroad})

    assert answer["cartUpdate"]["userErrors"] == [
        {"code": "ADDRESS_INVALID", "field": ["shippingAddress", "countryCode"]}
    ]


async def test_what_is_fetched_needs_no_address(market: Market) -> None:
    await market.terms(DELIVERY)
    cart = await created(market, (await market.keeper.stock(), 1))

    ready = await updated(market, cart, deliveryOptionId=cart["deliveryOptions"][0]["id"])
    paid = await market.api.checkout(ready)

    assert cart["deliveryOptions"][0]["isPickUp"]
    assert ready["requiresAddress"]["missing"] == []
    order = (await market.api.data(ORDER, t=paid["orderAccessToken"]))["order"]
    assert order["delivery"] == {"name": "Fetch it in Portland", "isPickUp": True, "price": {"amount": "0.00"}}


async def test_a_delivery_that_is_gone_is_a_problem_and_blocks_the_checkout(market: Market) -> None:
    await market.terms(DELIVERY)
    cart = await created(market, (await market.keeper.stock(), 1), shippingAddress=ADDRESS)
    cart = await updated(market, cart, deliveryOptionId=cart["deliveryOptions"][1]["id"])
    assert cart["selectedDeliveryOption"]["name"] == "Post"

    fewer = DELIVERY.replace("      - {key: post, name: Post, days: 3, price: {USD: 4.90}, freeFrom: {USD: 75}}\n", "")
    await market.terms(fewer)
    later = await read(market, cart)

    assert later["problems"] == [{"__typename": "DeliveryOptionGone"}]
    assert later["selectedDeliveryOption"] is None
    refused = await market.api.checkout(later)
    assert refused["__typename"] == "CheckoutFailed"


async def test_tax_comes_on_top_by_region_and_the_order_keeps_it(market: Market) -> None:
    await market.terms(DELIVERY + TAXES)
    sold = await market.keeper.stock(price="10.00")
    cart = await created(market, (sold, 2))
    assert (cart["cost"]["tax"]["amount"], cart["cost"]["isEstimated"]) == ("0.00", True)

    new_york = {**ADDRESS, "city": "New York", "region": "NY", "postalCode": "10001"}
    post = next(each["id"] for each in cart["deliveryOptions"] if each["name"] == "Post")
    cart = await updated(market, cart, shippingAddress=new_york, deliveryOptionId=post)

    tax_lines = [{"name": "Sales tax", "rate": "0.08875", "amount": {"amount": "2.21"}, "isIncluded": False}]
    assert cart["cost"] == {
        "subtotal": {"amount": "20.00"},
        "discount": {"amount": "0.00"},
        "shipping": {"amount": "4.90"},
        "tax": {"amount": "2.21"},
        "total": {"amount": "27.11", "currencyCode": "USD"},
        "taxLines": tax_lines,
        "isEstimated": False,
    }
    assert [(step["kind"], step["amount"]["amount"]) for step in cart["explain"]] == [
        ("ITEMS", "20.00"),
        ("SHIPPING", "4.90"),
        ("TAX", "2.21"),
    ]
    paid = await market.api.checkout(cart)
    order = (await market.api.data(ORDER, t=paid["orderAccessToken"]))["order"]
    assert order["cost"] == cart["cost"]


async def test_tax_that_prices_include_is_stated(market: Market) -> None:
    await market.terms(TAXES)
    cart = await created(market, (await market.keeper.stock(price="119.00"), 1), shippingAddress=BERLIN)

    assert cart["cost"]["taxLines"] == [
        {"name": "MwSt. 19 %", "rate": "0.19", "amount": {"amount": "19.00"}, "isIncluded": True}
    ]
    assert (cart["cost"]["tax"]["amount"], cart["cost"]["total"]["amount"]) == ("0.00", "119.00")


async def test_the_same_terms_again_change_nothing(market: Market) -> None:
    first = await market.terms(DELIVERY + TAXES)
    again = await market.terms(DELIVERY + TAXES)
    changed = await market.terms((DELIVERY + TAXES).replace("8.875", "9"))

    assert (first.changed, again.changed, again.unchanged, changed.changed) == (4, 0, 4, 1)
