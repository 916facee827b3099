"""A worker without a database: what it begins, what it says of it, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from app.core.errors import DatabaseUnavailable, PaymentsUnavailable
from app.jobs.claims import Claimed, Outcome, Verdict
from app.jobs.domain import JobKind, RetryPolicy
from app.worker import runner
from app.worker.recurring import Scheduled
from app.worker.runner import ROOM, JobRunner
from tests.unit.fakes import FixedClock, LogBook

HOUR = 3_600.0


class MemoryQueue:
    """`JobQueue` and `OpenQueue` with jobs that a test puts in. faults: raised by the next calls, one each."""

    def __init__(self) -> None:
        self.waiting: list[Claimed] = []
        self.outcomes: list[Outcome] = []
        self.faults: list[Exception] = []
        self.opened = 0
        self.held: list[Collection[int]] = []
        self.wake: Callable[[], None] = lambda: None
        self._ids = iter(range(1, 1_000))

    def put(self, kind: str, *, tries: int = 1, **payload: str) -> int:
        job = Claimed(next(self._ids), kind, payload, tries)
        self.waiting.append(job)
        self.wake()
        return job.id

    @asynccontextmanager
    async def __call__(
        self, wake: Callable[[], None], *, places: Mapping[str, int], recurring: Sequence[str]
    ) -> AsyncIterator[MemoryQueue]:
        self._raise_fault()
        self.opened += 1
        self.wake = wake
        yield self

    async def claim(self, limit: int, *, running: Collection[int]) -> list[Claimed]:
        self._raise_fault()
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    async def give_back(self, outcomes: Sequence[Outcome]) -> None:
        self._raise_fault()
        self.outcomes += outcomes

    async def keep(self, held: Collection[int]) -> None:
        self.held.append(list(held))

    async def resume(self, held: Collection[int]) -> None:
        self.held.append(list(held))

    def _raise_fault(self) -> None:
        if self.faults:
            raise self.faults.pop(0)


Work = Callable[[Mapping[str, str]], Awaitable[None]]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PAUSE_AFTER_FAULT_SECONDS", 0.0)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> LogBook:
    lines = LogBook()
    monkeypatch.setattr(runner, "_log", lines)
    return lines


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture
def stop() -> asyncio.Event:
    return asyncio.Event()


def worker(
    queue: MemoryQueue,
    handle: Work,
    *,
    schedule: Sequence[Scheduled] = (),
    limit_seconds: float = HOUR,
    drain_seconds: float = HOUR,
    chance: float = 1.0,
) -> JobRunner:
    policy = RetryPolicy(tries=3, first_pause_seconds=10, longest_pause_seconds=15)
    return JobRunner(
        queue,
        [JobKind("work", handle, policy, limit_seconds=limit_seconds)],
        schedule,
        lease=timedelta(seconds=30),
        drain_seconds=drain_seconds,
        clock=FixedClock(),
        chance=lambda: chance,
    )


@asynccontextmanager
async def running(worker: JobRunner, stop: asyncio.Event) -> AsyncIterator[asyncio.Task[None]]:
    """A worker in a task of its own, told to stop at the end."""
    task = asyncio.create_task(worker.run(stop))
    try:
        yield task
    finally:
        stop.set()
        await task


async def others_run() -> None:
    """Let every other task go as far as it can."""
    for _ in range(100):
        await asyncio.sleep(0)


async def done(_: Mapping[str, str]) -> None:
    """Work that is done at once."""


def failing(*failures: Exception) -> Work:
    left = list(failures)

    async def fail(_: Mapping[str, str]) -> None:
        if left:
            raise left.pop(0)

    return fail


class Gate:
    """Work that waits until it is opened. begun, ended: how many there were."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.begun = self.ended = 0

    async def __call__(self, _: Mapping[str, str]) -> None:
        self.begun += 1
        await self.opened.wait()
        self.ended += 1


