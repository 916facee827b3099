"""What a take from a caller's bucket costs beside one plain GET, on one connection to a Valkey of its own."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from app.cache import keys
from app.cache.redis_server import RedisServer
from app.cache.redis_throttle import RedisThrottle
from app.core.clock import SystemClock
from app.core.throttle import Bucket
from app.devstack.supervisor import Supervisor
from app.devstack.valkey import ValkeyServer

MOST = 2.0
ROUNDS = 15
CALLS = 400  # a round
PATIENCE_SECONDS = 60.0


async def measure(url: str) -> tuple[float, float]:
    """Seconds of a GET and of a take: the fastest rounds, which took turns so that both had the same machine."""
    clock = SystemClock()
    server = RedisServer(url, clock, timeout_seconds=PATIENCE_SECONDS)
    throttle = RedisThrottle(server, clock)
    bucket = Bucket(capacity=1_000_000, restored_per_second=1)
    plain = keys.entry("benchmark", 1)
    await server.ask("SET", plain, "1000000000 1700000000000")

    async def get() -> object:
        return await server.ask("GET", plain)

    async def take() -> object:
        return await throttle.take("benchmark", 1, bucket)

    gets, takes = [], []
    for _ in range(ROUNDS):
        gets.append(await _seconds_of(get))
        takes.append(await _seconds_of(take))
    await server.close()
    return min(gets), min(takes)


async def _seconds_of(call: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        await call()
    return (time.perf_counter() - began) / CALLS


def main() -> int:
    """Print the ratio; 1 where it is above the limit."""
    with tempfile.TemporaryDirectory() as folder, Supervisor() as supervisor:
        valkey = ValkeyServer(supervisor, Path(folder) / "valkey")
        valkey.start()
        get, take = asyncio.run(measure(valkey.url))
    ratio = take / get
    print(f"take: {take * 1e6:.0f} µs, GET: {get * 1e6:.0f} µs, ratio {ratio:.2f}, at most {MOST}")
    return 0 if ratio <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
