"""A circuit breaker: stop asking somebody who does not answer, and try again after a while. Pure.

closed -- threshold failures in a row --> open -- pause --> one probe -- success --> closed
                                            ^---------------- failure ----'

Not purgatory's: that lets everybody through at once after its pause, and reads the machine's clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.core.clock import Clock

THRESHOLD = 3
PAUSE = timedelta(seconds=10)


class Breaker:
    """The breaker of one dependency in one process. Whoever is admitted reports how it went, exactly once."""

    def __init__(self, clock: Clock, *, threshold: int = THRESHOLD, pause: timedelta = PAUSE) -> None:
        self._clock = clock
        self._threshold = threshold
        self._pause = pause
        self.reset()

    def reset(self) -> None:
        """Forget everything: closed."""
        self._failures = 0
        self._opened_at: datetime | None = None
        self._is_probed = False

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, but for the probe."""
        return self._opened_at is not None

    def admit(self) -> bool:
        """Whether a call may be made now."""
        if self._opened_at is None:
            return True
        if self._is_probed or self._clock.now() - self._opened_at < self._pause:
            return False
        self._is_probed = True
        return True

    def succeeded(self) -> None:
        """The call was answered."""
        self.reset()

    def failed(self) -> None:
        """The call was not answered."""
        self._failures += 1
        self._is_probed = False
        if self._failures >= self._threshold:
            self._opened_at = self._clock.now()

    def gave_up(self) -> None:
        """The call was ended by us before anything was known."""
        self._is_probed = False
