"""Jobs are there with the data that was written beside them, or not at all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.schema_inspect import inspect
from pgqueuer.domain.schema.declaration import target

from app.bootstrap import Shop
from app.jobs.domain import Job
from app.jobs.queue import SETTINGS

LATER = datetime(2100, 1, 1, tzinfo=UTC)


async def jobs(rows: asyncpg.Connection, kind: str) -> list[dict[str, Any]]:
    found = await rows.fetch("SELECT * FROM jobs.job WHERE entrypoint = $1 ORDER BY id", kind)
    return [{**row, "payload": msgspec.json.decode(row["payload"])} for row in found]


async def take(rows: asyncpg.Connection, kind: str) -> None:
    await rows.execute(
        "UPDATE jobs.job SET status = 'picked', queue_manager_id = $2 WHERE entrypoint = $1", kind, UUID(int=1)
    )


async def test_a_job_written_as_the_first_statement_is_rolled_back_with_its_transaction(
    queue: Shop, rows: asyncpg.Connection
) -> None:
    async def fail_after_writing() -> None:
        async with queue.transactions.begin() as tx:
            await tx.jobs.enqueue(Job("store_first", {"for": "nothing"}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_after_writing()
    async with queue.transactions.begin() as tx:
        await tx.jobs.enqueue(Job("store_first", {"for": "something"}))
        before = await jobs(rows, "store_first")

    assert before == []
    (job,) = await jobs(rows, "store_first")
    assert job["payload"] == {"for": "something"}


async def test_jobs_of_one_key_are_one_that_is_due_at_the_earliest_of_their_times(
    queue: Shop, rows: asyncpg.Connection
) -> None:
    async with queue.transactions.begin() as tx:
        await tx.jobs.enqueue(Job("store_keyed", {"of": "first"}, LATER, key="a"), Job("store_keyed", {}, LATER))
        await tx.jobs.enqueue(
            Job("store_keyed", {"of": "second"}, LATER - timedelta(days=2), key="a"),
            Job("store_keyed", {"of": "third"}, LATER - timedelta(days=3), key="a"),
            Job("store_keyed", {"of": "fourth"}, LATER - timedelta(days=1), key="a"),
            Job("store_keyed", {}, LATER),
            Job("store_keyed", {"of": "other"}, LATER, key="b"),
        )

    found = [(job["payload"], job["execute_after"]) for job in await jobs(rows, "store_keyed")]

    assert sorted(found, key=repr) == sorted(
        [
            ({"of": "first"}, LATER - timedelta(days=3)),
            ({"of": "other"}, LATER),
            ({}, LATER),
            ({}, LATER),
        ],
        key=repr,
    )


async def test_a_key_is_one_of_its_kind_only(queue: Shop, rows: asyncpg.Connection) -> None:
    async with queue.transactions.begin() as tx:
        await tx.jobs.enqueue(Job("store_kind_a", {}, key="same"), Job("store_kind_b", {}, key="same"))

    assert len(await jobs(rows, "store_kind_a")) == 1
    assert len(await jobs(rows, "store_kind_b")) == 1


async def test_what_is_written_while_its_key_is_run_is_marked_to_be_run_again(
    queue: Shop, rows: asyncpg.Connection
) -> None:
    async with queue.transactions.begin() as tx:
        await tx.jobs.enqueue(Job("store_again", {}, key="k"))
    await take(rows, "store_again")
    due = (await jobs(rows, "store_again"))[0]["execute_after"]

    for days in (2, 3, 1):
        async with queue.transactions.begin() as tx:
            await tx.jobs.enqueue(Job("store_again", {}, LATER - timedelta(days=days), key="k"))

    (job,) = await jobs(rows, "store_again")
    assert job["status"] == "picked"
    assert job["execute_after"] == due
    assert datetime.fromisoformat(msgspec.json.decode(job["headers"])["again"]) == LATER - timedelta(days=3)


async def test_nobody_takes_a_job_that_an_open_transaction_has_written_to(
    queue: Shop, rows: asyncpg.Connection
) -> None:
    async with queue.transactions.begin() as tx:
        await tx.jobs.enqueue(Job("store_held", {}, key="k"))
    take_free = "SELECT id FROM jobs.job WHERE entrypoint = 'store_held' FOR UPDATE SKIP LOCKED"

    async with queue.transactions.begin() as tx:
        await tx.jobs.enqueue(Job("store_held", {}, key="k"))
        while_open = await rows.fetch(take_free)
    afterwards = await rows.fetch(take_free)

    assert (len(while_open), len(afterwards)) == (0, 1)


async def test_transactions_that_write_the_same_keys_at_once_wait_for_each_other(
    queue: Shop, rows: asyncpg.Connection
) -> None:
    async def write(number: int) -> None:
        keys = [str(each) for each in range(20)]
        async with queue.transactions.begin() as tx:
            await tx.jobs.enqueue(
                *(Job("store_racing", {}, key=key) for key in (keys if number % 2 else reversed(keys)))
            )

    await asyncio.gather(*(write(number) for number in range(4)))

    assert len(await jobs(rows, "store_racing")) == 20


async def test_listeners_hear_of_a_job_when_it_is_committed(queue: Shop, rows: asyncpg.Connection) -> None:
    heard = asyncio.Event()
    await rows.add_listener("cartograph_jobs", lambda *_: heard.set())

    async with queue.transactions.begin() as tx:
        await tx.jobs.enqueue(Job("store_heard", {}))
        await rows.fetch("SELECT 1")
        before = heard.is_set()
    async with asyncio.timeout(30):
        await heard.wait()

    assert not before


async def test_the_tables_are_those_that_the_installed_pgqueuer_wants(queue: Shop, rows: asyncpg.Connection) -> None:
    wanted, live = target(SETTINGS), await inspect(AsyncpgDriver(rows), SETTINGS)

    assert live.enums == wanted.enums
    assert {table.name: table for table in live.tables} == {
        table.name: table for table in wanted.tables if table.name in {"job", "job_log"}
    }
    assert set(live.indexes) <= set(wanted.indexes)
    assert {index for index in wanted.indexes if index.unique and index.table == "job"} <= set(live.indexes)
