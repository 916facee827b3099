"""Runs jobs and the entries of the schedule, until it is told to stop.

One task speaks to the queue: it gives back what has ended, says that this worker lives, takes what is due while there
is room, and waits until something new is there, something has ended, or a second is over. Each job runs in a task of
its own. When the database goes away the tasks go on; what became of them is told when it is back. See ADR-0026.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app import telemetry
from app.core.clock import Clock
from app.core.errors import OperationalError
from app.core.fault_points import FaultPoint, reached
from app.jobs.claims import Claimed, JobQueue, OpenQueue, Outcome, Verdict
from app.jobs.domain import JobKind, RetryPolicy
from app.worker.recurring import LIMIT_SECONDS, PAUSES_AFTER_FAULTS, Scheduled

ROOM = 16  # jobs that one worker runs at once, of all kinds
POLL_SECONDS = 1.0  # how late a job that waited for its time may be; new ones are told of
PAUSE_AFTER_FAULT_SECONDS = 1.0
KEPT_IN_A_LEASE = 5  # how often a worker says that it lives, before it counts as lost
LET_GO_SECONDS = 3.0  # to tell the queue of what was given up
MAX_ERROR_LENGTH = 300

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class _Runnable:
    """A kind or an entry. run: returns the pause after which it is to be run again, None where it is done."""

    run: Callable[[Mapping[str, str]], Awaitable[float | None]]
    retry: RetryPolicy
    limit_seconds: float


class JobRunner:
    """One worker.

    lease: how long the queue waits for a worker before it gives its jobs to another; chance: a number from 0 to 1.
    Concurrency: any number of workers run beside each other; for one event loop.
    """

    def __init__(
        self,
        open_queue: OpenQueue,
        kinds: Sequence[JobKind],
        schedule: Sequence[Scheduled],
        *,
        lease: timedelta,
        drain_seconds: float,
        clock: Clock,
        chance: Callable[[], float],
    ) -> None:
        self._open_queue = open_queue
        self._places = {kind.name: kind.at_once for kind in kinds} | {entry.name: 1 for entry in schedule}
        self._recurring = [entry.name for entry in schedule]
        self._runnables = {kind.name: _of_kind(kind) for kind in kinds} | {
            entry.name: _of_entry(entry) for entry in schedule
        }
        self._keep_seconds = lease.total_seconds() / KEPT_IN_A_LEASE
        self._drain_seconds = drain_seconds
        self._clock = clock
        self._chance = chance
        self._running: dict[int, asyncio.Task[Outcome]] = {}
        self._ended: dict[int, Outcome] = {}
        self._wake = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Run jobs until `stop` is set; then no more are begun, and what is under way ends.

        What is not done within the limit is given up, and left for another worker.
        """
        serving = asyncio.create_task(self._serve(stop))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
            _log.info("job_worker_stops", running=sorted(self._running))
            self._wake.set()
            if self._running:
                reached(FaultPoint.DRAINING)
            await asyncio.wait((serving,), timeout=self._drain_seconds)
            if not serving.done():
                _log.warning("jobs_given_up", ids=sorted(self._running))
                await self._give_up()
                await asyncio.wait((serving,), timeout=LET_GO_SECONDS)
        finally:
            stopping.cancel()
            serving.cancel()
            await self._give_up()
            with contextlib.suppress(asyncio.CancelledError):
                await serving

    async def _serve(self, stop: asyncio.Event) -> None:
        while not stop.is_set() or self._running or self._ended:
            try:
                async with self._open_queue(self._wake.set, places=self._places, recurring=self._recurring) as queue:
                    await queue.resume(self._held())
                    await self._take_turns(queue, stop)
            except OperationalError as error:
                _log.warning("job_queue_away", cause=str(error))
                await asyncio.sleep(PAUSE_AFTER_FAULT_SECONDS)
            except Exception as error:  # noqa: BLE001  the last edge: one broken statement must not end the worker
                _log.error("job_queue_broken", exc_info=error)
                await asyncio.sleep(PAUSE_AFTER_FAULT_SECONDS)

    async def _take_turns(self, queue: JobQueue, stop: asyncio.Event) -> None:
        keep_at = self._clock.monotonic()
        while True:
            self._wake.clear()
            if ended := list(self._ended.values()):
                await queue.give_back(ended)
                for outcome in ended:
                    del self._ended[outcome.id]
            if self._clock.monotonic() >= keep_at:
                await queue.keep(self._held())
                keep_at = self._clock.monotonic() + self._keep_seconds
            if stop.is_set() and not self._running and not self._ended:
                return
            if not stop.is_set() and (room := ROOM - len(self._running)) > 0:
                for job in await queue.claim(room, running=self._running):
                    self._begin(job)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()

    def _begin(self, job: Claimed) -> None:
        def end(task: asyncio.Task[Outcome]) -> None:
            del self._running[job.id]
            self._ended[job.id] = Outcome(job.id, Verdict.LET_GO) if task.cancelled() else task.result()
            self._wake.set()

        task = asyncio.create_task(self._try(job), name=f"{job.kind} {job.id}")
        self._running[job.id] = task
        task.add_done_callback(end)

    async def _try(self, job: Claimed) -> Outcome:
        runnable = self._runnables[job.kind]
        if runnable.retry.is_last(job.tries - 1):
            return self._failed(job, runnable.retry, "its worker was lost while it ran")
        limit = asyncio.timeout(runnable.limit_seconds)
        try:
            async with limit:
                pause = await runnable.run(job.payload)
        except OperationalError as error:
            return self._failed(job, runnable.retry, _line(error))
        except Exception as error:  # noqa: BLE001  whatever a handler raises, the job is tried again
            late = f"took longer than {runnable.limit_seconds:g} s" if limit.expired() else None
            return self._failed(job, runnable.retry, late or _line(error), error)
        if pause is not None:
            return Outcome(job.id, Verdict.RECUR, pause)
        _log.info("job_done", kind=job.kind, id=job.id, tries=job.tries)
        return Outcome(job.id, Verdict.DONE)

    def _failed(self, job: Claimed, retry: RetryPolicy, line: str, error: Exception | None = None) -> Outcome:
        facts: dict[str, Any] = {"kind": job.kind, "id": job.id, "tries": job.tries, "error": line, "exc_info": error}
        if retry.is_last(job.tries):
            _log.error("job_dead", **facts)
            return Outcome(job.id, Verdict.DEAD, error=line)
        pause = retry.pause_seconds(job.tries, self._chance())
        tell = _log.error if error else _log.warning
        tell("job_failed", pause_seconds=round(pause, 1), **facts)
        return Outcome(job.id, Verdict.RETRY, pause, line)

    def _held(self) -> list[int]:
        return [*self._running, *self._ended]

    async def _give_up(self) -> None:
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _of_kind(kind: JobKind) -> _Runnable:
    async def run(payload: Mapping[str, str]) -> None:
        reached(FaultPoint.JOB_CLAIMED)
        await kind.handle(payload)

    return _Runnable(run, kind.retry, kind.limit_seconds)


def _of_entry(entry: Scheduled) -> _Runnable:
    async def run(_: Mapping[str, str]) -> float:
        return 0.0 if await entry.run() else entry.every_seconds

    return _Runnable(run, PAUSES_AFTER_FAULTS, LIMIT_SECONDS)


def _line(error: Exception) -> str:
    """What went wrong, in one line."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}"[:MAX_ERROR_LENGTH].removesuffix(": ")
