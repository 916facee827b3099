"""What is cached, and what never is: carts, stock, orders, payments and customers are read from the database only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from app.bootstrap import Shop
from tests.conftest import Servers
from tests.shopkeeping import Api, Shopkeeper, new_word, variant_public_id

PUBLIC = {
    "product",
    "product-slug",
    "variant",
    "variant-sku",
    "product-variants",
    "price",
    "price-range",
    "category",
    "category-slug",
    "category-children",
    "search-page",
    "search-count",
    "search-facets",
    "suggestions",
}


@pytest.fixture
async def cache(servers: Servers) -> AsyncIterator[Redis]:
    """The cache server, empty."""
    async with Redis.from_url(servers.valkey.url, decode_responses=True) as client:
        await client.flushall()
        yield client


async def look_ups(cache: Redis) -> int:
    """How often the cache has been asked. Budgets are kept on the same server, by a script."""
    stats = await cache.info("commandstats")
    return int(stats.get("cmdstat_mget", {"calls": 0})["calls"])


async def entries(shop: Shop, cache: Redis) -> list[str]:
    """What is stored, but for the versions of tags and the callers' budgets."""
    assert await shop.cache.ping()  # by then the server has everything that it was told
    return [name for name in await cache.keys("*") if not name.startswith(("cg:tag:", "cg:bucket:"))]


async def test_only_public_kinds_are_ever_stored(api: Api, keeper: Shopkeeper, shop: Shop, cache: Redis) -> None:
    word = new_word()
    mug = await keeper.stock(f"Mug {word}", category_path=(f"Shelf {word}",), brand=f"Brand {word}")
    await api.data(
        """query ($s: String!, $sku: String!, $q: String!, $c: String!) {
          product(by: {slug: $s}) { name priceRange { min { amount } } availability { state } category { name }
            variants { nodes { price { current { amount } } availability { state } } } related { name } }
          variant(by: {sku: $sku}) { name price { current { amount } } }
          products(query: $q) { nodes { name } totalCount { value } facets { slug } }
          category(by: {slug: $c}) { name children { name } products { nodes { name } } }
          categories { nodes { name } }
          searchSuggestions(query: $q) { queries products { name } } }""",
        s=f"mug-{word}",
        sku=mug.sku,
        q=word,
        c=f"shelf-{word}",
    )
    outcome = await api.checkout(await api.ready_cart((mug.variant_id, 1)))
    await api.data(
        """query ($t: String!, $a: ID!) { order(by: {accessToken: $t}) { number lines { nodes { variant { sku } } } }
          checkoutAttempt(id: $a) { state cart { id } } me { id } }""",
        t=outcome["orderAccessToken"],
        a=outcome["attempt"]["id"],
    )

    names = await entries(shop, cache)

    kinds = {name.split(":")[2] for name in names}
    assert kinds <= PUBLIC
    assert {"product", "search-page", "search-facets", "price", "category-children"} <= kinds
    assert all(name.startswith("cg:3:") for name in names)


async def test_carts_orders_and_payments_never_touch_the_cache(
    api: Api, keeper: Shopkeeper, shop: Shop, cache: Redis
) -> None:
    mug = await keeper.stock("Mug")
    cart = await api.ready_cart((mug.variant_id, 1))
    outcome = await api.checkout(cart)
    waiting = await api.checkout(await api.ready_cart((mug.variant_id, 1)), pay="pm_card_threeDSecure2Required")
    await cache.flushall()
    await cache.config_resetstat()

    answer = await api.data(
        """query ($id: ID!, $t: String!, $a: ID!) {
          cart(id: $id) { version state cost { total { amount } } problems { __typename }
            lines { nodes { quantity unitPrice { amount } } } order { number } activeAttempt { id } }
          order(by: {accessToken: $t}) { number status lines { nodes { sku quantity } } payments { status }
            timeline { kind } }
          checkoutAttempt(id: $a) { state cart { version } order { number } result { __typename } }
          me { id } }""",
        id=cart["id"],
        t=outcome["orderAccessToken"],
        a=waiting["attempt"]["id"],
    )

    assert answer["order"]["status"] == "CONFIRMED"
    assert answer["checkoutAttempt"]["state"] == "ACTION_REQUIRED"
    assert await look_ups(cache) == 0
    assert await entries(shop, cache) == []


async def test_changing_and_paying_a_cart_never_touches_the_cache(
    api: Api, keeper: Shopkeeper, shop: Shop, cache: Redis
) -> None:
    mug = await keeper.stock("Mug")
    await cache.flushall()
    await cache.config_resetstat()

    created = await api.data(
        """mutation ($i: CartCreateInput!) {
          cartCreate(input: $i) { cart { id cost { total { amount currencyCode } } } } }""",
        i={"lines": [{"variantId": variant_public_id(mug.variant_id)}], "email": "ada@example.com"},
    )
    cart = created["cartCreate"]["cart"]
    added: dict[str, Any] = await api.data(
        """mutation ($i: CartLinesAddInput!) { cartLinesAdd(input: $i) { cart { totalQuantity } } }""",
        i={"cartId": cart["id"], "lines": [{"variantId": variant_public_id(mug.variant_id)}]},
    )
    refused = await api.checkout(cart)

    assert added["cartLinesAdd"]["cart"]["totalQuantity"] == 2
    assert refused["__typename"] == "CheckoutFailed"
    assert await look_ups(cache) == 0
    assert await entries(shop, cache) == []


async def test_stock_is_read_anew_while_all_the_rest_of_a_product_comes_from_the_cache(
    api: Api, keeper: Shopkeeper, shop: Shop, cache: Redis
) -> None:
    mug = await keeper.stock("Mug", on_hand=3)
    query = """query ($id: ID!) { variant(by: {id: $id}) {
      name price { current { amount } } availability { quantity } product { name availability { quantity } } } }"""
    before = await api.data(query, id=variant_public_id(mug.variant_id))
    await api.checkout(await api.ready_cart((mug.variant_id, 1)))

    async with cache.monitor() as monitor:
        after = await api.data(query, id=variant_public_id(mug.variant_id))
        assert await shop.cache.ping()
        await cache.echo("the end")
        seen: list[str] = []
        async for command in monitor.listen():
            seen.append(command["command"])
            if "the end" in command["command"]:
                break

    assert before["variant"]["availability"] == {"quantity": 3}
    assert after["variant"]["availability"] == after["variant"]["product"]["availability"] == {"quantity": 2}
    reads = [each for each in seen if each.startswith("MGET")]
    assert reads != []
    assert all(word not in each for each in seen for word in ("stock", "cart", "order", "reserv", "attempt"))
    assert not [each for each in seen if each.startswith("SET") and "cg:bucket:" not in each]


async def test_every_entry_ends_by_itself(api: Api, keeper: Shopkeeper, shop: Shop, cache: Redis) -> None:
    word = new_word()
    await keeper.stock(f"Mug {word}")
    await api.data("query ($q: String) { products(query: $q) { nodes { name } totalCount { value } } }", q=word)

    stored = await entries(shop, cache)
    tags = await cache.keys("cg:tag:*")
    lives = [await cache.ttl(name) for name in stored]
    tag_lives = [await cache.ttl(name) for name in tags]

    assert sorted(name.split(":")[2] for name in stored) == ["answer", "product", "search-count", "search-page"]
    assert all(0 < seconds <= 300 for seconds in lives), lives
    assert all(300 < seconds <= 3_600 for seconds in tag_lives), tag_lives
