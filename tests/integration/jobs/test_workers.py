"""Workers as processes: every job is run, by one of them, whatever happens to them."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from app.bootstrap import Shop
from app.devstack.supervisor import Child
from app.jobs.domain import Job, JobState
from tests.integration.jobs.conftest import StartWorker
from tests.integration.jobs.worker_process import STARTED
from tests.waiting import until

SHORT_LEASE = 2.0


async def enqueue(shop: Shop, *jobs: Job) -> None:
    async with shop.transactions.begin() as tx:
        await tx.jobs.enqueue(*jobs)


async def open_gate(rows: asyncpg.Connection, name: str) -> None:
    await rows.execute("INSERT INTO gate VALUES ($1)", name)


async def traces(rows: asyncpg.Connection, *jobs: str) -> list[tuple[str, str]]:
    """What happened with these jobs, in order."""
    found = await rows.fetch("SELECT what, job FROM trace WHERE job = ANY ($1) ORDER BY id", jobs)
    return [(row["what"], row["job"]) for row in found]


def seen(rows: asyncpg.Connection, what: str, job: str, times: int = 1) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        return (await traces(rows, job)).count((what, job)) >= times

    return condition


def gone(shop: Shop, *kinds: str) -> Callable[[], Awaitable[bool]]:
    """Whether no job of these kinds is left, in whatever state."""

    async def condition() -> bool:
        return not [count for count in await shop.job_desk.counts() if count.kind in kinds] and not [
            report for report in await shop.job_desk.listed(list(JobState), limit=1_000) if report.kind in kinds
        ]

    return condition


async def ended(child: Child) -> int:
    await until(lambda: child.exit_code() is not None)
    code = child.exit_code()
    assert code is not None
    return code


def started(*children: Child) -> Callable[[], bool]:
    return lambda: all(STARTED in child.log.read_text() for child in children)


async def test_two_workers_run_each_of_some_hundred_jobs_once(
    queue: Shop, rows: asyncpg.Connection, start_worker: StartWorker
) -> None:
    await enqueue(queue, *(Job("count", {"job": f"early {number}"}) for number in range(200)))
    workers = [start_worker(), start_worker()]
    await until(seen(rows, "done", "early 0"))
    await until(started(*workers))
    for number in range(100):
        await enqueue(queue, Job("count", {"job": f"late {number}"}), Job("count", {"job": f"late, too {number}"}))

    await until(gone(queue, "count"))

    done = await rows.fetch("SELECT job, count(*) AS times FROM trace WHERE what = 'done' GROUP BY job")
    assert len(done) == 400
    assert {row["times"] for row in done} == {1}
    shares = await rows.fetch("SELECT DISTINCT worker FROM trace WHERE what = 'done'")
    assert {row["worker"] for row in shares} == {child.pid for child in workers}


async def test_a_job_of_a_killed_worker_is_run_again_by_another_and_counts_as_tried(
    queue: Shop, rows: asyncpg.Connection, start_worker: StartWorker
) -> None:
    first = start_worker(lease=SHORT_LEASE)
    await enqueue(queue, Job("hold", {"job": "h", "gate": "g"}, key="h"))
    await until(seen(rows, "begun", "h"))

    first.send(signal.SIGKILL)
    assert await ended(first) == -signal.SIGKILL
    start_worker(lease=SHORT_LEASE)
    await until(seen(rows, "begun", "h", times=2))
    (report,) = [each for each in await queue.job_desk.listed([JobState.RUNNING], limit=9) if each.kind == "hold"]
    await open_gate(rows, "g")
    await until(gone(queue, "hold"))

    assert report.tries == 2
    assert await traces(rows, "h") == [("begun", "h"), ("begun", "h"), ("ended", "h")]


async def test_a_job_that_kills_its_worker_every_time_is_dead_in_the_end(
    queue: Shop, rows: asyncpg.Connection, start_worker: StartWorker
) -> None:
    await enqueue(queue, Job("die", {"job": "d"}))
    for _ in range(3):
        assert await ended(start_worker(lease=SHORT_LEASE)) == -signal.SIGKILL
    last = start_worker(lease=SHORT_LEASE)

    await until(lambda: is_dead(queue, "die"))

    (report,) = await queue.job_desk.listed([JobState.DEAD], limit=9)
    assert report.error == "its worker was lost while it ran"
    assert last.exit_code() is None
    assert len(await traces(rows, "d")) == 3


async def is_dead(shop: Shop, kind: str) -> bool:
    return any(report.kind == kind for report in await shop.job_desk.listed([JobState.DEAD], limit=9))


async def test_a_frozen_worker_that_comes_back_does_not_end_the_job_of_another(
    queue: Shop, rows: asyncpg.Connection, start_worker: StartWorker
) -> None:
    frozen = start_worker(lease=SHORT_LEASE)
    await enqueue(queue, Job("hold", {"job": "h", "gate": "g"}))
    await until(seen(rows, "begun", "h"))
    frozen.send(signal.SIGSTOP)
    start_worker(lease=SHORT_LEASE)
    await until(seen(rows, "begun", "h", times=2))

    await open_gate(rows, f"g {frozen.pid}")
    frozen.send(signal.SIGCONT)
    await until(lambda: "job_done" in frozen.output())
    frozen.send(signal.SIGTERM)
    assert await ended(frozen) == 0
    (report,) = [each for each in await queue.job_desk.listed([JobState.RUNNING], limit=9) if each.kind == "hold"]
    await open_gate(rows, "g")
    await until(gone(queue, "hold"))

    assert report.tries == 2
    assert (await traces(rows, "h")).count(("ended", "h")) == 2  # twice, as its worker was slower than its lease


async def test_a_job_that_fails_is_tried_again_and_dead_after_its_last_try_until_somebody_has_it_retried(
    queue: Shop, rows: asyncpg.Connection, start_worker: StartWorker
) -> None:
    start_worker()
    await enqueue(queue, Job("fail", {"job": "f"}, key="k"))
    await until(lambda: is_dead(queue, "fail"))
    (dead,) = await queue.job_desk.listed([JobState.DEAD], limit=9)
    tried = await traces(rows, "f")

    await open_gate(rows, "f")
    await queue.job_desk.retry([dead.id])
    await until(gone(queue, "fail"))

    assert (dead.kind, dead.key, dead.tries, dead.error) == ("fail", "k", 3, "RuntimeError: no gate f")
    assert tried == [("begun", "f")] * 3
    assert await traces(rows, "f") == [("begun", "f")] * 4


async def test_jobs_of_one_key_run_one_after_the_other_and_the_last_one_sees_what_was_written(
    queue: Shop, rows: asyncpg.Connection, start_worker: StartWorker
) -> None:
    start_worker()
    start_worker()
    await enqueue(queue, Job("hold", {"job": "h", "gate": "g"}, key="one"))
    await until(seen(rows, "begun", "h"))

    for _ in range(20):
        await enqueue(queue, Job("hold", {"job": "h", "gate": "g"}, key="one"))
    await enqueue(queue, Job("hold", {"job": "other", "gate": "free"}, key="other"))
    await open_gate(rows, "free")
    await until(seen(rows, "ended", "other"))
    before = await traces(rows, "h")
    await open_gate(rows, "g")
    await until(gone(queue, "hold"))

    assert before == [("begun", "h")]
    assert await traces(rows, "h") == [("begun", "h"), ("ended", "h")] * 2


async def test_a_worker_that_is_told_to_stop_ends_what_is_under_way_and_begins_nothing_more(
    queue: Shop, rows: asyncpg.Connection, start_worker: StartWorker
) -> None:
    child = start_worker()
    await enqueue(queue, Job("hold", {"job": "h", "gate": "g"}))
    await until(seen(rows, "begun", "h"))

    child.send(signal.SIGTERM)
    await until(lambda: "job_worker_stops" in child.output())
    await enqueue(queue, Job("count", {"job": "late"}))
    running = child.exit_code() is None
    await open_gate(rows, "g")

    assert await ended(child) == 0
    assert running
    assert await traces(rows, "h", "late") == [("begun", "h"), ("ended", "h")]
    assert next((each.kind, each.state) for each in await queue.job_desk.listed([JobState.WAITING], limit=9)) == (
        "count",
        JobState.WAITING,
    )


async def test_what_does_not_end_in_time_is_left_for_another_worker_at_once(
    queue: Shop, rows: asyncpg.Connection, start_worker: StartWorker
) -> None:
    child = start_worker(drain=0.1)
    await enqueue(queue, Job("hold", {"job": "h", "gate": "g"}))
    await until(seen(rows, "begun", "h"))

    child.send(signal.SIGTERM)

    assert await ended(child) == 0
    (report,) = [each for each in await queue.job_desk.listed(list(JobState), limit=9) if each.kind == "hold"]
    assert (report.state, report.tries) == (JobState.WAITING, 0)


async def test_two_workers_do_one_sweep(queue: Shop, rows: asyncpg.Connection, start_worker: StartWorker) -> None:
    children = [start_worker(), start_worker()]
    await until(started(*children))
    await enqueue(queue, *(Job("count", {"job": str(number)}) for number in range(50)))
    await until(gone(queue, "count"))
    await until(seen(rows, "swept", "sweep"))
    for child in children:
        child.send(signal.SIGTERM)
    assert [await ended(child) for child in children] == [0, 0]

    assert len(await traces(rows, "sweep")) == 1
    (entry,) = await queue.job_desk.listed(list(JobState), limit=9)
    assert (entry.kind, entry.state, entry.recurring, entry.tries) == ("sweep", JobState.WAITING, True, 0)


async def test_an_entry_of_a_schedule_of_before_is_forgotten(
    queue: Shop, rows: asyncpg.Connection, start_worker: StartWorker
) -> None:
    await rows.execute(
        "INSERT INTO jobs.job (priority, entrypoint, dedupe_key, headers, status, execute_after)"
        " VALUES (0, 'old sweep', 'old sweep:recurring', '{\"recurring\": true}', 'queued', now() - interval '1 hour'),"
        " (0, 'another''s sweep', 'another''s sweep:recurring', '{\"recurring\": true}', 'queued', now())"
    )
    start_worker()

    await until(gone(queue, "old sweep"))

    left = {report.kind for report in await queue.job_desk.listed(list(JobState), limit=9)}
    assert left >= {"another's sweep"}


async def test_a_job_waits_for_its_time_and_a_kind_that_nobody_knows_for_a_worker_that_does(
    queue: Shop, rows: asyncpg.Connection, start_worker: StartWorker
) -> None:
    later = queue.clock.now().replace(year=2100)
    await enqueue(queue, Job("count", {"job": "later"}, later, key="later"), Job("unknown", {}))
    start_worker()
    await enqueue(queue, Job("count", {"job": "now"}))
    await until(seen(rows, "done", "now"))
    before = await traces(rows, "later")

    await enqueue(queue, Job("count", {"job": "later"}, key="later"))
    await until(seen(rows, "done", "later"))

    assert before == []
    waiting: list[Any] = [each.kind for each in await queue.job_desk.listed([JobState.WAITING], limit=9)]
    assert "unknown" in waiting


async def test_workers_at_once_never_run_more_of_a_kind_than_it_has_places(
    queue: Shop, rows: asyncpg.Connection, start_worker: StartWorker
) -> None:
    start_worker()
    start_worker()
    await enqueue(queue, *(Job("hold", {"job": "h", "gate": "g"}) for _ in range(12)))
    await until(seen(rows, "begun", "h", times=4))
    await enqueue(queue, *(Job("count", {"job": str(number)}) for number in range(50)))
    await until(gone(queue, "count"))

    begun = await traces(rows, "h")
    await open_gate(rows, "g")
    await until(gone(queue, "hold"))

    assert begun == [("begun", "h")] * 4
    assert (await traces(rows, "h")).count(("ended", "h")) == 12
