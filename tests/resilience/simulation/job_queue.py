"""The queue that workers of a simulation take jobs from: `OpenQueue` over the jobs of the simulated books.

Like pgqueuer's tables it outlives the workers: what a killed one had goes to another after the lease. Where nothing is
due, a worker waits here until something is, and the time passes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.core.clock import Clock
from app.core.errors import DatabaseUnavailable
from app.jobs.claims import Claimed, Outcome, Verdict
from app.jobs.domain import Job
from tests.resilience.simulation.database import SimulatedDatabase
from tests.resilience.simulation.process import CURRENT, Process

LONGEST_WAIT = 3_600.0


@dataclass(frozen=True, slots=True)
class _Taken:
    """A job that a worker has. kept_at: when that worker last said that it lives."""

    job: Job
    tries: int
    worker: Process | None
    kept_at: datetime


class JobTable:
    """What becomes of jobs once they are committed.

    dead: those given up. idle_until: entries of the schedule that would find nothing to do, and until when; they are
    not run before that. rest_seconds: the least pause of a kind that is to be run again: a day of an absent provider
    would otherwise be spent with asking it.
    """

    def __init__(self, database: SimulatedDatabase, clock: Clock, lease: timedelta) -> None:
        self.idle_until: dict[str, Callable[[], datetime]] = {}
        self.rest_seconds: dict[str, float] = {}
        self.taken: dict[int, _Taken] = {}
        self.dead: list[tuple[Job, str | None]] = []
        self._database = database
        self._clock = clock
        self._lease = lease
        self._tries: dict[tuple[str, str | None], int] = {}
        self._last_id = 0

    @asynccontextmanager
    async def open(
        self, wake: Callable[[], None], *, places: Mapping[str, int], recurring: Sequence[str]
    ) -> AsyncIterator[_Connection]:
        """The queue of one worker: `OpenQueue`."""
        await self.reach()
        yield _Connection(self, places, recurring)

    async def reach(self) -> None:
        """A statement's way to the database."""
        await self._database.round_trip()
        process = CURRENT.get()
        if process is not None:
            process.insist_on_life()
        if not self._database.is_up:
            raise DatabaseUnavailable("the database is away")

    def due(self, places: Mapping[str, int], limit: int) -> list[Claimed]:
        """Take what is due."""
        self._take_from_the_lost()
        now = self._clock.now()
        claimed: list[Claimed] = []
        for job in self._waiting(places, now):
            running = [each.job for each in self.taken.values() if each.job.kind == job.kind]
            is_running = job.key is not None and any(each.key == job.key for each in running)
            if not is_running and len(running) < places[job.kind] and len(claimed) < limit:
                claimed.append(self._take(job, now))
        return claimed

    def seconds_until_due(self, places: Mapping[str, int]) -> float:
        """How long nothing will be due, unless something new is committed."""
        now = self._clock.now()
        times = [self._due_at(job, now) for job in self._database.books.jobs if job.kind in places]
        times += [each.kept_at + self._lease for each in self.taken.values()]
        return max(min(((at - now).total_seconds() for at in times), default=LONGEST_WAIT), 0.001)

    async def until_something_is_committed(self, seconds: float) -> None:
        """Wait for a commit, so long at most."""
        committed = self._database.committed
        try:
            await asyncio.wait_for(committed.wait(), min(seconds, LONGEST_WAIT))
        except TimeoutError:
            return

    def give_back(self, outcome: Outcome) -> None:
        """Write down how a try ended."""
        taken = self.taken.get(outcome.id)
        if taken is None or taken.worker is not CURRENT.get():
            return
        del self.taken[outcome.id]
        name = (taken.job.kind, taken.job.key)
        match outcome.verdict:
            case Verdict.DONE:
                self._tries.pop(name, None)
            case Verdict.DEAD:
                self._tries.pop(name, None)
                self.dead.append((taken.job, outcome.error))
            case Verdict.RECUR | Verdict.RETRY | Verdict.LET_GO:
                if outcome.verdict is Verdict.RECUR:
                    self._tries.pop(name, None)
                elif outcome.verdict is Verdict.LET_GO:
                    self._tries[name] = taken.tries - 1
                pause = timedelta(seconds=max(outcome.pause_seconds, self.rest_seconds.get(taken.job.kind, 0.0)))
                self._put_back(replace(taken.job, not_before=self._clock.now() + pause))

    def keep(self, held: Collection[int]) -> None:
        """Note that the current worker lives."""
        now = self._clock.now()
        self.taken |= {
            number: replace(each, kept_at=now)
            for number, each in self.taken.items()
            if number in held and each.worker is CURRENT.get()
        }

    def let_go_of_all_but(self, held: Collection[int]) -> None:
        """What the current worker has without knowing goes back."""
        for number, each in list(self.taken.items()):
            if each.worker is CURRENT.get() and number not in held:
                del self.taken[number]
                self._put_back(each.job)

    def see_to(self, recurring: Sequence[str]) -> None:
        """Have a job for each entry of the schedule."""
        there = {job.kind for job in self._database.books.jobs} | {each.job.kind for each in self.taken.values()}
        self._database.books.jobs += [Job(name, {}, key=name) for name in recurring if name not in there]

    def _waiting(self, places: Mapping[str, int], now: datetime) -> list[Job]:
        """What is due, the longest first."""
        times = [(self._due_at(job, now), job) for job in self._database.books.jobs if job.kind in places]
        return [job for at, job in sorted(times, key=lambda each: each[0]) if at <= now]

    def _due_at(self, job: Job, now: datetime) -> datetime:
        at = job.not_before or now
        return max(at, self.idle_until[job.kind]()) if job.kind in self.idle_until else at

    def _take(self, job: Job, now: datetime) -> Claimed:
        self._database.books.jobs.remove(job)
        self._last_id += 1
        name = (job.kind, job.key)
        tries = self._tries[name] = self._tries.get(name, 0) + 1
        self.taken[self._last_id] = _Taken(job, tries, CURRENT.get(), now)
        return Claimed(self._last_id, job.kind, job.payload, tries)

    def _put_back(self, job: Job) -> None:
        self._database.books.jobs.append(job)
        self._database.merge_jobs()

    def _take_from_the_lost(self) -> None:
        now = self._clock.now()
        for number, each in list(self.taken.items()):
            if now - each.kept_at > self._lease:
                del self.taken[number]
                self._put_back(replace(each.job, not_before=now))


class _Connection:
    """`JobQueue` of one worker."""

    def __init__(self, table: JobTable, places: Mapping[str, int], recurring: Sequence[str]) -> None:
        self._table = table
        self._places = places
        self._recurring = recurring

    async def claim(self, limit: int, *, running: Collection[int]) -> Sequence[Claimed]:
        """Take what is due; where this worker has nothing else to do, wait for it."""
        await self._table.reach()
        claimed = self._table.due(self._places, limit)
        if not claimed and not running:
            await self._table.until_something_is_committed(self._table.seconds_until_due(self._places))
        return claimed

    async def give_back(self, outcomes: Sequence[Outcome]) -> None:
        """Say how these ended."""
        await self._table.reach()
        for outcome in outcomes:
            self._table.give_back(outcome)

    async def keep(self, held: Collection[int]) -> None:
        """Say that this worker lives."""
        await self._table.reach()
        self._table.keep(held)
        self._table.see_to(self._recurring)

    async def resume(self, held: Collection[int]) -> None:
        """Say what this worker has."""
        await self._table.reach()
        self._table.let_go_of_all_but(held)
