"""Searching in another currency than the shop's: every arm and every order finds what is sold in it, at its prices."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from app.bootstrap import Shop, build_shop
from app.catalog.domain import OtherPrice, ProductDraft
from app.catalog.search import ProductFilter, ProductSort, SearchRequest
from app.catalog.search_sql import ORDERS, Arm, Shape, page_statement
from app.core.money import Currency, Money
from app.core.pagination import PageRequest
from app.seed.generated import generated_drafts
from app.settings import load_settings
from tests.conftest import Servers
from tests.shopkeeping import USD

EUR = Currency("EUR")
PRODUCTS = 2_000
BY = {  # how a product with a price comes to its place, and whether the order falls
    ProductSort.RELEVANCE: ("popularity", True),
    ProductSort.BEST_SELLING: ("popularity", True),
    ProductSort.NEWEST: ("created_at", True),
    ProductSort.PRICE_ASC: ("price", False),
    ProductSort.PRICE_DESC: ("price", True),
    ProductSort.NAME_ASC: ("sort_name", False),
    ProductSort.NAME_DESC: ("sort_name", True),
}


@pytest.fixture(scope="module")
async def shop(servers: Servers) -> AsyncIterator[Shop]:
    """Two of three products are sold in euros, at prices that have nothing to do with those in dollars."""
    servers.postgres.create_database("currencies")
    settings = {**servers.environment("currencies"), "CARTOGRAPH_CURRENCIES": "EUR"}
    shop = build_shop(load_settings(settings), statement_timeout_seconds=60)
    await shop.migrate()
    drafts = [priced(draft, number) for number, draft in enumerate(generated_drafts(PRODUCTS, currency=USD))]
    for start in range(0, PRODUCTS, 500):
        await shop.store_products(drafts[start : start + 500])
    await shop.refresh_search()
    yield shop
    await shop.close()
    servers.postgres.drop_database("currencies")


def priced(draft: ProductDraft, number: int) -> ProductDraft:
    if number % 3 == 0:
        return draft
    euros = OtherPrice(Money(number * 7919 % 5_000 + 1, EUR))
    return replace(draft, variants=tuple(replace(each, other_prices=(euros,)) for each in draft.variants))


async def rows(shop: Shop, statement: str, **values: Any) -> Sequence[Any]:
    async with shop.database.read_fresh() as connection:
        return (await connection.execute(text(statement), values)).all()


async def expected(shop: Shop, sort: ProductSort, where: str = "true") -> list[int]:
    """Every product that is sold in euros, in an order, without anything that search is made of."""
    by, falling = BY[sort]
    direction = "DESC" if falling else "ASC"
    statement = f"""
        SELECT product_id, hit.popularity, hit.created_at, sort_name COLLATE "default" AS sort_name, euro.price
        FROM product_search AS hit JOIN product ON product.id = product_id JOIN (
            SELECT product_id, min(amount_minor) AS price FROM variant JOIN variant_price ON variant_id = variant.id
            WHERE currency = 'EUR' AND active GROUP BY product_id) AS euro USING (product_id)
        WHERE {where} ORDER BY {by} {direction}, product_id {direction}"""
    return [row.product_id for row in await rows(shop, statement)]


async def walked(shop: Shop, request: SearchRequest, *, forward: bool, size: int = 100) -> list[int]:
    seen: list[int] = []
    cursor: str | None = None
    while True:
        page = (await shop.search_index.page(request, PageRequest(size, cursor=cursor, forward=forward))).page
        seen = [*seen, *page.items] if forward else [*page.items, *seen]
        if not (page.has_next if forward else page.has_previous):
            return seen
        cursor = page.cursors[-1 if forward else 0]


@pytest.mark.parametrize("forward", [True, False], ids=["forward", "backward"])
@pytest.mark.parametrize("sort", list(ProductSort))
async def test_every_order_is_walked_whole_in_both_directions(shop: Shop, sort: ProductSort, forward: bool) -> None:
    seen = await walked(shop, SearchRequest(sort=sort, currency=EUR), forward=forward)

    assert len(seen) > PRODUCTS / 2
    assert seen == await expected(shop, sort)


@pytest.mark.parametrize("sort", [ProductSort.PRICE_ASC, ProductSort.PRICE_DESC, ProductSort.BEST_SELLING])
async def test_a_category_and_a_span_of_prices_narrow_it(shop: Shop, sort: ProductSort) -> None:
    (largest,) = await rows(
        shop, "SELECT value::int AS id FROM facet_value WHERE kind = 'category' ORDER BY product_count DESC LIMIT 1"
    )
    wanted = ProductFilter(categories=(largest.id,), price_min=1_000, price_max=3_000)
    request = SearchRequest(filter=wanted, sort=sort, currency=EUR)
    among = f"category_id IN (SELECT id FROM category WHERE {largest.id} = ANY (path_ids))"

    order = await expected(shop, sort, f"{among} AND euro.price BETWEEN 1000 AND 3000")

    assert order
    assert await walked(shop, request, forward=True, size=7) == order
    assert (await shop.search_index.count(request)).value == len(order)
    facets = await shop.search_index.facets(request)
    (lowest,) = await rows(
        shop,
        "SELECT min(amount_minor) FROM variant_price JOIN variant ON variant.id = variant_id"
        f" JOIN product ON product.id = product_id WHERE currency = 'EUR' AND {among}",
    )
    assert (facets.currency, facets.price_min) == (EUR, lowest[0])


@pytest.mark.parametrize("sort", [ProductSort.RELEVANCE, ProductSort.PRICE_ASC, ProductSort.NAME_ASC])
async def test_a_broad_word_is_found_by_every_arm_alike(shop: Shop, sort: ProductSort) -> None:
    (word,) = await rows(shop, "SELECT word FROM search_word ORDER BY product_count DESC, word LIMIT 1")
    request = SearchRequest(word.word, sort=sort, currency=EUR)

    found = await walked(shop, request, forward=True, size=20)
    own = await walked(shop, replace(request, currency=None), forward=True)

    sold = set(await expected(shop, sort))
    assert 0 < len(found) < len(own)
    assert set(found) == set(own) & sold
    if sort is not ProductSort.RELEVANCE:
        assert found == [each for each in await expected(shop, sort) if each in set(own)]


@pytest.mark.parametrize("arm", [Arm.INDEX, Arm.TIER_1, Arm.WALK, Arm.SCAN])
@pytest.mark.parametrize("sort", list(ProductSort))
async def test_no_arm_gives_a_row_that_is_not_sold_in_the_currency(shop: Shop, sort: ProductSort, arm: Arm) -> None:
    shape = Shape(facets=1, foreign=True)
    statement = page_statement(shape, ORDERS[sort], arm, forward=True, after=False)

    async with shop.database.read_fresh() as connection:
        values = {"facets_0": [0], "currency": "EUR", "limit": PRODUCTS}
        found = [row[1] for row in await connection.execute(statement, values)]

    assert found == ([] if arm is Arm.TIER_1 else await expected(shop, sort))  # so small a catalogue has no such tier


async def test_a_walk_by_price_goes_along_the_prices_of_the_currency(shop: Shop) -> None:
    statement = page_statement(Shape(foreign=True), ORDERS[ProductSort.PRICE_ASC], Arm.WALK, forward=True, after=False)
    async with shop.database.write() as connection:
        await connection.execute(text("ANALYZE product_price, product_search"))
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await connection.execute(text(f"EXPLAIN {statement}"), {"currency": "EUR", "limit": 25})
        lines = "\n".join(row[0] for row in plan)

    assert "product_price_currency_price_min_minor_product_id_idx" in lines, lines
    assert "Sort" not in lines, lines
