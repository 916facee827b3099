"""Words and facets by name and by time: pages by marks of the order's steps, and marks that keep up with changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from app.bootstrap import Shop
from app.catalog import search_segments, search_upkeep
from app.catalog.search import ProductFilter, ProductSort, SearchRequest
from app.catalog.search_marks_sql import MARKED, marked_statement
from app.catalog.search_plan import Frequency, IndexSize, Place, arms, match_after, sample_for_marks
from app.catalog.search_sql import ORDERS, Arm, Shape
from app.catalog.upkeep_sql import FREQUENT
from app.core.money import Currency
from app.core.pagination import PageRequest
from app.seed.generated import generated_drafts
from tests.conftest import Servers
from tests.generated_catalogue import generated_catalogue
from tests.generic_plans import generic_plan
from tests.shopkeeping import Api, ManualClock, Shopkeeper, new_word
from tests.walked_pages import there_and_back, walked

PRODUCTS = 4_000
SORTED = {
    ProductSort.NEWEST: "created_at DESC, product_id DESC",
    ProductSort.NAME_ASC: "sort_name, product_id",
    ProductSort.NAME_DESC: "sort_name DESC, product_id DESC",
}
MATCHES = {  # shapes with their values: the condition that they are
    "a word": (Shape("text"), {"query_0": "'classic'"}, "text_vector @@ 'classic'"),
    "two words": (
        Shape("text", queries=2),
        {"query_0": "'women'", "query_1": "'design'"},
        "text_vector @@ 'women' AND text_vector @@ 'design'",
    ),
    "what can be bought": (
        Shape("text", narrowed=("available",)),
        {"query_0": "'women'", "available": True},
        "text_vector @@ 'women' AND available",
    ),
    "a facet": (Shape(facets=1), {"facets_0": [0]}, "true"),
    "another currency": (
        Shape("text", foreign=True),
        {"query_0": "'women'", "currency": "EUR"},
        "text_vector @@ 'women' AND product_id IN (SELECT product_id FROM product_price WHERE currency = 'EUR')",
    ),
}
MARKS = """
    SELECT hit.product_id, text_vector @@ steps_query('n', name, name) AND text_vector @@ steps_query('t', time, time)
           AND (SELECT count(*) FROM unnest(tsvector_to_array(text_vector)) AS word WHERE word LIKE '#%') = 6
    FROM search_state, product_search AS hit, LATERAL (
        SELECT width_bucket(sort_name, name_steps) AS name, width_bucket(created_at, time_steps) AS time
    ) AS step
