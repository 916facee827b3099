"""An event loop whose time passes only when nothing else can happen: a day of waiting costs nothing.

It opens no files and sleeps never, so a run is a function of its seed.
"""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


MOST_STEPS = 2_000_000  # of the loop in one run; most take thousands


class Stuck(Exception):
    """Nothing is left that could happen, and somebody still waits; or something happens for ever."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop; its selector lets the time pass instead of waiting for it."""

    _now = 0.0
    _steps = 0

    def __init__(self) -> None:
        selector = _PassingTime()
        super().__init__(selector)
        selector.loop = self

    def time(self) -> float:
        """Seconds since the start of the run."""
        return self._now

    def pass_time(self, seconds: float) -> None:
        """Move on to the next thing that is due."""
        self._now += seconds
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise Stuck("something happens for ever")


class _PassingTime(selectors.SelectSelector):
    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("nothing is left that could happen")
        self.loop.pass_time(timeout)
        return []


class VirtualClock:
    """`Clock` of everything in the run: the shop's, and the provider's."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        """The time of day in the run."""
        return START + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        """Seconds since the start of the run."""
        return self._loop.time()
