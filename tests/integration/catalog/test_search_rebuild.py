"""A rebuild of the index under running searches and changes: nothing is lost, and nothing gets in its way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from app.bootstrap import Shop, build_shop
from app.catalog.search import SearchRequest
from app.catalog.search_rebuild import RebuildSearch, RebuildUnderWay
from app.core.errors import DatabaseUnavailable
from app.core.money import Currency
from app.core.pagination import PageRequest
from app.seed.generated import generated_drafts
from app.settings import load_settings
from tests.conftest import Servers
from tests.shopkeeping import Shopkeeper, new_word


async def rows(shop: Shop, statement: str) -> list[Any]:
    async with shop.database.read_fresh() as connection:
        return list((await connection.execute(text(statement))).all())


async def test_a_rebuild_loses_no_search_and_no_change(shop: Shop, keeper: Shopkeeper) -> None:
    word = new_word()
    for number in range(5):
        await keeper.stock(f"{word} {number}", on_hand=1)
    ((before,),) = await rows(shop, "SELECT count(*) FROM product_search")
    stop, changed = asyncio.Event(), asyncio.Event()
    answers = changes = 0

    async def search() -> None:
        nonlocal answers
        while not stop.is_set():
            hits = await shop.search_index.page(SearchRequest(word), PageRequest(50))
            assert len(hits.page.items) >= 5
            answers += 1

    async def change() -> None:
        nonlocal changes
        while not stop.is_set():
            await keeper.stock(f"{word} new {changes}")
            changes += 1
            changed.set()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(search())
        tasks.create_task(change())
        await changed.wait()
        for _ in range(3):
            await shop.rebuild_search()
        stop.set()

    assert answers > 10
    ((after,),) = await rows(shop, "SELECT count(*) FROM product_search")
    assert after == before + changes
    found = await shop.search_index.count(SearchRequest(word))
    assert found.value == 5 + changes
    leftovers = await rows(shop, "SELECT relname FROM pg_class WHERE relname LIKE '%\\_next%'")
    assert leftovers == []
    assert await rows(shop, "SELECT 1 FROM search_change LIMIT 1") == []
    indexes = {
        row[0] for row in await rows(shop, "SELECT indexname FROM pg_indexes WHERE tablename = 'product_search'")
    }
    assert {"product_search_pkey", "product_search_name_idx", "product_search_sample_4_idx"} <= indexes


async def test_what_changes_beside_a_rebuild_has_the_marks_of_the_new_steps(
    shop: Shop, keeper: Shopkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill, word = RebuildSearch._fill, new_word()

    async def fill_and_change(self: RebuildSearch, *given: Any) -> int:
        total = await fill(self, *given)
        await keeper.stock(f"Meanwhile {word}")
        return total

    monkeypatch.setattr(RebuildSearch, "_fill", fill_and_change)
    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE search_state SET name_steps = '{a}', time_steps = '{2000-01-01}'"))
    await shop.rebuild_search()

    found = await rows(
        shop,
        "SELECT sort_name, text_vector @@ steps_query('n', step, step) AS marked FROM product_search, search_state,"
        " LATERAL (SELECT width_bucket(sort_name, name_steps) AS step) AS of_name",
    )
    assert [row.sort_name for row in found if not row.marked] == []
    assert f"meanwhile {word}" in {row.sort_name for row in found}


async def test_a_rebuild_gives_the_rows_that_were_there(shop: Shop, keeper: Shopkeeper) -> None:
    await keeper.stock(f"Same {new_word()}", sizes=("S", "M"), category_path=("Rebuilt", "Twice"), brand="Again")
    marks = "ARRAY(SELECT word FROM unnest(tsvector_to_array(text_vector)) AS word WHERE word LIKE '#%')"
    columns = (
        "product_id, popularity, available, on_sale, price_min_minor, facet_ids, name_vector, sort_name,"
        f" ts_delete(text_vector, {marks})"  # the steps begin elsewhere once there are more products
    )
    statement = f"SELECT {columns} FROM product_search ORDER BY product_id"
    whole = "SELECT product_id, text_vector FROM product_search ORDER BY product_id"
    prices = "SELECT category_id, price_minor, product_id FROM product_price_order ORDER BY 1, 2, 3"
    await shop.refresh_search()
    before = await rows(shop, statement), await rows(shop, prices)

    await shop.rebuild_search()
    await shop.refresh_search()

    assert (await rows(shop, statement), await rows(shop, prices)) == before
    marked = await rows(shop, whole)
    await shop.rebuild_search()
    assert await rows(shop, whole) == marked


async def test_a_rebuild_that_fails_says_its_own_cause(
    shop: Shop, keeper: Shopkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keeper.stock(f"Lasting {new_word()}")

    async def fail(*_: object) -> None:
        raise DatabaseUnavailable("the database did not answer")

    with monkeypatch.context() as broken:
        broken.setattr(RebuildSearch, "_write", fail)
        with pytest.raises(DatabaseUnavailable):
            await shop.rebuild_search()

    await shop.rebuild_search()  # the next one begins anew


async def test_a_table_is_not_vacuumed_while_it_is_built_and_is_again_afterwards(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = """
        SELECT hits.relname, hits.reloptions, toast.reloptions AS toast FROM pg_class AS hits
        LEFT JOIN pg_class AS toast ON toast.oid = hits.reltoastrelid
        WHERE hits.relname ~ '^product_(search|price_order)(_next)?$' AND hits.relkind = 'r' ORDER BY 1
    """
    before = await rows(shop, options)
    under_way: list[Any] = []
    build = RebuildSearch._build_indexes

    async def note_and_build(self: RebuildSearch, *bounds: Any) -> None:
        under_way.extend(await rows(shop, options))
        await build(self, *bounds)

    monkeypatch.setattr(RebuildSearch, "_build_indexes", note_and_build)
    await shop.rebuild_search()

    untidied = [row for row in under_way if row.relname.endswith("_next")]
    assert len(untidied) == 2
    assert all("autovacuum_enabled=off" in row.reloptions and "autovacuum_enabled=off" in row.toast for row in untidied)
    assert await rows(shop, options) == before


async def test_one_rebuild_at_a_time(shop: Shop) -> None:
    async with shop.database.write() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(6202564)"))
        with pytest.raises(RebuildUnderWay):
            await RebuildSearch(shop.database, Currency("USD"), "en")()


async def test_the_worker_builds_an_index_that_there_is_not(servers: Servers) -> None:
    servers.postgres.create_database("unbuilt")
    shop = build_shop(load_settings(servers.environment("unbuilt")), statement_timeout_seconds=30)
    await shop.migrate()
    await shop.store_products(list(generated_drafts(50, currency=Currency("USD"))), index=False)
    before = await shop.search_index.count(SearchRequest())

    await shop.keep_search()

    assert (before.value, (await shop.search_index.count(SearchRequest())).value) == (0, 50)
    assert not await shop.search_index_is_missing()
    await shop.close()
    servers.postgres.drop_database("unbuilt")
