"""A process that takes from one bucket with many tasks at once: `python -m … <redis url> <key> <tasks>`.

It says `ready`, begins when a line comes in, and prints how many tasks were granted their points.
"""

from __future__ import annotations

import asyncio
import sys

from app import telemetry
from app.cache.redis_server import RedisServer
from app.cache.redis_throttle import RedisThrottle
from app.core.clock import SystemClock
from app.core.throttle import Bucket

COST = 1_000_000
BUCKET = Bucket(capacity=100 * COST, restored_per_second=1)  # nothing to speak of comes back while a test runs
PATIENCE_SECONDS = 60.0  # a busy machine must not look like a server that is away


async def take_all(url: str, key: str, tasks: int) -> int:
    clock = SystemClock()
    server = RedisServer(url, clock, timeout_seconds=PATIENCE_SECONDS)
    throttle = RedisThrottle(server, clock)
    outcomes = await asyncio.gather(*(throttle.take(key, COST, BUCKET) for _ in range(tasks)))
    await server.close()
    return sum(taken.granted for taken in outcomes)


if __name__ == "__main__":
    telemetry.configure_logging("ERROR")
    print("ready", flush=True)
    sys.stdin.readline()
    print(asyncio.run(take_all(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
