"""What a worker takes from the queue, and what it says of it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that this worker runs now, and nobody else. tries: begun so far, this one included."""

    id: int
    kind: str
    payload: Mapping[str, str]
    tries: int


class Verdict(Enum):
    """What became of a try."""

    DONE = "done"
    RECUR = "recur"  # done, and to be run again after a pause
    RETRY = "retry"
    DEAD = "dead"
    LET_GO = "let_go"  # given up unfinished by a worker that ends: the try does not count


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended in this worker. pause_seconds: until it is due again; error: one line for people."""

    id: int
    verdict: Verdict
    pause_seconds: float = 0.0
    error: str | None = None


class JobQueue(Protocol):
    """The queue as one worker sees it, for as long as its connection holds.

    Every method raises DatabaseUnavailable. Nothing is lost by it: what was claimed and is not heard of goes to another
    worker after the lease.
    """

    async def claim(self, limit: int, *, running: Collection[int]) -> Sequence[Claimed]:
        """Take up to so many jobs that are due, of kinds whose places are not all taken. running: what runs here."""
        ...

    async def give_back(self, outcomes: Sequence[Outcome]) -> None:
        """Say how these ended. One that has gone to another worker meanwhile is that one's; saying it twice is once."""
        ...

    async def keep(self, held: Collection[int]) -> None:
        """Say that this worker lives, and has these; and see to it that the schedule's entries are there.

        Other entries are left to other workers; one that is long due has none, and is removed.
        """
        ...

    async def resume(self, held: Collection[int]) -> None:
        """Say what this worker has, first of all on every connection: what it has without knowing goes back at once."""
        ...


class OpenQueue(Protocol):
    """Connects a worker with the queue, until the context ends."""

    def __call__(
        self, wake: Callable[[], None], *, places: Mapping[str, int], recurring: Sequence[str]
    ) -> AbstractAsyncContextManager[JobQueue]:
        """The queue. Raises DatabaseUnavailable.

        wake: is called when there may be something new, or when the connection is gone; places: how many of each kind
        may run at once, in all workers; recurring: those kinds that are entries of the schedule.
        """
        ...
