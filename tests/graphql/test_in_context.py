"""Several currencies: what `@inContext` shows, sorts and sells in, and what a cart keeps."""

from __future__ import annotations

from typing import Any

import pytest

from app.catalog.domain import OtherPrice, ProductDraft, Translation, VariantDraft
from app.core.money import Currency, Money
from tests.market import Market
from tests.shopkeeping import ADDRESS, Provider, Stocked, new_word, variant_public_id

USD, EUR, JPY, BHD, ISK = (Currency(code) for code in ("USD", "EUR", "JPY", "BHD", "ISK"))
PRICES = """products(query: $q, sort: PRICE_ASC, first: 10) {
  nodes { name priceRange { min { amount currencyCode formatted } } variants { nodes {
    price { current { amount currencyCode } compareAt { amount } onSale } } } }
  totalCount { value } facets { ... on RangeFacet { min max } ... on ListFacet { values { count { value } } } } }"""


def money(amount: str, currency: Currency) -> Money:
    return Money.parse(amount, currency)


async def stocked(market: Market, name: str, price: str, *others: OtherPrice) -> Stocked:
    """A product with a price in dollars, and in other currencies perhaps."""
    key = name.replace(" ", "-")
    variant = VariantDraft(money(price, USD), sku=key.upper(), other_prices=others)
    return await market.keeper.store(ProductDraft(key=key, source="test", name=name, variants=(variant,)))


async def listed(market: Market, word: str, context: str = "") -> Any:
    return (await market.api.data(f"query ($q: String) {context} {{ {PRICES} }}", q=word))["products"]


def shown(products: Any) -> list[tuple[str, str, str]]:
    prices = [(node["name"], node["priceRange"]["min"]) for node in products["nodes"]]
    return [(name.split()[-1], price["amount"], price["currencyCode"]) for name, price in prices]


async def two_products(market: Market) -> str:
    """One that is cheap in dollars and dear in euros, and the other way round; one that is sold in dollars only."""
    word = new_word()
    await stocked(market, f"{word} one", "10.00", OtherPrice(money("30.00", EUR), money("40.00", EUR)))
    await stocked(market, f"{word} two", "20.00", OtherPrice(money("15.00", EUR)), OtherPrice(money("2500", JPY)))
    await stocked(market, f"{word} three", "5.00")
    return word


async def test_prices_are_shown_and_sorted_in_the_shoppers_currency(market: Market) -> None:
    word = await two_products(market)

    dollars = await listed(market, word)
    euros = await listed(market, word, "@inContext(currency: EUR)")

    assert shown(dollars) == [("three", "5.00", "USD"), ("one", "10.00", "USD"), ("two", "20.00", "USD")]
    assert shown(euros) == [("two", "15.00", "EUR"), ("one", "30.00", "EUR")]
    assert [each["totalCount"]["value"] for each in (dollars, euros)] == [3, 2]
    assert euros["facets"][-1] == {"min": "15.00", "max": "30.00"}
    (variant,) = euros["nodes"][1]["variants"]["nodes"]
    assert variant["price"] == {
        "current": {"amount": "30.00", "currencyCode": "EUR"},
        "compareAt": {"amount": "40.00"},
        "onSale": True,
    }


@pytest.mark.parametrize(
    ("context", "currency"),
    [
        ("@inContext(country: DE)", "EUR"),
        ("@inContext(country: JP)", "JPY"),
        ("@inContext(country: US)", "USD"),
        ("@inContext(country: DE, currency: JPY)", "JPY"),
        ('@inContext(language: "de")', "USD"),
    ],
)
async def test_a_country_has_its_currency_unless_another_is_given(market: Market, context: str, currency: str) -> None:
    word = await two_products(market)

    found = shown(await listed(market, word, context))

    assert {code for _, _, code in found} == {currency}


async def test_the_currency_may_be_a_variable(market: Market) -> None:
    word = await two_products(market)

    query = f"query ($q: String, $c: CurrencyCode) @inContext(currency: $c) {{ {PRICES} }}"
    answer = await market.api.data(query, q=word, c="JPY")

    assert shown(answer["products"]) == [("two", "2500", "JPY")]