async def test_a_job_that_is_done_is_given_back_as_done(queue: MemoryQueue, stop: asyncio.Event) -> None:
    async with running(worker(queue, done), stop):
        first = queue.put("work")
        await others_run()
        second = queue.put("work")
        await others_run()

    assert queue.outcomes == [Outcome(first, Verdict.DONE), Outcome(second, Verdict.DONE)]


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (PaymentsUnavailable("the provider\nis away"), "PaymentsUnavailable: the provider"),
        (RuntimeError(), "RuntimeError"),
        (ExceptionGroup("some", [KeyError("a")]), "ExceptionGroup: some (1 sub-exception)"),
        (ValueError("long" * 1_000), f"ValueError: {'long' * 1_000}"[:300]),
    ],
)
async def test_a_job_that_fails_is_tried_again_after_a_pause_and_says_why_in_a_line(
    queue: MemoryQueue, stop: asyncio.Event, failure: Exception, line: str
) -> None:
    async with running(worker(queue, failing(failure)), stop):
        job = queue.put("work")
        await others_run()

    assert queue.outcomes == [Outcome(job, Verdict.RETRY, 10.0, line)]


async def test_pauses_grow_with_the_tries_and_vary_by_chance(queue: MemoryQueue, stop: asyncio.Event) -> None:
    async with running(worker(queue, failing(RuntimeError(), RuntimeError()), chance=0.5), stop):
        queue.put("work", tries=1)
        queue.put("work", tries=2)
        await others_run()

    assert [outcome.pause_seconds for outcome in queue.outcomes] == [7.5, 11.25]


async def test_a_job_is_dead_after_its_last_try(queue: MemoryQueue, stop: asyncio.Event, log: LogBook) -> None:
    async with running(worker(queue, failing(RuntimeError("broken"))), stop):
        job = queue.put("work", tries=3)
        await others_run()

    assert queue.outcomes == [Outcome(job, Verdict.DEAD, error="RuntimeError: broken")]
    assert log.events("error") == ["job_dead"]


async def test_a_job_whose_last_try_ended_with_its_worker_is_not_begun_again(
    queue: MemoryQueue, stop: asyncio.Event
) -> None:
    gate = Gate()
    async with running(worker(queue, gate), stop):
        job = queue.put("work", tries=4)
        await others_run()

    assert gate.begun == 0
    assert queue.outcomes == [Outcome(job, Verdict.DEAD, error="its worker was lost while it ran")]


async def test_a_try_that_takes_too_long_has_failed(queue: MemoryQueue, stop: asyncio.Event) -> None:
    gate = Gate()
    async with running(worker(queue, gate, limit_seconds=0.0), stop):
        job = queue.put("work")
        await others_run()

    assert queue.outcomes == [Outcome(job, Verdict.RETRY, 10.0, "took longer than 0 s")]
    assert gate.ended == 0


async def test_no_more_jobs_run_at_once_than_there_is_room_for(queue: MemoryQueue, stop: asyncio.Event) -> None:
    gate = Gate()
    async with running(worker(queue, gate), stop):
        for _ in range(ROOM + 5):
            queue.put("work")
        await others_run()
        begun = gate.begun
        gate.opened.set()
        await others_run()

    assert begun == ROOM
    assert gate.ended == ROOM + 5


async def test_a_job_that_hangs_holds_up_no_other(queue: MemoryQueue, stop: asyncio.Event) -> None:
    gate = Gate()

    async def hang_or_not(payload: Mapping[str, str]) -> None:
        if payload:
            await gate(payload)

    async with running(worker(queue, hang_or_not), stop):
        queue.put("work", it="hangs")
        others = [queue.put("work") for _ in range(3)]
        await others_run()
        ended = [outcome.id for outcome in queue.outcomes]
        gate.opened.set()

    assert ended == others


