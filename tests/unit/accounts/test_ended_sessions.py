"""How soon a process knows that a session has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from app.accounts.ended_sessions import FRESH_SECONDS, SESSIONS_ENDED, EndedSessions
from app.accounts.signing_keys import TOKEN_LIFETIME
from app.core.errors import DatabaseUnavailable
from app.core.ids import SessionId
from tests.unit.accounts.fakes import ToldChanges
from tests.unit.fakes import NOON, FixedClock
from tests.waiting import until

ADAS, BENS = SessionId(UUID(int=1)), SessionId(UUID(int=2))


class Ends:
    """`EndedSource`. asked: since when, each time."""

    def __init__(self) -> None:
        self.ended: dict[SessionId, datetime] = {}
        self.asked: list[datetime] = []
        self.fault: Exception | None = None

    async def ended_since(self, moment: datetime) -> Mapping[SessionId, datetime]:
        self.asked.append(moment)
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        return {key: at for key, at in self.ended.items() if at > moment}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture
def feed() -> ToldChanges:
    return ToldChanges()


@pytest.fixture
async def ended(ends: Ends, feed: ToldChanges, clock: FixedClock) -> AsyncIterator[EndedSessions]:
    ended = EndedSessions(ends, feed, clock)
    yield ended
    await ended.close()


async def test_a_session_counts_as_ended_within_two_seconds_without_any_feed(
    ended: EndedSessions, ends: Ends, clock: FixedClock
) -> None:
    assert await ended.holds(ADAS) is False
    ends.ended[ADAS] = NOON

    clock.turn(seconds=FRESH_SECONDS)

    assert await ended.holds(ADAS) is True
    assert await ended.holds(BENS) is False
    assert FRESH_SECONDS < 5


async def test_however_many_ask_the_list_is_read_once(ended: EndedSessions, ends: Ends) -> None:
    await asyncio.gather(*(ended.holds(ADAS) for _ in range(100)))

    assert len(ends.asked) == 1


async def test_what_the_feed_says_counts_at_once(ended: EndedSessions, ends: Ends, feed: ToldChanges) -> None:
    assert await ended.holds(ADAS) is False
    await asyncio.sleep(0)  # it listens now
    ends.ended[ADAS] = NOON

    feed.announce([SESSIONS_ENDED])

    await until(lambda: ended._stale_at == 0.0)
    assert await ended.holds(ADAS) is True


async def test_what_this_process_has_done_counts_at_once(ended: EndedSessions, ends: Ends) -> None:
    assert await ended.holds(ADAS) is False
    ends.ended[ADAS] = NOON

    ended.hear([SESSIONS_ENDED])

    assert await ended.holds(ADAS) is True


@pytest.mark.parametrize("fault", [DatabaseUnavailable("away"), TimeoutError()])
async def test_while_the_list_cannot_be_read_the_last_one_counts_and_is_not_asked_for_each_time(
    ended: EndedSessions, ends: Ends, clock: FixedClock, fault: Exception
) -> None:
    ends.ended[ADAS] = NOON
    assert await ended.holds(ADAS) is True
    ends.fault = fault

    clock.turn(seconds=FRESH_SECONDS)

    assert [await ended.holds(key) for key in (ADAS, BENS, ADAS)] == [True, False, True]
    assert len(ends.asked) == 2


async def test_the_list_forgets_what_no_token_can_name_any_more(
    ended: EndedSessions, ends: Ends, clock: FixedClock
) -> None:
    ends.ended[ADAS] = NOON
    await ended.holds(ADAS)

    clock.turn(seconds=TOKEN_LIFETIME.total_seconds() + 31)
    await ended.holds(BENS)

    assert ended._ended == {}
    assert ends.asked[-1] > NOON - TOKEN_LIFETIME


async def test_a_clock_that_is_set_back_hides_no_end(ended: EndedSessions, ends: Ends, clock: FixedClock) -> None:
    clock.turn(hours=1)
    await ended.holds(ADAS)
    clock.turn(hours=-1)
    ends.ended[ADAS] = NOON - timedelta(minutes=1)

    ended.hear([SESSIONS_ENDED])

    assert await ended.holds(ADAS) is True
