"""The emulator's time: the machine's, moved forward on demand.

Days pass at once in a test: confirmation tokens expire, idempotency keys are forgotten, authorisations lapse.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.core.clock import Clock


class AdvanceableClock:
    """A clock that runs ahead of another one by as much as it has been told to."""

    def __init__(self, clock: Clock, *, advanced_seconds: int = 0) -> None:
        self._clock = clock
        self._advanced = timedelta(seconds=advanced_seconds)

    def now(self) -> datetime:
        """The emulator's time in UTC, aware."""
        return self._clock.now() + self._advanced

    def monotonic(self) -> float:
        """Seconds since some start; advancing counts as time passed."""
        return self._clock.monotonic() + self._advanced.total_seconds()

    def timestamp(self) -> int:
        """The emulator's time as Stripe writes it: whole seconds since 1970."""
        return int(self.now().timestamp())

    @property
    def advanced_seconds(self) -> int:
        """How far this clock is ahead."""
        return int(self._advanced.total_seconds())

    def advance(self, seconds: int) -> None:
        """Move the time forward, never back."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._advanced += timedelta(seconds=seconds)
