"""A budget for each caller: a token bucket, filled to its capacity and restored at a steady rate.

Whoever has used theirs up waits, others notice nothing. Levels are whole thousandths of a point and times whole
milliseconds, so a rate in points a second is a rate in thousandths a millisecond: nothing is rounded, however small the
steps. The arithmetic is pure; where levels are kept is the adapter's business. See ADR-0014.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

THOUSANDTHS = 1_000  # of a point


@dataclass(frozen=True, slots=True)
class Bucket:
    """How much a caller may use at once, in points, and how many points come back each second; both 1 or more."""

    capacity: int
    restored_per_second: int

    def __post_init__(self) -> None:
        if self.capacity < 1 or self.restored_per_second < 1:
            raise ValueError(f"a bucket holds 1 or more and restores 1 or more, not {self}")


@dataclass(frozen=True, slots=True)
class Level:
    """What a bucket held at a time. thousandths: of a point. at_ms: milliseconds of the clock of whoever keeps it."""

    thousandths: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class ThrottleStatus:
    """A bucket as its caller sees it, in points; restore_rate in points a second."""

    maximum_available: int
    currently_available: int
    restore_rate: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether the points were granted, and what is left.

    retry_after_ms: when they would be, if the caller asks for nothing else meanwhile; 0 where they were granted.
    """

    granted: bool
    status: ThrottleStatus
    retry_after_ms: int = 0

    @property
    def retry_after_seconds(self) -> int:
        """The same in whole seconds, rounded up, as HTTP's `Retry-After` has it."""
        return -(-self.retry_after_ms // 1_000)


class Throttle(Protocol):
    """The callers' buckets. Any number of tasks may take from one bucket at once: no point is granted twice."""

    async def take(self, key: str, cost: int, bucket: Bucket) -> Taken:
        """Take `cost` points from a caller's bucket, or none if it has fewer.

        A cost above the capacity is never granted: check it first. Raises ValueError for a negative one.
        """
        ...

    async def give_back(self, key: str, amount: int, bucket: Bucket) -> ThrottleStatus:
        """Put back points that were taken and not used; a bucket never holds more than its capacity.

        Raises ValueError for a negative amount.
        """
        ...

    def give_back_soon(self, key: str, amount: int, bucket: Bucket) -> None:
        """The same for whoever need not know what is left: no wait, and before any later take of this process."""
        ...


def unused(taken: int, used: int) -> int:
    """How many of the points that were taken are to be given back: never a negative number, never more than those."""
    return min(max(taken - used, 0), taken)


def full(bucket: Bucket, now_ms: int) -> Level:
    """The level of a bucket that nobody has used."""
    return Level(bucket.capacity * THOUSANDTHS, now_ms)


def restored(level: Level, bucket: Bucket, now_ms: int) -> Level:
    """The level now. Where the clock went back, nothing is restored, and time counts from there."""
    elapsed = max(now_ms - level.at_ms, 0)
    return Level(min(level.thousandths + elapsed * bucket.restored_per_second, bucket.capacity * THOUSANDTHS), now_ms)


def take(level: Level, cost: int, bucket: Bucket, now_ms: int) -> tuple[Level, Taken]:
    """The level after `cost` points were asked for, and the answer."""
    insist_on_amount(cost)
    now = restored(level, bucket, now_ms)
    granted = cost * THOUSANDTHS <= now.thousandths
    if granted:
        now = Level(now.thousandths - cost * THOUSANDTHS, now_ms)
    return now, answer(now, cost, bucket, granted=granted)


def give_back(level: Level, amount: int, bucket: Bucket, now_ms: int) -> tuple[Level, ThrottleStatus]:
    """The level after points came back, and what the caller sees of it."""
    insist_on_amount(amount)
    now = restored(level, bucket, now_ms)
    more = min(now.thousandths + amount * THOUSANDTHS, bucket.capacity * THOUSANDTHS)
    return Level(more, now_ms), status(more, bucket)


def answer(level: Level, cost: int, bucket: Bucket, *, granted: bool) -> Taken:
    """What a caller is told who asked for `cost` points and left the bucket at this level."""
    missing = 0 if granted else cost * THOUSANDTHS - level.thousandths
    return Taken(granted, status(level.thousandths, bucket), -(-missing // bucket.restored_per_second))


def status(thousandths: int, bucket: Bucket) -> ThrottleStatus:
    """What a caller sees of a bucket with so much in it."""
    return ThrottleStatus(bucket.capacity, thousandths // THOUSANDTHS, bucket.restored_per_second)


def insist_on_amount(points: int) -> None:
    """Raise ValueError for an amount that is no amount."""
    if points < 0:
        raise ValueError(f"points are taken and given back, never {points} of them")
