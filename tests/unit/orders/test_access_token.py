from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.ids import OrderId
from app.orders.access_token import OrderAccessTokens
from tests.unit.fakes import NOON, FixedClock

SECRET = b"a secret of the shop"
ORDER = OrderId(UUID("6f1f2d3c-0a0b-4c0d-8e0f-102030405060"))
BITS = 8 * 40  # id, expiry, signature


def issuer(secret: bytes = SECRET) -> OrderAccessTokens:
    return OrderAccessTokens(secret, FixedClock())


def raw(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def text(of: bytes) -> str:
    return base64.urlsafe_b64encode(of).decode().rstrip("=")


@given(st.uuids())
def test_a_token_opens_the_order_that_it_was_issued_for(order_id: UUID) -> None:
    tokens = issuer()

    token = tokens.issue(OrderId(order_id))

    assert tokens.verify(token) == order_id
    assert len(token) == 54
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_token_opens_the_order_for_90_days_to_the_second() -> None:
    clock = FixedClock()
    tokens = OrderAccessTokens(SECRET, clock)
    token = tokens.issue(ORDER)

    clock.turn(days=90, microseconds=-1)
    assert tokens.verify(token) == ORDER
    clock.turn(microseconds=1)
    assert tokens.verify(token) is None
    clock.turn(days=10_000)
    assert tokens.verify(token) is None


def test_a_token_that_is_issued_between_two_seconds_ends_at_the_earlier_one() -> None:
    clock = FixedClock(NOON + timedelta(milliseconds=999))
    tokens = OrderAccessTokens(SECRET, clock)
    token = tokens.issue(ORDER)

    clock.turn(days=90, milliseconds=-999, microseconds=-1)
    assert tokens.verify(token) == ORDER
    clock.turn(microseconds=1)
    assert tokens.verify(token) is None


@pytest.mark.parametrize("bit", range(BITS))
def test_a_token_with_one_bit_flipped_opens_nothing(bit: int) -> None:
    tokens = issuer()
    signed = bytearray(raw(tokens.issue(ORDER)))

    signed[bit // 8] ^= 1 << bit % 8

    assert tokens.verify(text(bytes(signed))) is None


def test_a_token_has_no_bits_beyond_those_that_are_flipped_here() -> None:
    assert 8 * len(raw(issuer().issue(ORDER))) == BITS


@given(st.binary(min_size=1, max_size=64).filter(lambda secret: secret != SECRET))
def test_another_key_opens_nothing(secret: bytes) -> None:
    assert issuer().verify(issuer(secret).issue(ORDER)) is None


def test_another_signature_of_the_same_key_is_no_token() -> None:
    body = raw(issuer().issue(ORDER))[:24]

    forged = body + hmac.new(SECRET, body, hashlib.sha256).digest()[:16]

    assert issuer().verify(text(forged)) is None


def test_the_id_and_the_expiry_of_two_tokens_cannot_be_mixed() -> None:
    clock = FixedClock()
    tokens = OrderAccessTokens(SECRET, clock)
    early = raw(tokens.issue(ORDER))
    clock.turn(days=1)
    late = raw(tokens.issue(ORDER))
    other = raw(tokens.issue(OrderId(UUID(int=7))))

    assert tokens.verify(text(early[:16] + late[16:24] + early[24:])) is None
    assert tokens.verify(text(other[:16] + late[16:])) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "=",
        "A",
        "garbage",
        "order_11111111111111111111111",
        "ä" * 54,
        "\ud800" * 54,
        "A" * 54,
        "_" * 54,
        "A" * 53,
        "!" * 54,
        pytest.param("A" * 1_000_000, id="a megabyte"),
    ],
)
def test_garbage_opens_nothing(token: str) -> None:
    assert issuer().verify(token) is None


def test_a_token_that_was_cut_or_lengthened_opens_nothing() -> None:
    tokens = issuer()
    token = tokens.issue(ORDER)

    cut = [token[:end] for end in range(len(token))]
    longer = [f"{token}A", f"A{token}", f"{token}AA", f"{token} ", f" {token}", f"{token}\n", f"{token}{token}"]

    assert [each for each in (*cut, *longer) if tokens.verify(each) is not None] == []


@given(st.text(max_size=80) | st.binary(min_size=40, max_size=40).map(text))
def test_any_other_text_opens_nothing(token: str) -> None:
    assert issuer().verify(token) is None
