from __future__ import annotations

import pytest

from app.core.breaker import PAUSE, THRESHOLD, Breaker
from tests.unit.fakes import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def breaker(clock: FixedClock) -> Breaker:
    return Breaker(clock)


def opened(breaker: Breaker) -> Breaker:
    for _ in range(THRESHOLD):
        assert breaker.admit()
        breaker.failed()
    return breaker


def test_it_opens_after_so_many_failures_in_a_row(breaker: Breaker) -> None:
    for _ in range(THRESHOLD - 1):
        breaker.failed()
    was_open = breaker.is_open
    breaker.failed()

    assert (was_open, breaker.is_open, breaker.admit()) == (False, True, False)


def test_a_success_in_between_begins_the_count_anew(breaker: Breaker) -> None:
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()

    assert (breaker.is_open, breaker.admit()) == (False, True)


def test_one_probe_goes_through_when_the_pause_is_over(breaker: Breaker, clock: FixedClock) -> None:
    opened(breaker)

    clock.turn(seconds=PAUSE.total_seconds() - 0.001)
    early = breaker.admit()
    clock.turn(seconds=0.001)

    assert (early, [breaker.admit() for _ in range(3)]) == (False, [True, False, False])


def test_an_answered_probe_lets_everybody_through(breaker: Breaker, clock: FixedClock) -> None:
    opened(breaker)
    clock.turn(seconds=PAUSE.total_seconds())

    assert breaker.admit()
    breaker.succeeded()

    assert [breaker.admit() for _ in range(3)] == [True] * 3


def test_a_probe_without_an_answer_begins_another_pause(breaker: Breaker, clock: FixedClock) -> None:
    opened(breaker)
    clock.turn(seconds=PAUSE.total_seconds())

    assert breaker.admit()
    breaker.failed()
    at_once = breaker.admit()
    clock.turn(seconds=PAUSE.total_seconds())

    assert (at_once, breaker.admit()) == (False, True)


def test_a_probe_that_was_given_up_is_followed_by_another_one(breaker: Breaker, clock: FixedClock) -> None:
    opened(breaker)
    clock.turn(seconds=PAUSE.total_seconds())

    assert breaker.admit()
    breaker.gave_up()

    assert (breaker.admit(), breaker.admit()) == (True, False)
