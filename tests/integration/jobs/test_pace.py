"""Calls of one name are spread out over time, whichever process makes them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest
import stripe

from app.bootstrap import Shop, build_shop, open_shop
from app.database.engine import Database
from app.jobs.pace import Pace
from app.settings import load_settings
from tests.conftest import Servers

PER_SECOND = 50
STEP = timedelta(seconds=1) / PER_SECOND
TIMER = timedelta(milliseconds=5)  # by which one may be early


async def test_turns_of_two_processes_are_a_step_apart_and_nobody_goes_before_his_turn(
    queue: Shop, rows: asyncpg.Connection, servers: Servers
) -> None:
    url = servers.postgres.url("jobs")
    databases = [Database.connect(url, pool_size=5, statement_timeout_seconds=10) for _ in range(2)]
    paces = [Pace(database, "calls", per_second=PER_SECOND) for database in databases]
    began = await rows.fetchval("SELECT clock_timestamp()")

    await asyncio.gather(*(pace.turn() for pace in paces for _ in range(5)))
    await asyncio.gather(*(pace.turn() for pace in paces for _ in range(5)))

    free_at, now = await rows.fetchrow("SELECT free_at, clock_timestamp() FROM jobs.pace WHERE name = 'calls'")
    assert free_at >= began + 20 * STEP
    assert now >= free_at - STEP - TIMER
    for database in databases:
        await database.close()


async def test_a_pace_does_not_save_up_the_turns_that_nobody_took(queue: Shop, rows: asyncpg.Connection) -> None:
    await rows.execute("INSERT INTO jobs.pace VALUES ('calls', now() - interval '1 hour')")
    began = await rows.fetchval("SELECT clock_timestamp()")

    await Pace(queue.database, "calls", per_second=PER_SECOND).turn()

    assert await rows.fetchval("SELECT free_at FROM jobs.pace") >= began + STEP


async def test_each_name_has_a_pace_of_its_own(queue: Shop, rows: asyncpg.Connection) -> None:
    await Pace(queue.database, "slow", per_second=0.001).turn()

    await Pace(queue.database, "calls", per_second=PER_SECOND).turn()

    assert {row["name"] for row in await rows.fetch("SELECT name FROM jobs.pace")} == {"slow", "calls"}


async def test_the_worker_paces_its_calls_of_the_provider_and_the_api_does_not(
    queue: Shop, rows: asyncpg.Connection, servers: Servers
) -> None:
    settings = load_settings(servers.environment("jobs"))
    api = build_shop(settings)
    with pytest.raises(stripe.InvalidRequestError):
        await api.gateway.look_up("pi_unknown")
    await api.close()
    before = await rows.fetch("SELECT name FROM jobs.pace")

    async with open_shop(settings) as worker:
        with pytest.raises(stripe.InvalidRequestError):
            await worker.gateway.look_up("pi_unknown")

    assert before == []
    assert [row["name"] for row in await rows.fetch("SELECT name FROM jobs.pace")] == ["payments"]
