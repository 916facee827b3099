"""Which key signs, which ones verify, and when a list of them is read again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest

from app.accounts.signing_keys import (
    KEPT_SECONDS,
    LOOK_AGAIN_SECONDS,
    PUBLISHED_AHEAD,
    KeyRing,
    SigningKey,
    signing,
)
from app.core.errors import DatabaseUnavailable
from tests.unit.fakes import NOON, FixedClock

OLD = SigningKey("old", b"o", b"", NOON - timedelta(days=1), NOON - timedelta(days=1), NOON + timedelta(minutes=12))
NEW = SigningKey("new", b"n", b"", NOON, NOON + timedelta(minutes=2))


def test_a_new_key_signs_once_its_time_has_come() -> None:
    before, then = NOON + timedelta(seconds=119), NOON + timedelta(seconds=120)

    assert (signing([NEW, OLD], before), signing([NEW, OLD], then)) == (OLD, NEW)


def test_a_key_that_verifies_no_more_signs_no_more() -> None:
    assert signing([OLD], NOON + timedelta(minutes=12)) is None
    assert signing([], NOON) is None


def test_a_key_is_published_long_enough_for_every_list_to_be_read_again() -> None:
    assert PUBLISHED_AHEAD.total_seconds() >= 2 * KEPT_SECONDS


class Published:
    """A list of keys somewhere else. reads: how often it was read."""

    def __init__(self) -> None:
        self.keys: Mapping[str, bytes] = {"old": b"o"}
        self.reads = 0
        self.is_away = False

    async def __call__(self) -> Mapping[str, bytes]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise DatabaseUnavailable("away")
        return self.keys


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


async def test_the_list_is_read_once_for_everybody_and_again_in_time(published: Published, clock: FixedClock) -> None:
    ring = KeyRing(published, clock)

    assert await asyncio.gather(*(ring.find("old") for _ in range(10))) == [b"o"] * 10
    assert published.reads == 1
    clock.turn(seconds=KEPT_SECONDS)
    await ring.find("old")
    assert published.reads == 2


async def test_an_unknown_id_is_looked_for_again_at_once_but_not_for_every_stranger(
    published: Published, clock: FixedClock
) -> None:
    ring = KeyRing(published, clock)
    await ring.find("old")
    published.keys = {"old": b"o", "new": b"n"}

    clock.turn(seconds=LOOK_AGAIN_SECONDS)
    assert await ring.find("new") == b"n"
    for number in range(100):
        assert await ring.find(f"made up {number}") is None
    assert published.reads == 2


async def test_while_the_list_cannot_be_read_the_last_one_counts(published: Published, clock: FixedClock) -> None:
    ring = KeyRing(published, clock)
    await ring.find("old")
    published.is_away = True

    clock.turn(seconds=KEPT_SECONDS)

    assert await ring.find("old") == b"o"
    assert await ring.find("new") is None


async def test_without_any_list_it_is_an_outage_and_no_forgery(published: Published, clock: FixedClock) -> None:
    published.is_away = True

    with pytest.raises(DatabaseUnavailable):
        await KeyRing(published, clock).find("old")
