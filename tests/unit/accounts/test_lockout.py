"""When tries are no longer looked at."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.lockout import (
    FROM_ADDRESS,
    STRANGERS,
    TRIES,
    WINDOW,
    Counted,
    NotedTry,
    Tries,
    account_key,
    check_tries,
    folded_email,
)
from app.core.errors import ErrorCode, TooManyTries
from tests.unit.fakes import NOON

KNOWN, STRANGER = NotedTry(1, is_known=True), NotedTry(1, is_known=False)


def tries(here: int = 1, by_strangers: int = 1, from_address: int = 1, *, minutes_ago: float = 5) -> Tries:
    oldest = NOON - timedelta(minutes=minutes_ago)
    return Tries(Counted(here, oldest), Counted(by_strangers, oldest), Counted(from_address, oldest))


def is_locked(counted: Tries, noted: NotedTry) -> bool:
    try:
        check_tries(counted, noted, now=NOON)
    except TooManyTries:
        return True
    return False


def test_five_tries_from_one_address_at_one_account_are_looked_at_and_no_sixth() -> None:
    assert [is_locked(tries(here=count), KNOWN) for count in (4, 5, 6)] == [False, False, True]
    assert (5, timedelta(minutes=15)) == (TRIES, WINDOW)


def test_strangers_lock_an_account_for_each_other_and_not_for_where_its_owner_has_been() -> None:
    many = tries(by_strangers=STRANGERS + 1)

    assert is_locked(many, STRANGER)
    assert not is_locked(many, KNOWN)
    assert not is_locked(tries(by_strangers=STRANGERS), STRANGER)


def test_one_address_does_not_try_every_account() -> None:
    assert is_locked(tries(from_address=FROM_ADDRESS + 1), KNOWN)
    assert not is_locked(tries(from_address=FROM_ADDRESS), KNOWN)


def test_the_refusal_says_when_the_first_try_will_no_longer_count() -> None:
    with pytest.raises(TooManyTries) as refusal:
        check_tries(tries(here=6, minutes_ago=5), KNOWN, now=NOON)

    assert refusal.value.retry_after_seconds == 600
    assert refusal.value.code is ErrorCode.RATE_LIMITED
    assert "10 min" in refusal.value.message


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 100), st.booleans(), st.floats(0, 15))
def test_a_lock_ends_within_the_window(here: int, strangers: int, address: int, known: bool, ago: float) -> None:
    counted = tries(here + TRIES, strangers, address, minutes_ago=ago)

    with pytest.raises(TooManyTries) as refusal:
        check_tries(counted, NotedTry(1, known), now=NOON)

    assert 1 <= refusal.value.retry_after_seconds <= WINDOW.total_seconds()


def test_an_address_is_counted_however_it_is_typed_and_is_not_kept() -> None:
    assert account_key(folded_email(" ADA@Example.com ")) == account_key("ada@example.com")
    assert b"ada" not in account_key("ada@example.com")
