"""What is cached is forgotten with the commit that changes it: not before, and not a moment after."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from app.bootstrap import Shop
from app.cache import keys
from app.core.money import Money
from app.transactions import Transactions
from tests.conftest import Servers
from tests.shopkeeping import (
    FLAT_RATE,
    USD,
    Api,
    ManualClock,
    Shopkeeper,
    Stocked,
    counted_statements,
    new_word,
    variant_public_id,
)

PRODUCT = """query ($s: String!, $q: String) {
  product(by: {slug: $s}) { name priceRange { min { amount } } variants { nodes { price { current { amount } } } } }
  products(query: $q) { nodes { name } totalCount { value } freshness { source ageMs } } }"""


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock(f"Mug {new_word()}", price="18.00")


def variables(mug: Stocked) -> dict[str, str]:
    return {"s": mug.draft.name.lower().replace(" ", "-"), "q": mug.draft.name.split()[1]}


def shown(answer: dict[str, Any]) -> tuple[str, str, str, list[str]]:
    product = answer["product"]
    (variant,) = product["variants"]["nodes"]
    return (
        product["name"],
        product["priceRange"]["min"]["amount"],
        variant["price"]["current"]["amount"],
        [node["name"] for node in answer["products"]["nodes"]],
    )


def dearer(mug: Stocked, price: str = "20.00") -> Any:
    return replace(
        mug.draft,
        name=mug.draft.name.replace("Mug", "Cup"),
        variants=(replace(mug.draft.variants[0], price=Money.parse(price, USD)),),
    )


async def test_readers_see_the_old_product_until_the_commit_and_the_new_one_from_then_on(
    api: Api, shop: Shop, mug: Stocked
) -> None:
    old = (mug.draft.name, "18.00", "18.00", [mug.draft.name])
    name = mug.draft.name.replace("Mug", "Cup")
    warm = [shown(await api.data(PRODUCT, **variables(mug))) for _ in range(2)]

    async with shop.transactions.begin() as tx:
        outcome = await tx.catalog.upsert([dearer(mug)], now=shop.clock.now())
        tx.drop_after_commit(keys.catalog_tags(outcome.product_ids, outcome.variant_ids))
        during = shown(await api.data(PRODUCT, **variables(mug)))
    after = [shown(await api.data(PRODUCT, **variables(mug))) for _ in range(2)]

    assert warm == [old, old]
    assert during == old
    assert after == [(name, "20.00", "20.00", [name])] * 2


async def test_tags_are_dropped_once_others_can_see_the_commit(shop: Shop, mug: Stocked) -> None:
    seen: list[tuple[set[str], str]] = []

    async def drop(tags: Iterable[str]) -> None:
        async with shop.database.read_fresh() as connection:
            query = text("SELECT name FROM product WHERE import_key = :key")
            seen.append((set(tags), (await connection.execute(query, {"key": mug.draft.key})).scalar_one()))

    transactions = Transactions(
        shop.database, currency=USD, language="en", flat_rate=FLAT_RATE, drop_tags=drop, announce=lambda _: None
    )
    async with transactions.begin() as tx:
        outcome = await tx.catalog.upsert([dearer(mug)], now=shop.clock.now())
        tx.drop_after_commit(["one"])
        tx.drop_after_commit(["two", "one"])
        during = list(seen)

    assert outcome.updated == 1
    assert during == []
    assert seen == [({"one", "two"}, mug.draft.name.replace("Mug", "Cup"))]


async def test_a_reader_that_began_before_the_commit_leaves_nothing_old_behind(
    api: Api, shop: Shop, mug: Stocked, servers: Servers
) -> None:
    name = mug.draft.name.replace("Mug", "Cup")
    async with Redis.from_url(servers.valkey.url) as client:
        await client.flushall()

    async with shop.transactions.begin() as tx:
        outcome = await tx.catalog.upsert([dearer(mug)], now=shop.clock.now())
        tx.drop_after_commit(keys.catalog_tags(outcome.product_ids, outcome.variant_ids))
        during = shown(await api.data(PRODUCT, **variables(mug)))  # stores what it read before the commit
    after = shown(await api.data(PRODUCT, **variables(mug)))

    assert during == (mug.draft.name, "18.00", "18.00", [mug.draft.name])
    assert after == (name, "20.00", "20.00", [name])


async def test_a_transaction_that_is_rolled_back_drops_nothing(api: Api, shop: Shop, mug: Stocked) -> None:
    await api.data(PRODUCT, **variables(mug))

    outcome = await shop.store_products([dearer(mug)], dry_run=True)
    with counted_statements(shop) as statements:
        answer = await api.data(PRODUCT, **variables(mug))

    assert outcome.updated == 1
    assert statements == []
    assert shown(answer) == (mug.draft.name, "18.00", "18.00", [mug.draft.name])


async def test_an_unchanged_import_drops_nothing(api: Api, shop: Shop, mug: Stocked) -> None:
    await api.data(PRODUCT, **variables(mug))

    outcome = await shop.store_products([mug.draft])
    with counted_statements(shop) as statements:
        await api.data(PRODUCT, **variables(mug))

    assert outcome.unchanged == 1
    assert statements == []


async def test_a_change_drops_what_is_made_of_that_product_and_of_many_but_no_other_product(
    api: Api, shop: Shop, keeper: Shopkeeper, mug: Stocked
) -> None:
    other = await keeper.stock(f"Other {new_word()}")
    one = "query ($id: ID!) { node(id: $id) { ... on ProductVariant { name price { current { amount } } } } }"
    for product in (mug, other):
        await api.data(one, id=variant_public_id(product.variant_id))

    await keeper.store(dearer(mug))

    async def statements(product: Stocked) -> int:
        with counted_statements(shop) as seen:
            await api.data(one, id=variant_public_id(product.variant_id))
        return len(seen)

    assert await statements(other) == 0
    assert await statements(mug) == 2


async def test_many_readers_and_a_writer_never_agree_on_an_old_price_after_the_commit(
    api: Api, keeper: Shopkeeper, mug: Stocked
) -> None:
    stop = asyncio.Event()

    async def read() -> None:
        while not stop.is_set():
            await api.data(PRODUCT, **variables(mug))

    readers = [asyncio.create_task(read()) for _ in range(4)]
    try:
        for number in range(10):
            price = f"{30 + number}.00"
            await keeper.store(dearer(mug, price))
            assert shown(await api.data(PRODUCT, **variables(mug)))[1:3] == (price, price)
    finally:
        stop.set()
        await asyncio.gather(*readers)


async def test_an_entry_is_fresh_for_60_seconds_and_read_anew_after_that(
    api: Api, clock: ManualClock, mug: Stocked
) -> None:
    async def freshness() -> tuple[str, bool]:
        found = (await api.data(PRODUCT, **variables(mug)))["products"]["freshness"]
        return found["source"], found["ageMs"] >= 55_000

    first = await freshness()
    with clock.turned(timedelta(seconds=55)):
        young = await freshness()
    with clock.turned(timedelta(seconds=65)):
        old = await freshness()

    assert (first, young, old) == (("PRIMARY", False), ("CACHE", True), ("PRIMARY", False))


async def test_parallel_readers_of_one_search_share_one_load(
    api: Api, shop: Shop, mug: Stocked, servers: Servers
) -> None:
    query = "query ($q: String) { products(query: $q) { totalCount { value } } }"
    async with Redis.from_url(servers.valkey.url) as client:
        await client.flushall()

    with counted_statements(shop) as statements:
        answers = await asyncio.gather(*(api.data(query, q=variables(mug)["q"]) for _ in range(20)))

    assert answers == [{"products": {"totalCount": {"value": 1}}}] * 20
    searched = [each for each in statements if "FROM product_search" in each]
    assert len(searched) == len(set(searched))
    assert 3 <= len(searched) <= 4  # what is known of the words may be remembered
