"""Refresh tokens: what is kept of them, and what it can be used for."""

from __future__ import annotations

import base64
import itertools
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.accounts.domain import Session
from app.accounts.refresh_tokens import (
    GRACE,
    MAX_SPENT,
    RefreshToken,
    RefreshTokens,
    is_current,
    rotated,
    successor,
)
from app.core.ids import CustomerId, RandomSecrets, SessionId
from tests.unit.fakes import NOON

ADAS = SessionId(UUID(int=7))
TOKENS = RefreshTokens(b"the shop's key", RandomSecrets())


def opened(token: RefreshToken) -> Session:
    return Session(
        ADAS, CustomerId(UUID(int=1)), NOON, NOON, NOON + timedelta(days=90), None, "192.0.2.1", token.digest
    )


def test_a_token_is_read_as_it_was_made() -> None:
    token = TOKENS.new(ADAS)

    assert TOKENS.read(TOKENS.text(token)) == token
    assert len(token.secret) * 8 == 256


def test_no_two_are_alike() -> None:
    assert len({TOKENS.text(TOKENS.new(ADAS)) for _ in range(100)}) == 100


@given(st.text(max_size=120))
def test_any_other_text_is_none(text: str) -> None:
    assert TOKENS.read(text) is None


@given(st.binary(min_size=64, max_size=64))
def test_a_made_up_one_is_known_to_be_made_up(raw: bytes) -> None:
    assert TOKENS.read(base64.urlsafe_b64encode(raw).decode().rstrip("=")) is None


def test_one_of_another_shop_is_none() -> None:
    assert RefreshTokens(b"another key", RandomSecrets()).read(TOKENS.text(TOKENS.new(ADAS))) is None


def test_a_used_token_leads_to_the_next_for_ten_seconds_and_not_longer() -> None:
    first, second = TOKENS.new(ADAS), TOKENS.new(ADAS)
    session = rotated(opened(first), first, second, now=NOON)

    assert is_current(session, second)
    assert not is_current(session, first)
    assert successor(session, first, now=NOON + GRACE) == second
    assert successor(session, first, now=NOON + GRACE + timedelta(microseconds=1)) is None
    assert timedelta(seconds=10) == GRACE


def test_who_comes_late_in_a_quick_row_gets_the_last_one() -> None:
    tokens = [TOKENS.new(ADAS) for _ in range(5)]
    session = opened(tokens[0])
    for second, (used, fresh) in enumerate(itertools.pairwise(tokens)):
        session = rotated(session, used, fresh, now=NOON + timedelta(seconds=second))

    assert [successor(session, used, now=NOON + timedelta(seconds=4)) for used in tokens[:-1]] == [tokens[-1]] * 4


def test_a_token_of_nobody_leads_nowhere() -> None:
    first = TOKENS.new(ADAS)
    session = rotated(opened(first), first, TOKENS.new(ADAS), now=NOON)

    assert successor(session, TOKENS.new(ADAS), now=NOON) is None


def test_what_is_kept_gives_away_no_token() -> None:
    first, second = TOKENS.new(ADAS), TOKENS.new(ADAS)
    session = rotated(opened(first), first, second, now=NOON)

    kept = b"".join([session.refresh_digest, *(each.digest + each.pad for each in session.spent)])

    assert first.secret not in kept
    assert second.secret not in kept
    stolen = RefreshToken(ADAS, session.spent[0].pad)
    assert not is_current(session, stolen)


def test_spent_tokens_are_forgotten_in_time_and_in_number() -> None:
    token = TOKENS.new(ADAS)
    session = opened(token)
    for _ in range(MAX_SPENT + 5):
        fresh = TOKENS.new(ADAS)
        session, token = rotated(session, token, fresh, now=NOON), fresh
    later = rotated(session, token, TOKENS.new(ADAS), now=NOON + GRACE + timedelta(seconds=1))

    assert len(session.spent) == MAX_SPENT
    assert len(later.spent) == 1


def test_a_pad_for_another_token_of_the_session_is_not_believed() -> None:
    first, second, other = (TOKENS.new(ADAS) for _ in range(3))
    session = replace(rotated(opened(first), first, second, now=NOON), refresh_digest=other.digest)

    assert successor(session, first, now=NOON) is None
