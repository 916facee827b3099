"""`Throttle` in this process alone: what there is while no server keeps the buckets for all processes."""

from __future__ import annotations

from collections import OrderedDict

from app.core.clock import Clock
from app.core.throttle import Bucket, Level, Taken, ThrottleStatus, full, give_back, take

MAX_KEYS = 10_000  # a few megabytes; who has not asked for longest is forgotten, with a full bucket


class LocalThrottle:
    """A bounded number of buckets in memory. For one event loop: a call never lets another in between."""

    def __init__(self, clock: Clock, *, max_keys: int = MAX_KEYS) -> None:
        self._clock = clock
        self._max_keys = max_keys
        self._levels: OrderedDict[str, Level] = OrderedDict()

    async def take(self, key: str, cost: int, bucket: Bucket) -> Taken:
        """Take points from a caller's bucket, or none."""
        now_ms = self._now_ms()
        level, taken = take(self._level(key, bucket, now_ms), cost, bucket, now_ms)
        self._keep(key, level)
        return taken

    async def give_back(self, key: str, amount: int, bucket: Bucket) -> ThrottleStatus:
        """Put back points that were not used."""
        return self._put_back(key, amount, bucket)

    def give_back_soon(self, key: str, amount: int, bucket: Bucket) -> None:
        """Put back points that were not used."""
        self._put_back(key, amount, bucket)

    def _put_back(self, key: str, amount: int, bucket: Bucket) -> ThrottleStatus:
        now_ms = self._now_ms()
        level, status = give_back(self._level(key, bucket, now_ms), amount, bucket, now_ms)
        self._keep(key, level)
        return status

    def _now_ms(self) -> int:
        return int(self._clock.monotonic() * 1_000)

    def _level(self, key: str, bucket: Bucket, now_ms: int) -> Level:
        return self._levels.get(key) or full(bucket, now_ms)

    def _keep(self, key: str, level: Level) -> None:
        self._levels[key] = level
        self._levels.move_to_end(key)
        if len(self._levels) > self._max_keys:
            self._levels.popitem(last=False)
