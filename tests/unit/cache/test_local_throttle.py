from __future__ import annotations

import asyncio

import pytest

from app.cache.local_throttle import LocalThrottle
from app.core.throttle import Bucket, ThrottleStatus
from tests.unit.fakes import FixedClock

BUCKET = Bucket(capacity=100, restored_per_second=10)


async def granted(throttle: LocalThrottle, key: str, cost: int) -> bool:
    return (await throttle.take(key, cost, BUCKET)).granted


async def test_each_key_has_a_bucket_of_its_own_that_time_restores() -> None:
    clock = FixedClock()
    throttle = LocalThrottle(clock)

    assert [await granted(throttle, "a", 60), await granted(throttle, "a", 60)] == [True, False]
    assert await granted(throttle, "b", 60)
    clock.turn(seconds=2)
    assert await granted(throttle, "a", 60)
    assert not await granted(throttle, "a", 1)


async def test_what_comes_back_can_be_taken_again() -> None:
    throttle = LocalThrottle(FixedClock())
    await throttle.take("a", 100, BUCKET)

    assert await throttle.give_back("a", 30, BUCKET) == ThrottleStatus(100, 30, 10)
    assert await granted(throttle, "a", 30)
    assert await throttle.give_back("a", 1_000, BUCKET) == ThrottleStatus(100, 100, 10)


async def test_tasks_share_a_bucket() -> None:
    throttle = LocalThrottle(FixedClock())

    outcomes = await asyncio.gather(*(granted(throttle, "a", 7) for _ in range(50)))

    assert sum(outcomes) == 100 // 7


async def test_who_has_not_asked_for_longest_is_forgotten_first() -> None:
    throttle = LocalThrottle(FixedClock(), max_keys=2)
    for key in ("a", "b"):
        await throttle.take(key, 100, BUCKET)
    await throttle.give_back("a", 0, BUCKET)

    await throttle.take("c", 100, BUCKET)

    assert [await granted(throttle, key, 1) for key in ("a", "c", "b")] == [False, False, True]


@pytest.mark.parametrize("move", ["take", "give_back"])
async def test_a_negative_amount_is_a_mistake(move: str) -> None:
    throttle = LocalThrottle(FixedClock())

    with pytest.raises(ValueError, match="never -1"):
        await getattr(throttle, move)("a", -1, BUCKET)