async def test_a_price_filter_is_in_the_shoppers_currency(market: Market) -> None:
    word = await two_products(market)
    query = """query ($q: String) @inContext(currency: EUR) {
      some: products(query: $q, filter: {price: {max: "20"}}) { nodes { name } totalCount { value } }
      sale: products(query: $q, filter: {onSale: true}) { nodes { name } } }"""

    answer = await market.api.data(query, q=word)

    assert [node["name"] for node in answer["some"]["nodes"]] == [f"{word} two"]
    assert answer["some"]["totalCount"]["value"] == 1
    assert [node["name"] for node in answer["sale"]["nodes"]] == [f"{word} one"]


async def test_what_is_not_sold_in_the_currency_is_shown_in_the_shops_own(market: Market) -> None:
    word = await two_products(market)
    query = """query ($slug: String!) @inContext(currency: JPY) { product(by: {slug: $slug}) {
      priceRange { min { amount currencyCode } } } }"""

    answer = await market.api.data(query, slug=f"{word}-three")

    assert answer["product"]["priceRange"]["min"] == {"amount": "5.00", "currencyCode": "USD"}


async def test_amounts_are_written_as_the_shopper_reads_them(market: Market) -> None:
    word = await two_products(market)

    german = await listed(market, word, '@inContext(currency: EUR, language: "de")')

    assert german["nodes"][0]["priceRange"]["min"]["formatted"] == "15,00\N{NO-BREAK SPACE}€"


TEXTS = """query ($q: String!) %s { products(query: $q, first: 5) { nodes { name description language } }
  searchSuggestions(query: $q, first: 5) { products { name language } } shop { languages } }"""


@pytest.mark.parametrize(
    ("context", "query", "expected"),
    [
        ('@inContext(language: "de")', "wanderbecher", ("Wanderbecher", "de")),
        ('@inContext(language: "de-AT")', "wanderbecher", ("Wanderbecher", "de")),
        ('@inContext(language: "de")', "mug", ("Wanderbecher", "de")),
        ('@inContext(language: "fr")', "mug", ("Hiking mug", "en")),
        ('@inContext(language: "zh-Hant-TW")', "mug", ("Hiking mug", "en")),
        ("", "mug", ("Hiking mug", "en")),
    ],
)
async def test_a_product_is_found_and_shown_in_the_shoppers_language_or_in_the_shops(
    market: Market, context: str, query: str, expected: tuple[str, str]
) -> None:
    word = new_word()
    await market.keeper.stock(
        f"Hiking mug {word}", translations=(Translation("de", f"Wanderbecher {word}", "Ein Becher aus Emaille."),)
    )

    answer = await market.api.data(TEXTS % context, q=f"{query} {word}")

    (node,) = answer["products"]["nodes"]
    (suggested,) = answer["searchSuggestions"]["products"]
    name, language = expected
    assert (node["name"], node["language"]) == (f"{name} {word}", language)
    assert (suggested["name"], suggested["language"]) == (f"{name} {word}", language)
    assert answer["shop"]["languages"][:2] == ["en", "de"]


async def test_suggested_products_are_those_that_are_sold_in_the_shoppers_currency(market: Market) -> None:
    word = await two_products(market)
    query = "query ($q: String!) %s { searchSuggestions(query: $q, first: 5) { products { name } } }"

    found = {
        context: (await market.api.data(query % context, q=word))["searchSuggestions"]["products"]
        for context in ("", "@inContext(currency: EUR)", "@inContext(currency: JPY)")
    }

    names = [sorted(each["name"].split()[-1] for each in products) for products in found.values()]
    assert names == [["one", "three", "two"], ["one", "two"], ["two"]]


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ("@inContext(currency: CHF)", "The shop sells in USD, EUR, JPY, BHD, ISK, not in CHF."),
        ('@inContext(language: "xx-nonsense-here")', "is not a language tag"),
    ],
)
async def test_a_context_that_the_shop_does_not_have_is_refused(market: Market, context: str, message: str) -> None:
    answer = await market.api(f"query {context} {{ shop {{ name }} }}")

    assert answer.data is None
    assert message in answer.errors[0]["message"]


