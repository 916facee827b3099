"""What is to be done again and again, as a kind of jobs: one job each, which is never done for good."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.jobs.domain import RetryPolicy

LIMIT_SECONDS = 3_600.0  # of a run; an index of millions of products is built in less
PAUSES_AFTER_FAULTS = RetryPolicy(tries=None, first_pause_seconds=2.0, longest_pause_seconds=60.0)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Something to do again and again, by one worker at a time.

    run: returns how much there was to do; more is asked for at once.
    """

    name: str
    every_seconds: float
    run: Callable[[], Awaitable[int]]
