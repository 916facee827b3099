"""Words by price: pages along steps, and keys that keep up with every change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from app.bootstrap import Shop, build_shop
from app.catalog.price_book import ListPrice
from app.catalog.search import ProductFilter, ProductSort, SearchRequest
from app.catalog.search_plan import Frequency, IndexSize, Place, arms
from app.catalog.search_sql import ORDERS, Arm, Shape
from app.catalog.search_steps_sql import steps_statement, words_of_parts
from app.core.money import Currency
from app.seed.generated import generated_drafts
from app.settings import load_settings
from tests.conftest import Servers
from tests.generated_catalogue import generated_catalogue
from tests.generic_plans import generic_plan
from tests.shopkeeping import Api, Shopkeeper, new_word
from tests.walked_pages import there_and_back, walked

PRODUCTS = 4_000
SORTED = {
    ProductSort.PRICE_ASC: "price_min_minor, product_id",
    ProductSort.PRICE_DESC: "price_min_minor DESC, product_id DESC",
}
QUERIES = {  # what is typed: the tsquery that it is, and lexemes of each of its parts
    "classic": ("'classic'", (("classic",),)),
    "classic modern": ("'classic' & 'modern'", (("classic",), ("modern",))),
    "classic or camera": ("'classic' | 'camera'", (("classic", "camera"),)),
    "classic -modern": ("'classic' & !'modern'", (("classic",),)),
}
KEYS = """
    SELECT hit.product_id, place.keys = word_keys(text_vector, width_bucket(price_min_minor, price_steps)) AS holds
    FROM search_state, product_search AS hit LEFT JOIN product_price_order AS place
    ON place.product_id = hit.product_id AND category_id = 0 AND price_minor = price_min_minor
