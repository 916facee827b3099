"""Jobs: work that a use case leaves to the worker, and what becomes of it when it fails. See ADR-0026.

A job is written in the transaction of the data that it is about: both are there, or neither. It is run at least once,
so whatever it does must bear being done again. A handler that raises is run again after a pause; after its last try
the job is dead: kept, visible, and run again only when somebody says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Protocol

from app.core.errors import ShopError

Handler = Callable[[Mapping[str, str]], Awaitable[None]]
"""Does the work of one job, given its payload. Raises where it is to be tried again."""


class JobsNotChanged(ShopError):
    """One or more jobs could not be retried or removed, so none was. faults: a line each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class JobState(Enum):
    """Where a job stands. One that is done is not kept."""

    WAITING = "waiting"
    RUNNING = "running"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Job:
    """Work for the worker.

    kind: which handler does it; payload: what the handler is given; not_before: when it is due, at once where None.
    key: what it is about. Jobs of one kind and key are one piece of work: at most one of them waits, two never run at
    once, and what is written while one runs is run after it. The one that is there keeps its payload; it moves to the
    earlier time.
    """

    kind: str
    payload: Mapping[str, str]
    not_before: datetime | None = None
    key: str | None = None


def merged(waiting: Sequence[Job], new: Sequence[Job]) -> list[Job]:
    """What waits after `new` was written: of jobs of one kind and key the first, at the earliest of their times."""
    jobs: dict[object, Job] = {}
    for job in (*waiting, *new):
        name = (job.kind, job.key) if job.key is not None else object()
        first = jobs.setdefault(name, job)
        if first.not_before is not None and (job.not_before is None or job.not_before < first.not_before):
            jobs[name] = replace(first, not_before=job.not_before)
    return list(jobs.values())


class JobStore(Protocol):
    """Where jobs are written, in the transaction that is open."""

    async def enqueue(self, *jobs: Job) -> None:
        """Have the worker do these, once the transaction has been committed; at once, or as soon as they are due.

        A job whose key another one has that waits makes that one wait for this transaction, too: whoever runs it sees
        what was written here.
        """
        ...


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a job is tried, and the pauses in between: doubled each time, never longer than the longest.

    tries: in all, the first included; None for without end. A try that ended with its worker counts, too.
    """

    tries: int | None = 12  # with these pauses, for an hour or more
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 3_600.0

    def pause_seconds(self, tries: int, chance: float) -> float:
        """The pause after so many tries. chance: 0 to 1; it spreads the pauses over the upper half of their length."""
        doublings = min(tries - 1, 62)
        whole: float = min(self.first_pause_seconds * 2**doublings, self.longest_pause_seconds)
        return whole * (0.5 + chance / 2)

    def is_last(self, tries: int) -> bool:
        """Whether a job that has failed so often is dead."""
        return self.tries is not None and tries >= self.tries


@dataclass(frozen=True, slots=True)
class JobKind:
    """What the worker knows of a kind of jobs.

    at_once: how many of them run at the same time, in all workers together. limit_seconds: a try that takes longer has
    failed.
    """

    name: str
    handle: Handler
    retry: RetryPolicy = RetryPolicy()
    at_once: int = 4
    limit_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class JobReport:
    """A job as people see it. tries: begun so far; error: what the last of them failed with.

    due_at: when it is, or was, to be run; of one that runs, when this try began. recurring: an entry of the worker's
    schedule, which is there for good.
    """

    id: int
    kind: str
    key: str | None
    state: JobState
    recurring: bool
    tries: int
    created_at: datetime
    due_at: datetime
    error: str | None


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs of a kind there are: due and waiting, running, dead; and for how long the oldest has been due."""

    kind: str
    waiting: int
    running: int
    dead: int
    oldest_waiting_seconds: float
