"""Reads on the driver's own connections: they share the pool's connections, and what they have left behind is found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import ARRAY, DateTime, Integer, Text, bindparam, select, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.errors import DatabaseUnavailable
from app.database import engine
from app.database.engine import Database
from app.database.search_tables import search_state
from tests.conftest import Servers
from tests.waiting import until

PID = text("SELECT pg_backend_pid()")
SIZE = 3
OPEN = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cartograph' AND datname = 'direct'"


@pytest.fixture
async def database(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """An empty database of its own, whose pool has three connections and no patience."""
    monkeypatch.setattr(engine, "ACQUIRE_SECONDS", 0.1)
    servers.postgres.create_database("direct")
    made = Database.connect(servers.postgres.url("direct"), pool_size=SIZE, statement_timeout_seconds=5)
    try:
        yield made
    finally:
        await made.close()
        servers.postgres.drop_database("direct")


async def pid(database: Database) -> int:
    return int((await database.fetch_nearest(PID))[0][0])


async def busy(database: Database, count: int) -> list[int]:
    """The backends of so many reads at once."""
    asleep = text("SELECT pg_backend_pid() FROM pg_sleep(0.2)")
    fetched = await asyncio.gather(*(database.fetch_nearest(asleep) for _ in range(count)))
    return [rows[0][0] for rows in fetched]


async def test_a_connection_stays_at_hand_for_the_next_read(database: Database) -> None:
    first = await pid(database)

    assert await pid(database) == first
    assert len(set(await busy(database, 2))) == 2
    assert await pid(database) in await busy(database, 2)


async def test_reads_and_transactions_together_have_no_more_than_the_pools_connections(
    database: Database, servers: Servers
) -> None:
    await busy(database, SIZE)

    async def write() -> object:
        async with database.write() as connection:
            return (await connection.execute(text("SELECT pg_backend_pid() FROM pg_sleep(0.05)"))).scalar()

    async with database.read_fresh(), database.write():
        await asyncio.gather(*(pid(database) for _ in range(5)))  # one after the other, by the one that is left
        assert int(servers.postgres.execute(OPEN)) == SIZE
    await asyncio.gather(*(write() for _ in range(SIZE)), *(pid(database) for _ in range(SIZE)))

    assert int(servers.postgres.execute(OPEN)) == SIZE


async def test_what_is_at_hand_is_given_to_whoever_has_to_wait_otherwise(database: Database) -> None:
    at_hand = set(await busy(database, SIZE))

    async with database.write() as one, database.read_fresh() as two, database.read_nearest() as three:
        lent = {(await each.execute(PID)).scalar() for each in (one, two, three)}
        with pytest.raises(DatabaseUnavailable):
            await pid(database)

    assert lent == at_hand
    assert await pid(database) in at_hand


async def test_connections_that_were_cut_while_nobody_looked_cost_no_read(database: Database, servers: Servers) -> None:
    for backend in await busy(database, SIZE):
        servers.postgres.execute(f"SELECT pg_terminate_backend({backend}, 5000)")
    await asyncio.sleep(0.05)  # until the driver has heard of it

    assert len(set(await busy(database, SIZE))) == SIZE


async def test_a_database_that_goes_away_is_an_outage_until_it_is_back(database: Database, servers: Servers) -> None:
    before = await pid(database)
    servers.postgres.execute(f"SELECT pg_terminate_backend({before}, 5000)")
    servers.postgres.execute("ALTER DATABASE direct RENAME TO away")
    for _ in range(SIZE + 1):
        with pytest.raises(DatabaseUnavailable):
            await pid(database)

    servers.postgres.execute("ALTER DATABASE away RENAME TO direct")

    assert len(set(await busy(database, SIZE))) == SIZE


async def test_a_read_that_is_canceled_is_stopped_in_the_server_and_the_pool_is_whole(
    database: Database, servers: Servers
) -> None:
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'direct' AND state = 'active'"
    reads = [asyncio.create_task(database.fetch_nearest(text("SELECT pg_sleep(30)"))) for _ in range(SIZE)]
    await until(lambda: int(servers.postgres.execute(asleep)) == SIZE)

    for read in reads:
        read.cancel()
    ended = await asyncio.gather(*reads, return_exceptions=True)

    assert [type(each) for each in ended] == [asyncio.CancelledError] * SIZE
    assert len(set(await busy(database, SIZE))) == SIZE
    assert int(servers.postgres.execute(asleep)) == 0


async def test_a_canceled_wait_for_a_connection_loses_none(database: Database) -> None:
    async with database.write(), database.write(), database.write():
        waiting = asyncio.create_task(pid(database))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert len(set(await busy(database, SIZE))) == SIZE


async def test_values_arrive_as_they_do_in_an_executed_statement(database: Database) -> None:
    statement = text("SELECT :moment AS moment, :words AS w, :rows AS rows, :none AS n, :words AS again").bindparams(
        bindparam("moment", type_=DateTime(timezone=True)),
        bindparam("words", type_=ARRAY(Text)),
        bindparam("rows", type_=JSONB),
        bindparam("none", type_=Integer),
    )
    values = {"moment": datetime(2026, 1, 2, tzinfo=UTC), "words": ["a", "ü"], "rows": [{"a": 1}], "none": None}

    [fetched] = await database.fetch_nearest(statement, values)
    async with database.read_nearest() as connection:
        [executed] = (await connection.execute(statement, values)).all()

    assert tuple(fetched) == tuple(executed)
    assert fetched["rows"] == [{"a": 1}]
    assert fetched["again"] == ["a", "ü"]


async def test_a_value_that_is_missing_is_said_before_anything_is_sent(database: Database) -> None:
    with pytest.raises(KeyError, match="wanted"):
        await database.fetch_nearest(text("SELECT :wanted"))

    assert await pid(database) == await pid(database)


async def test_constants_of_a_statement_are_sent_with_it(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE search_state (id int, product_count int)"))
        await connection.execute(text("INSERT INTO search_state VALUES (1, 10), (2, 20)"))
    statement = select(search_state.c.product_count).where(search_state.c.id == 2).limit(5)

    assert [tuple(row) for row in await database.fetch_nearest(statement)] == [(20,)]


async def test_a_statement_outlives_a_change_of_the_table_that_it_reads(database: Database) -> None:
    async def change(statement: str) -> None:
        async with database.write() as connection:
            await connection.execute(text(statement))

    await change("CREATE TABLE changing AS SELECT 1 AS a")
    statement = text("SELECT * FROM changing")
    assert [tuple(row) for row in await database.fetch_nearest(statement)] == [(1,)]
    await change("ALTER TABLE changing ADD b text DEFAULT 'x'")

    assert [tuple(row) for row in await database.fetch_nearest(statement)] == [(1, "x")]


async def test_statements_are_heard_whichever_way_they_are_sent(database: Database) -> None:
    heard: list[tuple[str, Sequence[object]]] = []
    one, two = (text(f"SELECT :n + {n}").bindparams(bindparam("n", type_=Integer)) for n in (1, 2))

    with database.heard(lambda statement, values: heard.append((statement, tuple(values)))):
        await database.fetch_nearest(one, {"n": 5})
        async with database.read_fresh() as connection:
            await connection.execute(two, {"n": 6})
    await database.fetch_nearest(one, {"n": 7})

    assert heard == [("SELECT $1::INTEGER + 1", (5,)), ("SELECT $1::INTEGER + 2", (6,))]