"""


@pytest.fixture(scope="module")
async def stepped(servers: Servers) -> AsyncIterator[Shop]:
    """A catalogue whose order by price has steps, in a database of its own, its counts fresh."""
    async with generated_catalogue(servers, "stepped", PRODUCTS) as shop:
        yield shop


async def rows(shop: Shop, statement: Any, **values: Any) -> list[Any]:
    query = text(statement) if isinstance(statement, str) else statement
    async with shop.database.read_fresh() as connection:
        return list((await connection.execute(query, values)).all())


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("sort", SORTED)
@pytest.mark.parametrize("at_once", [1, 5, 128])
async def test_steps_give_what_a_sort_of_all_matches_gives(
    stepped: Shop, query: str, sort: ProductSort, at_once: int
) -> None:
    tsquery, lexemes = QUERIES[query]
    sorted_ids = (
        f"SELECT product_id FROM product_search WHERE text_vector @@ CAST(:q AS tsquery) ORDER BY {SORTED[sort]}"
    )
    expected = [row.product_id for row in await rows(stepped, sorted_ids, q=tsquery)]
    assert len(expected) > 20

    values = {"query_0": tsquery, "at_once": at_once, "limit": 60, **words_of_parts(lexemes)}
    statement = partial(steps_statement, Shape("text"), ORDERS[sort], len(lexemes))

    assert await walked(stepped, statement, values, forward=True) == expected
    assert await walked(stepped, statement, values, forward=False) == expected[::-1]


@pytest.mark.parametrize("sort", SORTED)
async def test_pages_of_a_frequent_word_within_a_filter_are_the_same_by_steps(stepped: Shop, sort: ProductSort) -> None:
    narrowed = ProductFilter(price_min=2_000, price_max=9_000, available=True)
    request = SearchRequest("classic", narrowed, sort)
    condition = "text_vector @@ 'classic' AND price_min_minor BETWEEN 2000 AND 9000 AND available"
    sorted_ids = f"SELECT product_id FROM product_search WHERE {condition} ORDER BY {SORTED[sort]}"
    expected = [row.product_id for row in await rows(stepped, sorted_ids)]
    assert len(expected) > 50

    assert await there_and_back(stepped, request, 11) == (expected, expected)


@pytest.mark.parametrize("sort", SORTED)
async def test_a_step_is_read_by_its_keys(stepped: Shop, sort: ProductSort) -> None:
    statement = steps_statement(Shape("text"), ORDERS[sort], 1, forward=True, after=False)
    query, words = ("tsquery", "'classic'"), ("text[]", "ARRAY['classic']")

    plan = await generic_plan(
        stepped,
        statement,
        {"query_0": query, "words_0": words, "at_once": ("int", "1"), "limit": ("bigint", "25")},
    )

    assert "Bitmap Index Scan on product_price_order_keys_idx" in plan, plan
    assert "Seq Scan on product" not in plan, plan


@pytest.mark.parametrize(
    ("likely", "shape", "chosen"),
    [
        (10_000.0, Shape("text"), Arm.STEPS),
        (10_000.0, Shape("text", narrowed=("available",)), Arm.STEPS),
        (100.0, Shape("text"), Arm.INDEX),
        (600.0, Shape("text", facets=1), Arm.INDEX),  # most of the word's products would be looked up in vain
    ],
)
def test_steps_are_for_frequent_words_without_facets(likely: float, shape: Shape, chosen: Arm) -> None:
    size = IndexSize(1_000_000, has_steps=True)

    found = arms(shape, ORDERS[ProductSort.PRICE_ASC], Frequency(9_000, likely), size, Place(25))

    assert found[0] is chosen


def test_there_are_no_steps_before_a_rebuild_or_in_another_currency() -> None:
    order, frequency = ORDERS[ProductSort.PRICE_ASC], Frequency(90_000, 90_000.0)

    before = arms(Shape("text"), order, frequency, IndexSize(1_000_000), Place(25))
    foreign = arms(Shape("text", foreign=True), order, frequency, IndexSize(1_000_000, has_steps=True), Place(25))

    assert Arm.STEPS not in before
    assert Arm.STEPS not in foreign


async def test_keys_keep_up_with_prices_and_texts_and_a_rebuild(api: Api, shop: Shop, keeper: Shopkeeper) -> None:
    await shop.rebuild_search()
    word = new_word()
    stocked = await keeper.stock(f"Keyed {word}", price="12.00")
    other = await keeper.stock(f"Keyed too {word}", price="3.00")
    of = "SELECT product_id FROM variant WHERE id = ANY(:ids) ORDER BY 1"
    ids = [row.product_id for row in await rows(shop, of, ids=[stocked.variant_id, other.variant_id])]

    async def places() -> list[tuple[int, bool]]:
        mine = f"{KEYS} WHERE hit.product_id = ANY(:ids) ORDER BY 1"
        return [tuple(row) for row in await rows(shop, mine, ids=ids)]

    stored = await places()
    await shop.set_prices(stocked.sku, {Currency("USD"): ListPrice(90_000)})
    priced = await places()
    await shop.rebuild_search()
    rebuilt = await rows(shop, KEYS)

    assert stored == priced == [(product_id, True) for product_id in ids]
    assert all(row.holds for row in rebuilt)
    assert len(rebuilt) > 2


async def test_the_worker_builds_an_outgrown_index_anew(servers: Servers) -> None:
    servers.postgres.create_database("outgrown")
    shop = build_shop(load_settings(servers.environment("outgrown")), statement_timeout_seconds=30)
    await shop.migrate()
    await shop.store_products(list(generated_drafts(300, currency=Currency("USD"))))
    built = "SELECT built_count, cardinality(price_steps) FROM search_state"

    async def keep(product_count: int, built_count: int, name_steps: str = "{a}") -> Any:
        async with shop.database.write() as connection:
            counts = f"product_count = {product_count}, built_count = {built_count}, name_steps = '{name_steps}'"
            await connection.execute(text(f"UPDATE search_state SET {counts}"))
        await shop.keep_search()
        (row,) = await rows(shop, built)
        return tuple(row)

    small = await keep(20_000, 0)
    grown_by_half = await keep(90_000, 60_000)
    outgrown = await keep(90_000, 40_000)
    small_without_steps = await keep(20_000, 20_000, "{}")
    without_steps = await keep(90_000, 60_000, "{}")

    assert (small, grown_by_half, outgrown) == ((0, 0), (60_000, 0), (300, 127))
    assert (small_without_steps, without_steps) == ((20_000, 127), (300, 127))
    await shop.close()
    servers.postgres.drop_database("outgrown")
