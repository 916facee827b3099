from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from app.core.errors import DatabaseUnavailable, PaymentsUnavailable
from app.worker import runner
from app.worker.runner import Scheduled, run_schedule

HOUR = 3_600.0


@pytest.fixture
def stop() -> asyncio.Event:
    return asyncio.Event()


class Runs:
    """An entry's runs: each answers with the next of these, then stops the worker. count: how many there were."""

    def __init__(self, stop: asyncio.Event, *answers: int | Exception) -> None:
        self._stop = stop
        self._answers = list(answers)
        self.count = 0

    async def __call__(self) -> int:
        self.count += 1
        if not self._answers:
            self._stop.set()
            return 0
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def others_run() -> None:
    """Let every other task go as far as it can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_an_entry_with_more_to_do_is_run_again_at_once(stop: asyncio.Event) -> None:
    runs = Runs(stop, 20, 20, 1)

    await run_schedule([Scheduled("check", HOUR, runs)], stop)

    assert runs.count == 4


async def test_an_entry_with_nothing_to_do_waits(stop: asyncio.Event) -> None:
    runs = Runs(stop, 5, 0)
    worker = asyncio.create_task(run_schedule([Scheduled("check", HOUR, runs)], stop))

    await others_run()

    assert (runs.count, worker.done()) == (2, False)
    stop.set()
    await worker
    assert runs.count == 2


async def test_an_entry_is_run_again_after_its_pause(stop: asyncio.Event) -> None:
    runs = Runs(stop, 0, 0, 0)

    await run_schedule([Scheduled("check", 0.0, runs)], stop)

    assert runs.count == 4


@pytest.mark.parametrize(
    "failure",
    [
        DatabaseUnavailable("gone"),
        PaymentsUnavailable("gone"),
        RuntimeError("broken"),
        ExceptionGroup("x", [KeyError()]),
    ],
)
async def test_an_entry_that_fails_is_tried_again_after_a_pause(
    stop: asyncio.Event, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setattr(runner, "PAUSE_AFTER_FAULT_SECONDS", 0.0)
    runs = Runs(stop, failure, failure, 1, failure)

    await run_schedule([Scheduled("check", HOUR, runs)], stop)

    assert runs.count == 5


async def test_an_entry_that_fails_is_not_tried_again_at_once(stop: asyncio.Event) -> None:
    runs = Runs(stop, DatabaseUnavailable("gone"))
    worker = asyncio.create_task(run_schedule([Scheduled("check", 0.0, runs)], stop))

    await others_run()

    assert runs.count == 1
    stop.set()
    await worker


async def test_a_failing_entry_does_not_hold_up_another(stop: asyncio.Event) -> None:
    broken, busy = Runs(stop, RuntimeError("broken")), Runs(stop, 1, 1, 1)

    await run_schedule([Scheduled("broken", HOUR, broken), Scheduled("busy", HOUR, busy)], stop)

    assert (broken.count, busy.count) == (1, 4)


async def test_a_hanging_entry_does_not_hold_up_another(stop: asyncio.Event) -> None:
    gate = asyncio.Event()

    async def hang() -> int:
        await gate.wait()
        return 0

    busy = Runs(stop, 1, 1)
    worker = asyncio.create_task(run_schedule([Scheduled("hanging", HOUR, hang), Scheduled("busy", HOUR, busy)], stop))

    await others_run()

    assert (busy.count, worker.done()) == (3, False)
    gate.set()
    await worker


async def test_a_run_that_is_under_way_ends_before_the_worker_stops(stop: asyncio.Event) -> None:
    gate, ended = asyncio.Event(), []

    async def work() -> int:
        await gate.wait()
        ended.append("work")
        return 20

    worker = asyncio.create_task(run_schedule([Scheduled("work", HOUR, work)], stop))
    await others_run()

    stop.set()
    await others_run()
    assert (ended, worker.done()) == ([], False)
    gate.set()
    await worker

    assert ended == ["work"]  # and not a second time, although there was more to do


async def test_nothing_is_run_once_the_worker_is_told_to_stop(stop: asyncio.Event) -> None:
    runs = Runs(stop, 1)
    stop.set()

    await run_schedule([Scheduled("check", 0.0, runs)], stop)

    assert runs.count == 0


async def test_a_worker_whose_every_entry_pauses_stops_at_once(stop: asyncio.Event) -> None:
    schedule = [Scheduled(name, HOUR, Runs(stop, 0)) for name in "abc"]
    worker = asyncio.create_task(run_schedule(schedule, stop))
    await others_run()

    stop.set()
    await others_run()

    assert worker.done()


async def test_a_worker_that_is_canceled_ends_its_runs(stop: asyncio.Event) -> None:
    async def hang() -> int:
        await asyncio.Event().wait()
        return 0

    worker = asyncio.create_task(run_schedule([Scheduled("hanging", HOUR, hang)], stop))
    await others_run()

    worker.cancel()

    with pytest.raises(asyncio.CancelledError):
        await worker


async def test_what_failed_and_how_badly_is_logged_once(stop: asyncio.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[str, str, str]] = []

    class Log:
        def __getattr__(self, level: str) -> Callable[..., None]:
            return lambda event, *, name, **_: lines.append((level, event, name))

    monkeypatch.setattr(runner, "_log", Log())
    monkeypatch.setattr(runner, "PAUSE_AFTER_FAULT_SECONDS", 0.0)

    await run_schedule(
        [Scheduled("check", HOUR, Runs(stop, DatabaseUnavailable("gone"), RuntimeError("broken")))], stop
    )

    assert lines == [("warning", "scheduled_run_postponed", "check"), ("error", "scheduled_run_failed", "check")]
