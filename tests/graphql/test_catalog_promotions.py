"""Promotions of the catalogue: in the price that everybody sees, sorts by and pays, from their start to their end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from app.catalog.search import ProductSort, SearchRequest
from app.core.pagination import PageRequest
from tests.market import Market
from tests.shopkeeping import Stocked, new_word, variant_public_id

LIST = """query ($q: String, $f: ProductFilter) { products(query: $q, sort: PRICE_ASC, filter: $f) { nodes {
  slug onSale priceRange { min { amount } } compareAtPriceRange { min { amount } }
  variants { nodes { price { current { amount } compareAt { amount } lowestLast30Days { amount } } } } } } }"""


async def listed(market: Market, word: str, **wanted: Any) -> Any:
    return (await market.api.data(LIST, q=word, f=wanted))["products"]["nodes"]


async def prices(market: Market, word: str, **wanted: Any) -> list[tuple[str, str]]:
    nodes = await listed(market, word, **wanted)
    return [(node["slug"].removeprefix(f"{word}-"), node["priceRange"]["min"]["amount"]) for node in nodes]


async def price(market: Market, word: str) -> Any:
    (node,) = await listed(market, word)
    return node["variants"]["nodes"][0]["price"]


async def two(market: Market) -> tuple[str, Stocked, Stocked]:
    word = new_word()
    cheap = await market.keeper.stock(f"{word} cheap", price="10.00", brand="Tarn")
    dear = await market.keeper.stock(f"{word} dear", price="20.00", brand="Halden", category_path=(word, "Leaf"))
    return word, cheap, dear


async def test_the_visible_price_is_the_reduced_one_everywhere(market: Market) -> None:
    word, _, dear = await two(market)

    await market.terms(f"promotions: [{{key: sale, name: Sale, on: catalog, percent: 60, categories: [[{word}]]}}]")

    assert await prices(market, word) == [("dear", "8.00"), ("cheap", "10.00")]
    assert await prices(market, word, price={"max": "9"}) == [("dear", "8.00")]
    assert await prices(market, word, onSale=True) == [("dear", "8.00")]
    node = (await listed(market, word))[0]
    assert (node["onSale"], node["compareAtPriceRange"]["min"]["amount"]) == (True, "20.00")
    query = "mutation ($i: CartCreateInput!) { cartCreate(input: $i) { cart { cost { total { amount } } } } }"
    line = {"variantId": variant_public_id(dear.variant_id), "quantity": 2}
    assert (await market.api.data(query, i={"lines": [line]}))["cartCreate"]["cart"]["cost"]["total"][
        "amount"
    ] == "16.00"


async def test_browsing_by_price_goes_by_the_prices_of_the_moment(market: Market) -> None:
    word, _, _ = await two(market)

    async def browsed() -> list[str]:
        """Without words or filters: along the order by price, which is kept beside the hit rows."""
        hits = await market.shop.search_index.page(SearchRequest(sort=ProductSort.PRICE_ASC), PageRequest(1_000))
        products = await market.shop.catalog.products_by_ids(hits.page.items)
        slugs = [products[each].slug for each in hits.page.items]
        return [slug.removeprefix(f"{word}-") for slug in slugs if slug.startswith(word)]

    before = await browsed()
    await market.terms(f"promotions: [{{key: sale, name: Sale, on: catalog, percent: 60, categories: [[{word}]]}}]")
    during = await browsed()
    await market.forget_terms()

    assert (before, during, await browsed()) == (["cheap", "dear"], ["dear", "cheap"], ["cheap", "dear"])


async def test_of_several_promotions_the_buyer_gets_the_best(market: Market) -> None:
    word, cheap, _ = await two(market)

    await market.terms(f"""
promotions:
  - {{key: a, name: A, on: catalog, percent: 20, brands: [Tarn]}}
  - {{key: b, name: B, on: catalog, amount: {{USD: 3}}, products: ["{cheap.draft.key}"]}}
  - {{key: c, name: C, on: catalog, amount: {{EUR: 9}}}}
""")

    assert await prices(market, word) == [("cheap", "7.00"), ("dear", "20.00")]


async def test_a_promotion_shows_itself_and_goes_on_schedule_and_the_cache_forgets(market: Market) -> None:
    word = new_word()
    await market.keeper.stock(f"{word} timed", price="10.00")
    now = market.clock.now()
    starts, ends = now + timedelta(hours=1), now + timedelta(hours=2)
    await market.terms(f"""
promotions:
  - {{key: hour, name: Hour, on: catalog, percent: 50, startsAt: "{starts:%FT%TZ}", endsAt: "{ends:%FT%TZ}"}}
""")
    before = await prices(market, word)

    with market.clock.turned(timedelta(hours=1, seconds=1)):
        assert await market.shop.reprice_catalog() == 1  # as the worker does
        during = await prices(market, word)
        assert await market.shop.reprice_catalog() == 0
    with market.clock.turned(timedelta(hours=2, seconds=1)):
        assert await market.shop.reprice_catalog() == 1
        after = await price(market, word)

    assert (before, during) == ([("timed", "10.00")], [("timed", "5.00")])
    assert (after["current"]["amount"], after["compareAt"]) == ("10.00", None)


async def test_a_promotion_that_changes_lets_go_of_what_it_is_no_longer_about(market: Market) -> None:
    word, _, _ = await two(market)
    await market.terms("promotions: [{key: move, name: Move, on: catalog, percent: 50, brands: [Tarn]}]")
    first = await prices(market, word)

    await market.terms("promotions: [{key: move, name: Move, on: catalog, percent: 50, brands: [Halden]}]")
    moved = await prices(market, word)
    await market.terms("promotions: [{key: move, name: Move, percent: 50, brands: [Halden]}]")

    assert first == [("cheap", "5.00"), ("dear", "20.00")]
    assert moved == [("cheap", "10.00"), ("dear", "10.00")]
    assert await prices(market, word) == [("cheap", "10.00"), ("dear", "20.00")]


async def test_an_import_of_a_product_reduces_its_new_price_at_once(market: Market) -> None:
    word, cheap, _ = await two(market)
    await market.terms("promotions: [{key: half, name: Half, on: catalog, percent: 50, brands: [Tarn]}]")

    variant = cheap.draft.variants[0]
    await market.keeper.store(replace(cheap.draft, variants=(replace(variant, price=variant.price * 3),)))

    assert await prices(market, word) == [("cheap", "15.00"), ("dear", "20.00")]


async def test_beside_a_price_stands_the_lowest_of_the_thirty_days_before_it_came(market: Market) -> None:
    word = new_word()
    thing = await market.keeper.stock(f"{word} history", price="10.00")
    assert (await price(market, word))["lowestLast30Days"] is None

    for days, amount in ((10, "12.00"), (45, "15.00"), (50, "9.00")):
        with market.clock.turned(timedelta(days=days)):
            await market.terms(f"prices: [{{sku: {thing.sku}, price: {{USD: {amount}}}}}]")

    assert (await price(market, word))["lowestLast30Days"] == {"amount": "12.00"}  # 10.00 ended 40 days before


async def test_a_reduction_by_promotion_is_a_price_change_too(market: Market) -> None:
    word = new_word()
    await market.keeper.stock(f"{word} omnibus", price="10.00")

    with market.clock.turned(timedelta(days=1)):
        await market.terms("promotions: [{key: omni, name: Omni, on: catalog, percent: 30}]")
    shown = await price(market, word)

    assert shown == {
        "current": {"amount": "7.00"},
        "compareAt": {"amount": "10.00"},
        "lowestLast30Days": {"amount": "10.00"},
    }
