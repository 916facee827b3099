"""Buckets in a real server: the script's arithmetic, processes that take at once, and a server that stops and hangs."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from redis import Redis as BlockingRedis

from app import telemetry
from app.cache import keys
from app.cache.redis_server import AWAY_SECONDS, RedisServer
from app.cache.redis_throttle import _SCRIPT, RedisThrottle
from app.core.clock import SystemClock
from app.core.throttle import THOUSANDTHS, Bucket, Level, Taken, ThrottleStatus, full, give_back, take
from app.devstack.valkey import ValkeyServer
from tests.conftest import REPOSITORY, Servers
from tests.integration.cache.takers import PATIENCE_SECONDS
from tests.unit.fakes import FixedClock

BUCKET = Bucket(capacity=1_000_000, restored_per_second=1)
TASKS = 150


@dataclass(frozen=True, slots=True)
class Worker:
    """One process' throttle, with connections of its own."""

    throttle: RedisThrottle
    server: RedisServer

    async def left(self, key: str) -> int:
        """How many points a caller has."""
        return (await self.throttle.give_back(key, 0, BUCKET)).currently_available

    async def takes(self, key: str, cost: int) -> bool:
        return (await self.throttle.take(key, cost, BUCKET)).granted


def worker(url: str, clock: FixedClock | SystemClock, *, patience_seconds: float = PATIENCE_SECONDS) -> Worker:
    server = RedisServer(url, clock, timeout_seconds=patience_seconds)
    return Worker(RedisThrottle(server, clock), server)


@pytest.fixture
async def two(servers: Servers) -> AsyncIterator[tuple[Worker, Worker]]:
    pair = (worker(servers.valkey.url, SystemClock()), worker(servers.valkey.url, SystemClock()))
    yield pair
    for each in pair:
        await each.server.close()


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    return f"test:{request.node.name}"


async def test_workers_share_a_bucket(two: tuple[Worker, Worker], key: str) -> None:
    here, there = two

    granted = await here.throttle.take(key, 999_990, BUCKET)
    refused = await there.throttle.take(key, 1_000, BUCKET)
    back = await there.throttle.give_back(key, 999_000, BUCKET)

    assert granted == Taken(True, ThrottleStatus(1_000_000, 10, 1))
    assert not refused.granted
    assert 900_000 < refused.retry_after_ms <= 990_000
    assert back.currently_available >= 999_010
    assert await here.takes(key, 999_010)


async def test_what_is_given_back_soon_is_there_for_the_next_take(two: tuple[Worker, Worker], key: str) -> None:
    here, there = two
    await here.takes(key, 1_000_000)

    here.throttle.give_back_soon(key, 999_000, BUCKET)

    assert await here.takes(key, 999_000)
    assert not await there.takes(key, 10_000)


async def test_what_was_given_back_is_sent_before_the_connection_is_closed(
    two: tuple[Worker, Worker], key: str
) -> None:
    here, there = two
    await here.takes(key, 1_000_000)

    here.throttle.give_back_soon(key, 500_000, BUCKET)
    await here.server.close()

    async with asyncio.timeout(PATIENCE_SECONDS):
        while await there.left(key) < 500_000:  # noqa: ASYNC110  no event
            await asyncio.sleep(0.01)
    assert not await there.takes(key, 600_000)


async def test_callers_do_not_share_a_bucket(two: tuple[Worker, Worker], key: str) -> None:
    assert await two[0].takes(f"{key}:a", 1_000_000)
    assert await two[1].takes(f"{key}:b", 1_000_000)
    assert not await two[1].takes(f"{key}:a", 1_000)