"""


@pytest.fixture(scope="module")
async def marked(servers: Servers) -> AsyncIterator[Shop]:
    """A catalogue whose texts have marks, in a database of its own, its counts fresh."""
    async with generated_catalogue(servers, "marked", PRODUCTS) as shop:
        async with shop.database.write() as connection:
            await connection.execute(
                text(
                    "INSERT INTO product_price SELECT product_id, 'EUR', price_min_minor, price_max_minor, on_sale"
                    " FROM product_search WHERE product_id % 3 <> 0"
                )
            )
        yield shop


async def rows(shop: Shop, statement: Any, **values: Any) -> list[Any]:
    query = text(statement) if isinstance(statement, str) else statement
    async with shop.database.read_fresh() as connection:
        return list((await connection.execute(query, values)).all())


async def test_marks_are_of_the_steps_between_two_and_of_no_others(marked: Shop) -> None:
    wrong = """
        SELECT low, high, step FROM generate_series(0, 511, 7) AS low, generate_series(0, 511, 5) AS high,
        LATERAL (SELECT steps_query('n', low, high) AS query OFFSET 0) AS stretch, (
            SELECT step, array_to_tsvector(step_marks('n', step)) AS marks FROM generate_series(0, 511) AS step OFFSET 0
        ) AS marked WHERE coalesce(marks @@ query, false) <> (step BETWEEN low AND high)
    """

    assert await rows(marked, wrong) == []
    (longest,) = await rows(
        marked,
        "SELECT max(numnode(steps_query('n', low, 510))) FROM generate_series(0, 511) AS low",
    )
    assert longest[0] == 2 * 34 - 1  # marks, and an operator between each two


@pytest.mark.parametrize("matches", MATCHES)
@pytest.mark.parametrize("sort", SORTED)
@pytest.mark.parametrize(("sample", "nth"), [(4, 1), (4, 13), (16, 6), (64, 3), (1_024, 2)])
async def test_marks_give_what_a_sort_of_all_matches_gives(
    marked: Shop, matches: str, sort: ProductSort, sample: int, nth: int
) -> None:
    shape, given, condition = MATCHES[matches]
    sorted_ids = f"SELECT product_id FROM product_search WHERE {condition} ORDER BY {SORTED[sort]}"
    expected = [row.product_id for row in await rows(marked, sorted_ids)]
    assert len(expected) > 60
    limit = max(25, len(expected) // 15)

    values = {**given, "nth": nth, "limit": limit}
    statement = partial(marked_statement, shape, ORDERS[sort], sample)

    assert await walked(marked, statement, values, forward=True) == expected
    assert await walked(marked, statement, values, forward=False) == expected[::-1]


@pytest.mark.parametrize("after", [False, True])
async def test_a_replica_that_has_no_steps_yet_gives_every_match(marked: Shop, after: bool) -> None:
    shape, given, condition = MATCHES["a word"]
    sorted_rows = f"SELECT sort_name, product_id FROM product_search WHERE {condition} ORDER BY sort_name, product_id"
    everything = [tuple(row) for row in await rows(marked, sorted_rows)]
    place = {"after": everything[30][0], "after_id": everything[30][1]} if after else {}
    statement = marked_statement(shape, ORDERS[ProductSort.NAME_ASC], 4, forward=True, after=after)

    async with marked.database.write() as connection:
        await connection.execute(text("UPDATE search_state SET name_steps = '{}'"))
        page = (await connection.execute(statement, {**given, **place, "nth": 1, "limit": 25})).all()
        await connection.rollback()

    first = 31 if after else 0
    assert [tuple(row) for row in page] == everything[first : first + 25]


@pytest.mark.parametrize("sort", SORTED)
async def test_pages_go_both_ways_within_a_filter(
    marked: Shop, sort: ProductSort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_segments, "arms", lambda *_: [Arm.MARKS])  # a walk would do for so few products
    request = SearchRequest("women", ProductFilter(price_min=2_000, price_max=9_000, available=True), sort)
    condition = "text_vector @@ 'women' AND price_min_minor BETWEEN 2000 AND 9000 AND available"
    sorted_ids = f"SELECT product_id FROM product_search WHERE {condition} ORDER BY {SORTED[sort]}"
    expected = [row.product_id for row in await rows(marked, sorted_ids)]
    assert len(expected) > 50

    assert await there_and_back(marked, request, 11) == (expected, expected)


@pytest.mark.parametrize("sort", SORTED)
@pytest.mark.parametrize("matches", ["a word", "a facet"])
async def test_a_stretch_is_read_by_the_index_of_words(marked: Shop, sort: ProductSort, matches: str) -> None:
    shape, _, _ = MATCHES[matches]
    statement = marked_statement(shape, ORDERS[sort], 64, forward=True, after=False)
    query, facets = ("tsquery", "'classic'"), ("int[]", "ARRAY[0]")

    plan = await generic_plan(
        marked,
        statement,
        {"query_0": query, "facets_0": facets, "nth": ("int", "3"), "limit": ("bigint", "25")},
    )

    assert "Bitmap Index Scan on product_search_text_idx" in plan, plan
    assert "Bitmap Index Scan on product_search_sample_64_idx" in plan, plan
    assert "Seq Scan on product" not in plan, plan


@pytest.mark.parametrize(
    ("likely", "shape", "chosen"),
    [
        (10_000.0, Shape("text"), [Arm.MARKS]),
        (10_000.0, Shape("text", facets=1, narrowed=("available",)), [Arm.MARKS]),
        (10_000.0, Shape("text", foreign=True), [Arm.MARKS]),
        (40_000.0, Shape("text"), [Arm.WALK, Arm.MARKS]),
        (100.0, Shape("text"), [Arm.INDEX]),
    ],
)
@pytest.mark.parametrize("sort", SORTED)
def test_marks_are_for_what_is_frequent(likely: float, shape: Shape, sort: ProductSort, chosen: list[Arm]) -> None:
    size, frequency = IndexSize(1_000_000, has_marks=True), Frequency(300_000, likely)

    assert arms(shape, ORDERS[sort], frequency, size, Place(25)) == chosen


def test_there_are_no_marks_before_a_rebuild_nor_of_the_other_orders() -> None:
    frequency, size = Frequency(90_000, 90_000.0), IndexSize(1_000_000, has_marks=True)
    by_name = ORDERS[ProductSort.NAME_ASC]

    assert Arm.MARKS not in arms(Shape("text"), by_name, frequency, IndexSize(1_000_000), Place(25))
    assert {order.column for order in ORDERS.values()} - set(MARKED) == {"popularity", "price_min_minor"}
    for sort in (ProductSort.BEST_SELLING, ProductSort.PRICE_ASC):
        assert Arm.MARKS not in arms(Shape("text"), ORDERS[sort], frequency, size, Place(25))


def test_the_sample_is_coarser_for_what_is_more_frequent() -> None:
    def sample(likely: float) -> int:
        return sample_for_marks(Frequency(int(likely), likely), 25)[0]

    assert [sample(each) for each in (200.0, 10_000.0, 100_000.0)] == sorted({sample(200.0), 64, sample(1e5)})
    assert match_after(25, 64) == 3  # of 25 in 64, three or more once in 130 times
    assert match_after(25, 1_024) == 2


async def test_marks_are_not_counted_as_words(marked: Shop) -> None:
    counted = [row.lexeme for row in await rows(marked, "SELECT lexeme FROM search_lexeme")]
    block = "SELECT count(*) FROM product_search WHERE text_vector @@ CAST(:mark AS tsquery)"

    assert "classic" in counted
    assert [lexeme for lexeme in counted if lexeme.startswith("#")] == []
    assert (await rows(marked, block, mark="'#n2.3'"))[0][0] > FREQUENT  # as many as a counted word


async def test_marks_keep_up_with_names_and_a_rebuild_and_are_no_words(
    api: Api, shop: Shop, keeper: Shopkeeper
) -> None:
    await shop.rebuild_search()
    word = new_word()
    stocked = await keeper.stock(f"Aaa {word}", key=word)
    other = await keeper.stock(f"Zzz {word}")
    of = "SELECT product_id FROM variant WHERE id = ANY(:ids) ORDER BY 1"
    ids = [row.product_id for row in await rows(shop, of, ids=[stocked.variant_id, other.variant_id])]

    stored = await rows(shop, f"{MARKS} WHERE hit.product_id = ANY(:ids) ORDER BY 1", ids=ids)
    await keeper.stock(f"Zzzz {word}", key=word)
    renamed = await rows(shop, f"{MARKS} WHERE hit.product_id = ANY(:ids) ORDER BY 1", ids=ids)
    await shop.rebuild_search()
    await shop.refresh_search()
    rebuilt = await rows(shop, MARKS)
    found = await shop.search_index.page(SearchRequest("#n0.0"), PageRequest(10))
    keyed = await rows(
        shop,
        "SELECT cardinality(keys) = cardinality(tsvector_to_array(text_vector)) - 6 FROM product_search"
        " JOIN product_price_order USING (product_id) WHERE product_id = :id AND category_id = 0",
        id=ids[0],
    )

    assert [tuple(row) for row in stored] == [(product_id, True) for product_id in ids]
    assert renamed == stored
    assert all(row[1] for row in rebuilt)
    assert len(rebuilt) > 2
    assert found.page.items == ()
    assert [row[0] for row in keyed] == [True]


async def test_new_products_get_steps_of_their_own(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_upkeep, "LEAST_IN_STEP", 40)
    steps = """
        SELECT cardinality(time_steps), max(width_bucket(created_at, time_steps))
        FROM product_search, search_state GROUP BY 1
    """
    clock, drafts = ManualClock(), list(generated_drafts(2_150, currency=Currency("USD")))
    met = []
    async with generated_catalogue(servers, "growing", 2_000, clock=clock) as shop:
        for hours, (start, end) in enumerate([(2_000, 2_060), (2_060, 2_120), (2_120, 2_150)], 1):
            with clock.turned(timedelta(hours=hours)):
                await shop.store_products(drafts[start:end])
                await shop.refresh_search()
                await shop.refresh_search()
            met += [tuple(row) for row in await rows(shop, steps)]
        unmarked = [row for row in await rows(shop, MARKS) if not row[1]]

    # 511 of the rebuild, one after those that came in bulk, one after each sixty; thirty are too few for another one
    assert met == [(513, 512), (514, 513), (514, 514)]
    assert unmarked == []
