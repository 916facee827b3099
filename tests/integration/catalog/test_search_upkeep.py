"""The index over time: plans, stock flips in place, popularity."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from app.bootstrap import Shop
from app.catalog.search import ProductFilter, ProductSort, SearchRequest
from app.catalog.search_count_sql import count_statement, facet_statement
from app.catalog.search_counts import EXACT_ROWS
from app.catalog.search_sql import ORDERS, Arm, Shape, page_statement
from app.core.pagination import CountPrecision, PageRequest
from tests.conftest import Servers
from tests.generated_catalogue import generated_catalogue
from tests.shopkeeping import Api, ManualClock, Shopkeeper, new_word

PRODUCTS = 21_000  # more than are counted whole
QUERY = "'classic'"  # a lexeme that one product in fifty has


@pytest.fixture(scope="module")
async def large(servers: Servers) -> AsyncIterator[Shop]:
    """A catalogue that is sampled, in a database of its own, its counts fresh."""
    async with generated_catalogue(servers, "large", PRODUCTS) as shop:
        yield shop


async def rows(shop: Shop, statement: str, **values: Any) -> list[Any]:
    async with shop.database.read_fresh() as connection:
        return list((await connection.execute(text(statement), values)).all())


async def generic_plan(shop: Shop, statement: Any, values: dict[str, Any]) -> str:
    """The plan that a prepared statement is left with after its sixth execution."""
    compiled = str(statement.compile(dialect=shop.database.primary.dialect)).replace("%%", "%")
    kinds = {"int": "bigint", "str": "unknown", "list": "int[]", "bool": "boolean"}
    names = re.findall(r":(\w+)", str(statement))
    ordered = list(dict.fromkeys(name for name in names if name in values))
    types = ", ".join(kinds[type(values[name]).__name__] for name in ordered)
    literals = ", ".join(_literal(values[name]) for name in ordered)
    body = re.sub(r"(\$\d+)::(?:VARCHAR|TEXT|BIGINT|INTEGER|BOOLEAN)(?:\[\])?", r"\1", compiled)
    connection = await asyncpg.connect(shop.settings.database_url.get_secret_value())
    try:
        await connection.execute(f"PREPARE searched ({types}) AS {body}")
        for _ in range(6):
            await connection.fetch(f"EXECUTE searched ({literals})")
        query = "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE name = 'searched'"
        assert await connection.fetchval(query) == 6
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        plan = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS OFF) EXECUTE searched ({literals})")
    finally:
        await connection.close()
    return "\n".join(row[0] for row in plan)


def _literal(value: Any) -> str:
    if isinstance(value, list):
        return f"ARRAY{value}::int[]"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value).lower()


SHAPES = {
    "words": (Shape("name"), {"query_0": QUERY}),
    "two words": (Shape("name", 2), {"query_0": "'camera'", "query_1": QUERY}),
    "words anywhere": (Shape("text", beyond_name=True), {"query_0": QUERY}),
    "two words anywhere": (Shape("text", 2, beyond_name=True), {"query_0": "'camera'", "query_1": QUERY}),
    "words in a category": (Shape("name", facets=1), {"query_0": QUERY, "facets_0": [3]}),
    "two facets": (Shape(facets=2), {"facets_0": [3], "facets_1": [7, 8]}),
    "words for sale": (Shape("text", narrowed=("available",)), {"query_0": QUERY, "available": True}),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("arm", [Arm.INDEX, Arm.TIER_1, Arm.TIER_3, Arm.WALK])
@pytest.mark.parametrize("after", [False, True], ids=["first page", "next page"])
async def test_no_page_reads_the_whole_table(large: Shop, name: str, arm: Arm, after: bool) -> None:
    shape, values = SHAPES[name]
    order = ORDERS[ProductSort.RELEVANCE]
    statement = page_statement(shape, order, arm, forward=True, after=after)
    place = {"after": 200, "after_id": 5} if after else {}

    plan = await generic_plan(large, statement, {**values, **place, "limit": 25})

    assert "Seq Scan on product_search" not in plan, plan
    if arm is Arm.WALK:
        assert "product_search_popularity_product_id_idx" in plan, plan
        assert "Sort" not in plan, plan
    else:
        # so small a catalogue has one tier, which all three indexes hold
        expected = "product_search_tier_" if arm.tier else "product_search_(?:name|text)_idx"
        asked = re.search(rf"Bitmap Index Scan on (?:{expected}).*\n +Index Cond: (.*)", plan)
        assert asked, plan
        assert asked[1].count("@@") == (shape.queries if shape.vector else 0), plan  # two words at once


@pytest.mark.parametrize("sort", list(ProductSort))
async def test_a_walk_ends_with_the_page_in_every_order(large: Shop, sort: ProductSort) -> None:
    statement = page_statement(Shape(narrowed=("available",)), ORDERS[sort], Arm.WALK, forward=True, after=False)
    values: dict[str, Any] = {"available": True, "limit": 25}
    if ORDERS[sort].by_price:
        values["price_category"] = 0

    plan = await generic_plan(large, statement, values)

    read = [int(float(found)) for found in re.findall(r"product_(?:search|price)\w*_idx.*?rows=([\d.]+) loops", plan)]
    read += [int(float(found)) for found in re.findall(r"product_price_order_pkey.*?rows=([\d.]+) loops", plan)]
    assert "Seq Scan" not in plan, plan
    assert "Sort" not in plan, plan
    assert max(read) < 200, plan


@pytest.mark.parametrize("sample", [4, 16, 64, 256])
async def test_counts_and_facets_of_a_sample_read_its_index(large: Shop, sample: int) -> None:
    shape = Shape("text")
    for statement in (
        count_statement(shape, sample),
        count_statement(shape, sample, at_most=True),
        facet_statement(shape, sample, walk_rows=200),
        facet_statement(shape, sample),
    ):
        plan = await generic_plan(large, statement, {"query_0": QUERY, "limit": EXACT_ROWS + 1, "price_category": 0})
        assert f"product_search_sample_{sample}_idx" in plan, plan
        assert "Seq Scan on product_search" not in plan, plan


async def test_the_values_of_facets_are_counted_without_sorting_them(large: Shop) -> None:
    values = {"query_0": "'camera'", "query_1": QUERY, "facets_0": [3], "limit": EXACT_ROWS + 1}
    for shape in (Shape("text"), Shape("text", 2), Shape("text", 2, facets=1)):
        plan = await generic_plan(large, facet_statement(shape, at_most=True), values)
        assert "HashAggregate" in plan, plan
        assert "Sort" not in plan, plan


async def test_every_arm_gives_the_same_page(large: Shop) -> None:
    shape, order = Shape("name"), ORDERS[ProductSort.RELEVANCE]
    found = {}
    for arm in (Arm.INDEX, Arm.WALK, Arm.SCAN, Arm.TIER_3):
        async with large.database.read_fresh() as connection:
            statement = page_statement(shape, order, arm, forward=True, after=False)
            found[arm] = (await connection.execute(statement, {"query_0": QUERY, "limit": 25})).all()

    assert len(found[Arm.INDEX]) == 25
    assert found[Arm.INDEX] == found[Arm.WALK] == found[Arm.SCAN]
    popular = found[Arm.TIER_3]
    assert len(popular) > 5
    assert popular == found[Arm.INDEX][: len(popular)]


@pytest.mark.parametrize("sort", [ProductSort.RELEVANCE, ProductSort.PRICE_ASC, ProductSort.NAME_DESC])
@pytest.mark.parametrize(
    ("query", "tsquery"),
    [
        ("classic camera", "classic & camera"),
        ("steel classic cotton", "steel & classic & cotton"),
        ("classic camera -steel", "classic & camera & !steel"),
        ("cotton -steel -classic", "cotton & !steel & !classic"),
        ("camera or lamp classic", "(camera | lamp) & classic"),
        ('classic "camera bag"', "classic & (camera <-> bag)"),
        ("modern classic", "modern & classic"),
    ],
)
async def test_several_words_find_what_one_tsquery_finds(
    large: Shop, query: str, tsquery: str, sort: ProductSort
) -> None:
    order = ORDERS[sort]
    direction = "DESC" if order.falling else "ASC"
    asked = "to_tsquery('shop_en', :q)"
    classed = f"name_vector @@ {asked} DESC," if sort is ProductSort.RELEVANCE else ""
    found = await rows(
        large,
        f"SELECT product_id FROM product_search WHERE text_vector @@ {asked}"
        f" ORDER BY {classed} {order.column} {direction}, product_id {direction}",
        q=tsquery,
    )
    expected = [row.product_id for row in found]

    page = (await large.search_index.page(SearchRequest(query, sort=sort), PageRequest(100))).page
    count = await large.search_index.count(SearchRequest(query))

    assert list(page.items) == expected[:100]
    assert count.value == min(len(expected), EXACT_ROWS)
    assert (count.precision is CountPrecision.EXACT) == (len(expected) <= EXACT_ROWS)


@pytest.mark.parametrize("after", [False, True], ids=["first page", "next page"])
async def test_a_rare_words_two_classes_are_one_look_into_the_index(large: Shop, after: bool) -> None:
    shape, order = Shape("text", by_class=True), ORDERS[ProductSort.RELEVANCE]
    statement = page_statement(shape, order, Arm.INDEX, forward=True, after=after)
    place = {"after": 200, "after_id": 5, "after_in_name": True} if after else {}

    plan = await generic_plan(large, statement, {"query_0": QUERY, "limit": 25, **place})

    assert "Bitmap Index Scan on product_search_text_idx" in plan, plan
    assert "Seq Scan on product_search" not in plan, plan


async def test_the_servers_own_connections_plan_for_all_values_from_the_first_execution(large: Shop) -> None:
    asked = "SELECT count(*) FROM product_search WHERE sort_name"
    plans = "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
    async with large.database.read_fresh() as connection:
        for query in ("classic", "camera"):
            await connection.execute(text(f"{asked} = :q"), {"q": query})
        (row,) = (await connection.execute(text(f"{plans} WHERE starts_with(statement, '{asked}')"))).all()

    assert (row.generic_plans, row.custom_plans) == (2, 0)


async def test_counts_of_many_are_bounds_that_hold_and_those_of_few_are_exact(large: Shop) -> None:
    precisions = set()
    for query in ("classic", "cotton", "steel", "quality", "camera", "wool", ""):
        request = SearchRequest(query)
        count = await large.search_index.count(request)
        facets = await large.search_index.facets(request)
        if query:
            ((true,),) = await rows(
                large,
                "SELECT count(*) FROM product_search WHERE text_vector @@ websearch_to_tsquery('shop_en', :q)",
                q=query,
            )
        else:
            true = PRODUCTS
        precisions.add(count.precision)
        assert count.value == (true if count.precision is CountPrecision.EXACT else EXACT_ROWS)
        assert count.value <= true
        brands = facets.values[0].values
        assert brands
        for each in [*brands[:5], *facets.values[1].values[:5]]:
            narrowed = replace(
                request,
                filter=ProductFilter(brands=(each.value,))
                if each in brands
                else ProductFilter(
                    categories=(int(each.value),)  # type: ignore[arg-type]
                ),
            )
            applied = await large.search_index.count(narrowed)
            if each.count.precision is CountPrecision.EXACT:
                assert applied.value == each.count.value
            elif applied.precision is CountPrecision.EXACT:
                assert each.count.value <= applied.value
    assert precisions == {CountPrecision.EXACT, CountPrecision.AT_LEAST}


async def test_a_walk_through_a_broad_search_meets_every_product_once(large: Shop) -> None:
    for sort in ProductSort:
        request = SearchRequest("classic camera", sort=sort)
        whole = (await large.search_index.page(request, PageRequest(100))).page
        seen, cursor = [], None
        while True:
            page = (await large.search_index.page(request, PageRequest(7, cursor=cursor))).page
            seen += page.items
            if not page.has_next:
                break
            cursor = page.cursors[-1]
        assert list(whole.items) == seen[:100], sort
        assert len(set(seen)) == len(seen) == (await large.search_index.count(request)).value


async def test_every_stock_flip_and_every_price_stays_in_place(api: Api, shop: Shop, keeper: Shopkeeper) -> None:
    stocked = await keeper.stock(f"Flip {new_word()}", on_hand=1, description="word " * 40)
    found = "SELECT available FROM product_search JOIN variant USING (product_id) WHERE variant.id = :id"
    price = "UPDATE product_search SET price_min_minor = price_min_minor + 1 WHERE product_id = :product_id"
    ((product_id,),) = await rows(shop, "SELECT product_id FROM variant WHERE id = :id", id=stocked.variant_id)
    flips = 6

    async with shop.database.read_fresh() as connection:  # one backend, each statement a transaction

        async def run(statement: str, **values: Any) -> Any:
            return await connection.execute(text(statement), values)

        async def updates() -> tuple[int, int]:
            await run("SELECT pg_stat_force_next_flush()")
            counted = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'product_search'"
            row = (await run(counted)).one()
            return row[0], row[1]

        before, states = await updates(), []
        for number in range(flips):
            await run("UPDATE stock SET on_hand = :n WHERE variant_id = :id", n=number % 2, id=stocked.variant_id)
            states.append((await run(found, id=stocked.variant_id)).one().available)
        flipped = await updates()
        await run(price, product_id=product_id)
        priced = await updates()

    assert states == [number % 2 == 1 for number in range(flips)]
    assert (flipped[0] - before[0], flipped[1] - before[1]) == (flips, flips)
    assert (priced[0] - flipped[0], priced[1] - flipped[1]) == (1, 1)


async def test_two_orders_that_take_the_last_of_two_variants_leave_the_product_sold_out(
    api: Api, shop: Shop, keeper: Shopkeeper
) -> None:
    stocked = await keeper.stock(f"Pair {new_word()}", on_hand=1, sizes=("S", "M"))
    started = asyncio.Barrier(2)

    async def take(variant_id: int) -> None:
        async with shop.database.write() as connection:
            await started.wait()
            statement = text("UPDATE stock SET reserved = 1 WHERE variant_id = :id")
            await connection.execute(statement, {"id": variant_id})

    await asyncio.gather(*(take(variant_id) for variant_id in stocked.variant_ids))

    ((available,),) = await rows(
        shop,
        "SELECT available FROM product_search JOIN variant USING (product_id) WHERE variant.id = :id",
        id=stocked.variant_ids[0],
    )
    assert available is False


async def test_sales_move_a_product_up_when_counts_are_refreshed_and_not_before(
    api: Api, shop: Shop, keeper: Shopkeeper, clock: ManualClock
) -> None:
    word = new_word()
    await keeper.stock(f"Favourite {word}", popularity=3)
    sold = await keeper.stock(f"Sold {word}", popularity=1)
    outcome = await api.checkout(await api.ready_cart((sold.variant_id, 5)))
    assert outcome["__typename"] == "CheckoutCompleted"

    async def names() -> list[str]:
        hits = await shop.search_index.page(SearchRequest(word), PageRequest(5))
        products = await shop.catalog.products_by_ids(hits.page.items)
        return [products[key].name.split()[0] for key in hits.page.items]

    before = await names()
    await shop.refresh_search()
    after = await names()
    with clock.turned(timedelta(days=31)):
        await shop.refresh_search()

    assert (before, after, await names()) == (["Favourite", "Sold"], ["Sold", "Favourite"], ["Favourite", "Sold"])
