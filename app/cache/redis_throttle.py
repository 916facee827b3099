"""`Throttle` on Redis or Valkey: one bucket a caller, whichever process and machine answers.

A call is one script on one key, so no point is granted twice, and a cluster runs it as it is; the time is the server's,
so the processes' clocks need not agree. A key lives until its bucket is full again. While the server is away each
process counts for itself: a caller may then use up to one bucket a process. See ADR-0014.
"""

from __future__ import annotations

from typing import cast

from app.cache import keys
from app.cache.local_throttle import LocalThrottle
from app.cache.redis_server import RedisAway, RedisServer, Script
from app.core.clock import Clock
from app.core.throttle import (
    THOUSANDTHS,
    Bucket,
    Level,
    Taken,
    ThrottleStatus,
    answer,
    insist_on_amount,
    status,
)

# The arithmetic of app.core.throttle. ARGV: capacity in thousandths, thousandths restored a millisecond, thousandths to
# take (less than 0: to give back). Numbers are doubles, exact below 2^53: a capacity of nine billion points.
_SCRIPT = """
local capacity, rate, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local level, at = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')
if level then
    level = math.min(capacity, level + math.max(0, now - at) * rate)
else
    level = capacity
end
local granted = 0
if amount <= level then
    granted = 1
    level = math.min(capacity, level - amount)
end
if level == capacity then
    redis.call('DEL', KEYS[1])
else
    local life = math.ceil((capacity - level) / rate)
    redis.call('SET', KEYS[1], string.format('%.0f %.0f', level, now), 'PX', string.format('%.0f', life))
end
return {granted, level}
"""


class RedisThrottle:
    """Buckets on one server, in this process while it is away. Safe for any number of tasks at once."""

    def __init__(self, server: RedisServer, clock: Clock) -> None:
        self._server = server
        self._script = Script.of(_SCRIPT)
        self._local = LocalThrottle(clock)

    async def take(self, key: str, cost: int, bucket: Bucket) -> Taken:
        """Take points from a caller's bucket, or none."""
        insist_on_amount(cost)
        try:
            granted, level = await self._run(key, cost, bucket)
        except RedisAway:
            return await self._local.take(key, cost, bucket)
        return answer(Level(level, 0), cost, bucket, granted=bool(granted))

    async def give_back(self, key: str, amount: int, bucket: Bucket) -> ThrottleStatus:
        """Put back points that were not used."""
        insist_on_amount(amount)
        try:
            _, level = await self._run(key, -amount, bucket)
        except RedisAway:
            return await self._local.give_back(key, amount, bucket)
        return status(level, bucket)

    def give_back_soon(self, key: str, amount: int, bucket: Bucket) -> None:
        """Put back points that were not used. Where the server is lost at this moment, they come back by time alone."""
        insist_on_amount(amount)
        if not self._server.tell([self._script.call([keys.bucket(key)], _arguments(-amount, bucket))]):
            self._local.give_back_soon(key, amount, bucket)

    async def _run(self, key: str, amount: int, bucket: Bucket) -> tuple[int, int]:
        found = await self._server.run(self._script, [keys.bucket(key)], _arguments(amount, bucket))
        return cast("tuple[int, int]", found)


def _arguments(amount: int, bucket: Bucket) -> tuple[int, int, int]:
    return bucket.capacity * THOUSANDTHS, bucket.restored_per_second, amount * THOUSANDTHS