CART = "id cost { total { amount currencyCode } } lines { nodes { unitPrice { amount } } } deliveryOptions { id }"


async def opened(market: Market, thing: Stocked, context: str = "", **values: Any) -> Any:
    query = f"""mutation ($i: CartCreateInput!) {context} {{ cartCreate(input: $i) {{
      cart {{ {CART} }} userErrors {{ code field }} }} }}"""
    wanted = [{"variantId": variant_public_id(thing.variant_id), "quantity": 1}]
    return (await market.api.data(query, i={"lines": wanted, "email": "a@example.com", **values}))["cartCreate"]


async def test_a_cart_keeps_the_currency_it_was_opened_in(market: Market) -> None:
    thing = await stocked(market, f"{new_word()} kept", "10.00", OtherPrice(money("9.00", EUR)))

    cart = (await opened(market, thing, "@inContext(country: DE)"))["cart"]
    query = f"query ($id: ID!) @inContext(currency: JPY) {{ cart(id: $id) {{ {CART} }} }}"
    later = (await market.api.data(query, id=cart["id"]))["cart"]

    assert cart["cost"]["total"] == later["cost"]["total"] == {"amount": "9.00", "currencyCode": "EUR"}


async def test_a_cart_in_a_currency_takes_only_what_is_sold_in_it(market: Market) -> None:
    thing = await stocked(market, f"{new_word()} dollars", "10.00")

    payload = await opened(market, thing, currency="EUR")

    assert payload["userErrors"] == [{"code": "VARIANT_UNAVAILABLE", "field": ["lines", "0", "variantId"]}]


@pytest.mark.parametrize(
    ("currency", "price", "total", "units"),
    [
        (JPY, "2500", "2500", 2_500),
        (BHD, "1.234", "1.230", 1_230),
        (ISK, "990", "990", 99_000),
        (EUR, "9", "9.00", 900),
    ],
)
async def test_cards_are_charged_the_same_amount_in_any_currency(
    market: Market, provider: Provider, currency: Currency, price: str, total: str, units: int
) -> None:
    await market.terms(
        f"delivery: [{{zone: all, countries: [US], methods: [{{key: a, name: A, price: {{{currency}: 0}}}}]}}]"
    )
    thing = await stocked(market, f"{new_word()} paid", "10.00", OtherPrice(money(price, currency)))
    cart = (await opened(market, thing, currency=currency, shippingAddress=ADDRESS))["cart"]
    assert cart["cost"]["total"] == {"amount": total, "currencyCode": currency}

    paid = await market.api.checkout(cart, deliveryOptionId=cart["deliveryOptions"][0]["id"])

    assert paid["__typename"] == "CheckoutCompleted"
    assert await provider.ledger(paid["attempt"]["id"]) == [("charge_succeeded", units)]


async def test_price_lists_come_from_files_and_go_again(market: Market) -> None:
    word = new_word()
    thing = await stocked(market, f"{word} listed", "10.00")

    first = await market.terms(f"prices: [{{sku: {thing.sku}, price: {{EUR: 8.50}}, compareAtPrice: {{EUR: 12}}}}]")
    euros = await listed(market, word, "@inContext(currency: EUR)")
    again = await market.terms(f"prices: [{{sku: {thing.sku}, price: {{EUR: 8.50}}, compareAtPrice: {{EUR: 12}}}}]")
    await market.terms(f"prices: [{{sku: {thing.sku}, price: {{EUR: null}}}}]")
    none = await listed(market, word, "@inContext(currency: EUR)")

    assert shown(euros) == [("listed", "8.50", "EUR")]
    assert (first.changed, again.unchanged) == (1, 1)
    assert shown(none) == []
