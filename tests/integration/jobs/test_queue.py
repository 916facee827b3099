"""What one worker says to the queue, against PostgreSQL: fenced, idempotent, and sound beside open transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from app.bootstrap import Shop
from app.core.errors import DatabaseUnavailable
from app.jobs.claims import Outcome, Verdict
from app.jobs.domain import Job, JobReport, JobState
from app.jobs.queue import PgQueue, open_queue
from tests.waiting import until

LEASE = timedelta(seconds=30)
LONG_AGO = "UPDATE jobs.job SET heartbeat = now() - interval '1 hour'"


class Workers:
    """Opens the queue for workers, each on a connection of its own."""

    def __init__(self, shop: Shop, stack: AsyncExitStack) -> None:
        self._shop = shop
        self._stack = stack

    async def __call__(self, number: int, *, places: int = 5, recurring: Sequence[str] = ()) -> PgQueue:
        opened = open_queue(
            self._shop.database,
            UUID(int=number),
            LEASE,
            lambda: None,
            places={"work": places, "sweep": 1},
            recurring=recurring,
        )
        return await self._stack.enter_async_context(opened)


@pytest.fixture
async def workers(queue: Shop) -> AsyncIterator[Workers]:
    async with AsyncExitStack() as stack:
        yield Workers(queue, stack)


async def put(shop: Shop, *keys: str | None) -> None:
    async with shop.transactions.begin() as tx:
        await tx.jobs.enqueue(*(Job("work", {"of": str(key)}, key=key) for key in keys))


async def only(shop: Shop) -> JobReport:
    (report,) = await shop.job_desk.listed(list(JobState), limit=9)
    return report


async def test_each_job_goes_to_one_worker_with_what_it_is_about(queue: Shop, workers: Workers) -> None:
    first, second = await workers(1), await workers(2)
    await put(queue, "a", "b", "c")

    claimed = [*await first.claim(2, running=()), *await second.claim(2, running=())]

    assert [(job.kind, job.payload, job.tries) for job in claimed] == [("work", {"of": key}, 1) for key in "abc"]


@pytest.mark.parametrize(
    ("outcome", "state", "tries", "error"),
    [
        (Outcome(1, Verdict.RETRY, 0.0, "broken"), JobState.WAITING, 1, "broken"),
        (Outcome(1, Verdict.DEAD, error="broken"), JobState.DEAD, 1, "broken"),
        (Outcome(1, Verdict.RECUR, 60.0), JobState.WAITING, 0, None),
        (Outcome(1, Verdict.LET_GO), JobState.WAITING, 0, None),
    ],
)
async def test_what_is_given_back_twice_is_given_back_once(
    queue: Shop, workers: Workers, outcome: Outcome, state: JobState, tries: int, error: str | None
) -> None:
    worker = await workers(1)
    await put(queue, "a")
    await worker.claim(1, running=())

    await worker.give_back([outcome])
    first = await only(queue)
    await worker.give_back([outcome])

    assert (first.state, first.tries, first.error) == (state, tries, error)
    assert await only(queue) == first


async def test_what_is_done_is_gone(queue: Shop, workers: Workers) -> None:
    worker = await workers(1)
    await put(queue, "a", None)
    claimed = await worker.claim(5, running=())

    await worker.give_back([Outcome(job.id, Verdict.DONE) for job in claimed])

    assert await queue.job_desk.listed(list(JobState), limit=9) == []


async def test_a_job_that_went_to_another_worker_is_not_ended_by_the_first(
    queue: Shop, workers: Workers, rows: asyncpg.Connection
) -> None:
    first, second = await workers(1), await workers(2)
    await put(queue, "a")
    await first.claim(1, running=())
    await rows.execute(LONG_AGO)
    (taken,) = await second.claim(1, running=())

    await first.keep([taken.id])
    for verdict in Verdict:
        await first.give_back([Outcome(taken.id, verdict)])
    await first.resume([])

    assert taken.tries == 2
    assert (await only(queue)).state is JobState.RUNNING


async def test_a_worker_that_was_late_to_keep_its_job_does_not_begin_it_twice(
    queue: Shop, workers: Workers, rows: asyncpg.Connection
) -> None:
    worker = await workers(1)
    await put(queue, "a")
    (job,) = await worker.claim(1, running=())
    await rows.execute(LONG_AGO)

    again = await worker.claim(1, running=[job.id])

    assert again == []
    assert (await only(queue)).tries == 1


async def test_a_kept_job_stays_with_its_worker(queue: Shop, workers: Workers, rows: asyncpg.Connection) -> None:
    first, second = await workers(1), await workers(2)
    await put(queue, "a")
    (job,) = await first.claim(1, running=())
    await rows.execute(LONG_AGO)

    await first.keep([job.id])

    assert await second.claim(1, running=()) == []


async def test_what_a_worker_has_without_knowing_goes_back_at_once(queue: Shop, workers: Workers) -> None:
    worker = await workers(1)
    await put(queue, "a", "b")
    known, _lost = await worker.claim(2, running=())

    await worker.resume([known.id])

    found = {report.key: report.state for report in await queue.job_desk.listed(list(JobState), limit=9)}
    assert found == {"a": JobState.RUNNING, "b": JobState.WAITING}


@pytest.mark.parametrize("verdict", [Verdict.DONE, Verdict.DEAD, Verdict.LET_GO])
async def test_a_job_that_is_written_again_while_it_runs_is_run_after_it_with_all_its_tries(
    queue: Shop, workers: Workers, verdict: Verdict
) -> None:
    worker = await workers(1)
    await put(queue, "a")
    (job,) = await worker.claim(1, running=())
    await put(queue, "a")

    beside = await worker.claim(1, running=[job.id])
    await worker.give_back([Outcome(job.id, verdict)])
    (again,) = await worker.claim(1, running=())
    await worker.give_back([Outcome(again.id, Verdict.DONE)])

    assert beside == []
    assert again.tries == 1
    assert await queue.job_desk.listed(list(JobState), limit=9) == []


async def test_a_job_that_an_open_transaction_writes_again_does_not_end_before_it(
    queue: Shop, workers: Workers, rows: asyncpg.Connection
) -> None:
    worker = await workers(1)
    await put(queue, "a")
    (job,) = await worker.claim(1, running=())

    async def waits() -> bool:
        return bool(
            await rows.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'mine'"
            )
        )

    async with queue.transactions.begin() as tx:
        await tx.jobs.enqueue(Job("work", {}, key="a"))
        ending = asyncio.create_task(worker.give_back([Outcome(job.id, Verdict.DONE)]))
        await until(waits)
    await ending

    report = await only(queue)
    assert (report.state, report.tries) == (JobState.WAITING, 0)


async def test_more_of_a_kind_are_not_taken_than_it_has_places_in_all_workers(queue: Shop, workers: Workers) -> None:
    first, second = await workers(1, places=3), await workers(2, places=3)
    await put(queue, *(None for _ in range(9)))

    taken = [len(await worker.claim(2, running=())) for worker in (first, second, first, second)]

    assert taken == [2, 1, 0, 0]


async def test_workers_that_take_at_once_take_no_more_than_there_are_places(queue: Shop, workers: Workers) -> None:
    many = [await workers(number, places=3) for number in range(1, 7)]
    await put(queue, *(None for _ in range(50)))

    taken = await asyncio.gather(*(worker.claim(5, running=()) for worker in many))

    ids = [job.id for jobs in taken for job in jobs]
    assert 1 <= len(ids) <= 3
    assert len(set(ids)) == len(ids)


async def test_entries_of_the_schedule_are_there_once_whoever_keeps_them(queue: Shop, workers: Workers) -> None:
    many = [await workers(number, recurring=["sweep"]) for number in range(1, 5)]

    await asyncio.gather(*(worker.keep([]) for worker in many))
    (entry,) = await many[0].claim(5, running=())
    await many[1].keep([])

    assert entry.kind == "sweep"
    assert (await only(queue)).recurring


async def test_a_connection_that_is_cut_is_a_database_that_is_away(
    queue: Shop, workers: Workers, rows: asyncpg.Connection
) -> None:
    woken = asyncio.Event()

    async def use() -> None:
        async with open_queue(
            queue.database, UUID(int=1), LEASE, woken.set, places={"work": 1}, recurring=["sweep"]
        ) as cut:
            await cut.keep([])
            await rows.execute("SELECT pg_terminate_backend($1)", cut._connection.get_server_pid())
            await until(woken.is_set)
            await cut.claim(1, running=())

    with pytest.raises(DatabaseUnavailable):
        await use()
