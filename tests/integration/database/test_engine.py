"""The engine: what a driver's failure means above it, and that no failure leaves a broken connection in the pool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import ARRAY, Integer, TextClause, bindparam, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.errors import DatabaseUnavailable
from app.database import engine
from app.database.engine import Database
from tests.conftest import Servers

SESSIONS = ("read_fresh", "read_nearest", "write")
WAYS = (*SESSIONS, "fetch_nearest")
SHORT_SECONDS = 1  # a statement may take so long here


@asynccontextmanager
async def one_connection(servers: Servers) -> AsyncIterator[Database]:
    """A database with one connection, so that whatever a statement leaves behind meets the next one."""
    made = Database.connect(servers.postgres.url(), pool_size=1, statement_timeout_seconds=SHORT_SECONDS)
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def database(servers: Servers) -> AsyncIterator[Database]:
    async with one_connection(servers) as made:
        yield made


async def ask(database: Database, way: str, statement: str) -> object:
    if way == "fetch_nearest":
        rows = await database.fetch_nearest(text(statement))
        return rows[0][0] if rows else None
    async with getattr(database, way)() as connection:
        return (await connection.execute(text(statement))).scalar()


@pytest.mark.parametrize("way", WAYS)
async def test_statements_run_within_the_shops_limits(database: Database, way: str) -> None:
    limits = {
        "statement_timeout": "1s",
        "lock_timeout": "1s",
        "idle_in_transaction_session_timeout": "10s",
        "jit": "off",
        "plan_cache_mode": "force_generic_plan",
        "application_name": "cartograph",
    }

    assert {name: await ask(database, way, f"SHOW {name}") for name in limits} == limits


async def test_a_statement_that_takes_too_long_is_an_outage_and_the_next_one_is_fine(servers: Servers) -> None:
    async def outlast(way: str) -> None:
        async with one_connection(servers) as database:
            with pytest.raises(DatabaseUnavailable, match="QueryCanceledError"):  # the server's limit, not the driver's
                await ask(database, way, "SELECT pg_sleep(30)")

            assert await ask(database, way, "SELECT 1") == 1
            assert await ask(database, "write", "SELECT 2") == 2

    await asyncio.gather(*map(outlast, WAYS))


async def test_a_lock_that_somebody_else_holds_is_an_outage(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LOCK_MILLISECONDS", 20)
    database = Database.connect(servers.postgres.url(), pool_size=2, statement_timeout_seconds=30)

    async with database.write() as holder:
        await holder.execute(text("SELECT pg_advisory_xact_lock(7)"))
        with pytest.raises(DatabaseUnavailable, match="LockNotAvailableError"):
            await ask(database, "write", "SELECT pg_advisory_xact_lock(7)")

    assert await ask(database, "write", "SELECT 1") == 1
    await database.close()


async def test_a_pool_without_a_free_connection_is_an_outage(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "ACQUIRE_SECONDS", 0.02)
    async with one_connection(servers) as database:
        for way in WAYS:
            async with database.read_fresh():
                with pytest.raises(DatabaseUnavailable) as refusal:
                    await ask(database, way, "SELECT 1")

            assert isinstance(refusal.value.__cause__, PoolTimeout)
            assert await ask(database, way, "SELECT 1") == 1


async def test_a_broken_constraint_is_no_outage_and_costs_no_connection(database: Database) -> None:
    before = await ask(database, "read_fresh", "SELECT pg_backend_pid()")

    async def break_it() -> None:
        async with database.write() as connection:
            await connection.execute(text("CREATE TEMPORARY TABLE t (id integer CHECK (id > 0)) ON COMMIT DROP"))
            await connection.execute(text("INSERT INTO t VALUES (-1)"))

    with pytest.raises(IntegrityError):
        await break_it()

    assert await ask(database, "read_fresh", "SELECT pg_backend_pid()") == before


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("statement", ["SELECT 1/0", "SELECT nothing FROM nowhere", "nonsense"])
async def test_a_wrong_statement_is_a_bug_and_not_an_outage(database: Database, way: str, statement: str) -> None:
    with pytest.raises((DBAPIError, asyncpg.PostgresError)):
        await ask(database, way, statement)

    assert await ask(database, way, "SELECT 1") == 1


async def test_a_value_that_the_driver_cannot_send_leaves_no_broken_connection(servers: Servers) -> None:
    """The driver has sent half of the statement by then, whose time runs on: the next transaction must not pay."""

    def taking_numbers(statement: str) -> TextClause:
        return text(statement).bindparams(bindparam("numbers", type_=ARRAY(Integer)))

    async def send(way: str) -> None:
        async with one_connection(servers) as database:
            # the driver asks about the type once; that must be over
            await _execute(database, way, taking_numbers("SELECT :numbers AS known"), numbers=[1])
            before = await ask(database, way, "SELECT pg_backend_pid()")
            with pytest.raises((DBAPIError, asyncpg.DataError)):
                await _execute(database, way, taking_numbers("SELECT :numbers"), numbers=["one"])

            assert await ask(database, "write", "SELECT pg_backend_pid()") != before
            assert await ask(database, "read_fresh", "SELECT 1") == 1

    await asyncio.gather(*map(send, WAYS))


async def _execute(database: Database, way: str, statement: TextClause, **values: object) -> None:
    if way == "fetch_nearest":
        await database.fetch_nearest(statement, values)
        return
    async with getattr(database, way)() as connection:
        await connection.execute(statement, values)


@pytest.mark.parametrize("way", WAYS)
async def test_a_connection_that_is_cut_is_an_outage_once(database: Database, servers: Servers, way: str) -> None:
    pid = await ask(database, way, "SELECT pg_backend_pid()")
    servers.postgres.execute(f"SELECT pg_terminate_backend({pid}, 5000)")

    with pytest.raises(DatabaseUnavailable):
        await ask(database, way, "SELECT 1")

    assert await ask(database, way, "SELECT 1") == 1


async def test_a_transaction_that_is_cut_is_an_outage_and_rolled_back(database: Database, servers: Servers) -> None:
    servers.postgres.execute("CREATE TABLE cut (id integer)")

    async def be_cut() -> None:
        async with database.write() as connection:
            pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await connection.execute(text("INSERT INTO cut VALUES (1)"))
            servers.postgres.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
            await connection.execute(text("INSERT INTO cut VALUES (2)"))

    with pytest.raises(DatabaseUnavailable):
        await be_cut()

    assert await ask(database, "read_fresh", "SELECT count(*) FROM cut") == 0
    servers.postgres.execute("DROP TABLE cut")


async def test_a_server_that_takes_no_writes_is_an_outage(servers: Servers) -> None:
    servers.postgres.create_database("demoted")
    servers.postgres.execute("ALTER DATABASE demoted SET default_transaction_read_only = on")
    database = Database.connect(servers.postgres.url("demoted"), pool_size=1, statement_timeout_seconds=5)

    with pytest.raises(DatabaseUnavailable):
        await ask(database, "write", "CREATE TABLE t (id integer)")

    assert await ask(database, "read_fresh", "SELECT 1") == 1
    await database.close()
    servers.postgres.drop_database("demoted")


async def test_a_database_that_is_not_there_is_an_outage(servers: Servers) -> None:
    database = Database.connect(servers.postgres.url("nowhere"), pool_size=1, statement_timeout_seconds=5)

    for way in WAYS:
        with pytest.raises(DatabaseUnavailable):
            await ask(database, way, "SELECT 1")
    await database.close()


async def test_nobody_listening_is_an_outage() -> None:
    database = Database.connect("postgresql://postgres@127.0.0.1:1/x", pool_size=1, statement_timeout_seconds=5)

    for way in WAYS:
        with pytest.raises(DatabaseUnavailable):
            await ask(database, way, "SELECT 1")
    await database.close()


async def test_a_server_that_accepts_and_never_answers_is_given_up_by_the_limit_for_connecting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert engine.CONNECT_SECONDS <= 1  # asyncpg's own patience is 60
    monkeypatch.setattr(engine, "CONNECT_SECONDS", 0.02)
    writers: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    database = Database.connect(f"postgresql://postgres@127.0.0.1:{port}/x", pool_size=1, statement_timeout_seconds=5)

    for way in WAYS:
        with pytest.raises(DatabaseUnavailable) as refusal:
            await ask(database, way, "SELECT 1")

        assert type(refusal.value.__cause__) is TimeoutError
    await database.close()
    for writer in writers:
        writer.close()
    silent.close()
    await silent.wait_closed()


async def test_a_block_that_fails_is_rolled_back_and_its_error_passes_through(servers: Servers) -> None:
    servers.postgres.execute("CREATE TABLE block (id integer)")
    database = Database.connect(servers.postgres.url(), pool_size=1, statement_timeout_seconds=5)

    async def fail() -> None:
        async with database.write() as connection:
            await connection.execute(text("INSERT INTO block VALUES (1)"))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fail()
    rolled_back = await ask(database, "read_fresh", "SELECT count(*) FROM block")
    await ask(database, "write", "INSERT INTO block VALUES (1) RETURNING id")

    assert rolled_back == 0
    assert await ask(database, "read_fresh", "SELECT count(*) FROM block") == 1
    await database.close()
    servers.postgres.execute("DROP TABLE block")


async def test_a_task_that_is_canceled_leaves_no_broken_connection(servers: Servers, database: Database) -> None:
    running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%to be canceled%pg_sleep%'"
    for way in WAYS:
        task = asyncio.create_task(ask(database, way, "SELECT 'to be canceled', pg_sleep(30)"))
        async with one_connection(servers) as observer:
            while not task.done() and await ask(observer, "read_fresh", f"{running} AND pid <> pg_backend_pid()") == 0:
                pass
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert await ask(database, "write", "SELECT 1") == 1