async def test_a_worker_that_is_told_to_stop_ends_what_is_under_way_and_begins_nothing(
    queue: MemoryQueue, stop: asyncio.Event
) -> None:
    gate = Gate()
    async with running(worker(queue, gate), stop) as task:
        job = queue.put("work")
        await others_run()
        stop.set()
        await others_run()
        queue.put("work")
        await others_run()
        alive = not task.done()
        gate.opened.set()

    assert alive
    assert queue.outcomes == [Outcome(job, Verdict.DONE)]
    assert (gate.begun, len(queue.waiting)) == (1, 1)


async def test_what_has_not_ended_within_the_limit_is_let_go(queue: MemoryQueue, stop: asyncio.Event) -> None:
    gate = Gate()
    async with running(worker(queue, gate, drain_seconds=0.0), stop):
        job = queue.put("work")
        await others_run()

    assert queue.outcomes == [Outcome(job, Verdict.LET_GO)]
    assert gate.ended == 0


async def test_a_worker_told_to_stop_while_the_database_is_away_ends_all_the_same(
    queue: MemoryQueue, stop: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LET_GO_SECONDS", 0.0)
    async with running(worker(queue, done, drain_seconds=0.0), stop):
        await others_run()
        queue.faults = [DatabaseUnavailable("gone") for _ in range(100_000)]
        queue.put("work")
        await others_run()

    assert queue.outcomes == []


async def test_nothing_is_begun_by_a_worker_that_is_told_to_stop_before_it_begins(
    queue: MemoryQueue, stop: asyncio.Event
) -> None:
    queue.put("work")
    stop.set()

    await worker(queue, done).run(stop)

    assert (queue.opened, len(queue.waiting)) == (0, 1)


async def test_a_worker_that_is_canceled_ends_its_jobs(queue: MemoryQueue, stop: asyncio.Event) -> None:
    gate = Gate()
    task = asyncio.create_task(worker(queue, gate).run(stop))
    await others_run()
    queue.put("work")
    await others_run()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert (gate.begun, gate.ended) == (1, 0)


async def test_jobs_go_on_while_the_database_is_away_and_what_became_of_them_is_told_later(
    queue: MemoryQueue, stop: asyncio.Event, log: LogBook
) -> None:
    gate = Gate()
    async with running(worker(queue, gate), stop):
        job = queue.put("work")
        await others_run()
        queue.faults = [DatabaseUnavailable("gone")] * 3
        gate.opened.set()
        await others_run()

    assert queue.outcomes == [Outcome(job, Verdict.DONE)]
    assert queue.opened == 2
    assert [job] in queue.held
    assert log.events("warning") == ["job_queue_away"] * 3


async def test_a_fault_of_the_queue_that_nobody_foresaw_does_not_end_the_worker(
    queue: MemoryQueue, stop: asyncio.Event, log: LogBook
) -> None:
    queue.faults = [LookupError("no such table")]
    async with running(worker(queue, done), stop):
        job = queue.put("work")
        await others_run()

    assert queue.outcomes == [Outcome(job, Verdict.DONE)]
    assert log.events("error") == ["job_queue_broken"]


@pytest.mark.parametrize(("count", "pause"), [(0, HOUR), (20, 0.0)])
async def test_an_entry_of_the_schedule_is_run_again_after_its_pause_or_at_once_where_there_was_something_to_do(
    queue: MemoryQueue, stop: asyncio.Event, count: int, pause: float
) -> None:
    async def sweep() -> int:
        return count

    async with running(worker(queue, done, schedule=[Scheduled("sweep", HOUR, sweep)]), stop):
        job = queue.put("sweep")
        await others_run()

    assert queue.outcomes == [Outcome(job, Verdict.RECUR, pause)]


async def test_an_entry_of_the_schedule_that_fails_is_never_dead(queue: MemoryQueue, stop: asyncio.Event) -> None:
    async def sweep() -> int:
        raise DatabaseUnavailable("gone")

    async with running(worker(queue, done, schedule=[Scheduled("sweep", HOUR, sweep)]), stop):
        job = queue.put("sweep", tries=1_000)
        await others_run()

    assert queue.outcomes == [Outcome(job, Verdict.RETRY, 60.0, "DatabaseUnavailable: gone")]