async def test_processes_that_take_at_once_are_granted_what_the_bucket_has_and_no_more(
    servers: Servers, key: str
) -> None:
    command = [sys.executable, "-m", "tests.integration.cache.takers", servers.valkey.url, key, str(TASKS)]
    processes = [
        await asyncio.create_subprocess_exec(
            *command, cwd=REPOSITORY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    outputs = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    granted = [int(out) for out, _ in outputs]

    assert sum(granted) == 100  # of 300 that asked
    assert [process.returncode for process in processes] == [0, 0]


async def test_a_bucket_lives_until_it_is_full_again(two: tuple[Worker, Worker], key: str) -> None:
    async def life_ms() -> int:
        return await two[0].server.ask("PTTL", keys.bucket(key))

    await two[0].takes(key, 600_000)
    used = await life_ms()
    await two[0].throttle.give_back(key, 500_000, BUCKET)
    less_used = await life_ms()
    await two[0].throttle.give_back(key, 500_000, BUCKET)
    gone = await life_ms()

    assert less_used <= 100_000_000 < used <= 600_000_000
    assert gone == -2  # there is no such key


@given(
    bucket=st.builds(Bucket, st.integers(1, 10**9), st.integers(1, 10**6)),
    share=st.integers(0, THOUSANDTHS),
    age_ms=st.integers(-100_000, 100_000),
    amount=st.integers(-(10**9), 10**9),
)
@examples(deadline=None)
def test_the_script_reckons_as_the_rules_do(
    servers: Servers, bucket: Bucket, share: int, age_ms: int, amount: int
) -> None:
    amount %= bucket.capacity * (2 if amount > 0 else -2)
    with BlockingRedis.from_url(servers.valkey.url) as redis:
        name = keys.bucket("script")
        before = Level(bucket.capacity * share, clock_ms(redis) - age_ms)
        redis.set(name, f"{before.thousandths} {before.at_ms}")
        rule = (bucket.capacity * THOUSANDTHS, bucket.restored_per_second, amount * THOUSANDTHS)
        with redis.pipeline() as at_once:  # a transaction: nothing expires inside
            (granted, left), stored = at_once.eval(_SCRIPT, 1, name, *rule).get(name).execute()
        now_ms = clock_ms(redis) if stored is None else int(stored.split()[1])

    if amount < 0:
        after, _ = give_back(before, -amount, bucket, now_ms)
        assert granted == 1
    else:
        after, taken = take(before, amount, bucket, now_ms)
        assert granted == taken.granted
    assert left == after.thousandths
    assert stored == (None if after == full(bucket, now_ms) else b"%d %d" % (after.thousandths, now_ms))


def clock_ms(redis: BlockingRedis) -> int:
    seconds, microseconds = redis.time()
    return int(seconds) * 1_000 + int(microseconds) // 1_000


async def test_what_is_no_level_counts_as_a_full_bucket(two: tuple[Worker, Worker], key: str) -> None:
    for damaged in ("", "nonsense", "1", "-5 0", "1e9 1e9", "1 2 3", "\xff"):
        await two[0].server.ask("SET", keys.bucket(key), damaged)

        assert await two[0].left(key) == 1_000_000


async def test_a_server_that_has_forgotten_the_script_is_taught_again(two: tuple[Worker, Worker], key: str) -> None:
    faults = telemetry.CACHE_FAULTS._value.get()
    await two[0].takes(key, 1_000)
    await two[0].server.ask("SCRIPT", "FLUSH")

    assert await two[0].takes(key, 999_000)
    assert not await two[1].takes(key, 1_000)
    assert telemetry.CACHE_FAULTS._value.get() == faults


# ------------------------------------------------------------------------------------------------ a server that is away


@pytest.fixture
async def own_valkey(servers: Servers, tmp_path: Path) -> AsyncIterator[ValkeyServer]:
    valkey = ValkeyServer(servers.supervisor, tmp_path / "valkey")
    valkey.start()
    yield valkey
    servers.supervisor.stop(valkey.child)


async def test_while_the_server_hangs_each_process_counts_for_itself_and_asks_it_once(
    own_valkey: ValkeyServer, key: str
) -> None:
    clock = FixedClock()
    patient, hasty = worker(own_valkey.url, clock), worker(own_valkey.url, clock, patience_seconds=0.1)
    assert await patient.takes(key, 900_000)
    faults = telemetry.CACHE_FAULTS._value.get()

    own_valkey.child.send(signal.SIGSTOP)
    try:
        outcomes = [await hasty.takes(key, 400_000) for _ in range(5)]
        left = await hasty.left(key)
    finally:
        own_valkey.child.send(signal.SIGCONT)
    assert outcomes == [True, True, False, False, False]
    assert left == 200_000
    hasty.throttle.give_back_soon(key, 300_000, BUCKET)
    assert await hasty.left(key) == 500_000
    assert await hasty.takes(key, 300_000)
    assert telemetry.CACHE_FAULTS._value.get() == faults + 1

    assert await hasty.left(key) == 200_000  # it is not asked yet, although it is back
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await hasty.left(key) > 190_000:
            clock.turn(seconds=AWAY_SECONDS + 0.5)
    assert await patient.left(key) < 110_000
    for each in (patient, hasty):
        await each.server.close()


async def test_many_that_wait_for_a_server_that_hangs_wait_together(own_valkey: ValkeyServer, key: str) -> None:
    hasty = worker(own_valkey.url, FixedClock(), patience_seconds=0.1)
    faults = telemetry.CACHE_FAULTS._value.get()

    own_valkey.child.send(signal.SIGSTOP)
    try:
        outcomes = await asyncio.gather(*(hasty.takes(key, 10_000) for _ in range(250)))
    finally:
        own_valkey.child.send(signal.SIGCONT)

    assert sum(outcomes) == 100
    assert telemetry.CACHE_FAULTS._value.get() == faults + 250  # of one time-out: nobody waited for another's turn
    await hasty.server.close()


async def test_a_server_that_stops_is_done_without_and_shared_again_once_it_is_back(
    own_valkey: ValkeyServer, key: str
) -> None:
    clock = FixedClock()
    here, there = worker(own_valkey.url, clock), worker(own_valkey.url, clock)
    await here.takes(key, 1_000)

    own_valkey.stop()
    alone = [await each.takes(key, 1_000_000) for each in (here, there, here, there)]
    own_valkey.start()
    still_alone = await here.takes(key, 1_000)
    clock.turn(seconds=AWAY_SECONDS + 0.5)
    together = [await each.takes(key, 1_000_000) for each in (here, there)]

    assert alone == [True, True, False, False]
    assert not still_alone
    assert together == [True, False]
    for each in (here, there):
        await each.server.close()
