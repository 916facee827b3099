from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.credentials import AUDIENCE, ISSUER, Argon2Passwords, JwtAccessTokens
from app.core.errors import ErrorCode, Unauthenticated
from app.core.ids import CustomerId
from tests.unit.fakes import NOON, FixedClock

SECRET = b"a secret of the shop"
ADA = CustomerId(UUID("6f1f2d3c-0a0b-4c0d-8e0f-102030405060"))
MESSAGE = "The access token is invalid or has expired: sign in again."
NOW = int(NOON.timestamp())

Sign = Callable[[bytes], bytes]


def issuer(secret: bytes = SECRET) -> JwtAccessTokens:
    return JwtAccessTokens(secret, FixedClock())


OURS: Ed25519PrivateKey = issuer()._private
PUBLIC_RAW = OURS.public_key().public_bytes_raw()
PUBLIC_PEM = OURS.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
HEADER = {"alg": "EdDSA", "typ": "at+jwt", "kid": issuer()._key_id}
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": str(ADA), "iat": NOW, "exp": NOW + 600}


def segment(of: bytes) -> str:
    return base64.urlsafe_b64encode(of).decode().rstrip("=")


def token(sign: Sign = OURS.sign, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token that is ours but for what is given. A claim that is `...` is left out."""
    payload = {name: value for name, value in (CLAIMS | claims).items() if value is not ...}
    signed = f"{segment(json.dumps(HEADER | (header or {})).encode())}.{segment(json.dumps(payload).encode())}"
    return f"{signed}.{segment(sign(signed.encode()))}"


def hs256(key: bytes) -> Sign:
    return lambda signed: hmac.new(key, signed, hashlib.sha256).digest()


def without(name: str) -> dict[str, Any]:
    return {each: value for each, value in HEADER.items() if each != name}


def with_header(header: object) -> str:
    signed = f"{segment(json.dumps(header).encode())}.{segment(json.dumps(CLAIMS).encode())}"
    return f"{signed}.{segment(OURS.sign(signed.encode()))}"


def with_claims(claims: str) -> str:
    signed = f"{segment(json.dumps(HEADER).encode())}.{segment(claims.encode())}"
    return f"{signed}.{segment(OURS.sign(signed.encode()))}"


def test_a_token_names_the_customer_that_it_was_issued_for() -> None:
    tokens = issuer()

    issued, expires_at = tokens.issue(ADA)

    assert tokens.verify(issued) == ADA
    assert (expires_at - NOON).total_seconds() == 600


def test_a_token_of_our_own_making_is_as_good_as_an_issued_one() -> None:
    assert issuer().verify(token()) == ADA  # so every forgery below fails for its own reason


def test_a_token_says_who_for_whom_since_when_and_until_when() -> None:
    header, payload, _ = issuer().issue(ADA)[0].split(".")

    assert json.loads(base64.urlsafe_b64decode(header + "==")) == HEADER
    assert json.loads(base64.urlsafe_b64decode(payload + "==")) == CLAIMS


def test_a_token_lasts_for_10_minutes_to_the_second() -> None:
    clock = FixedClock()
    tokens = JwtAccessTokens(SECRET, clock)
    issued, _ = tokens.issue(ADA)

    clock.turn(minutes=10, microseconds=-1)
    assert tokens.verify(issued) == ADA
    clock.turn(microseconds=1)
    with pytest.raises(Unauthenticated):
        tokens.verify(issued)


FORGERIES = {
    # another signature, or none
    "alg none": token(lambda _: b"", header={"alg": "none"}),
    "alg None": token(lambda _: b"", header={"alg": "None"}),
    "alg none, our signature": token(header={"alg": "none"}),
    "no signature": token().rpartition(".")[0] + ".",
    "no signature part": token().rpartition(".")[0],
    "HS256 with the public key": token(hs256(PUBLIC_RAW), header={"alg": "HS256"}),
    "HS256 with the public key as PEM": token(hs256(PUBLIC_PEM), header={"alg": "HS256"}),
    "HS256 with the shop's secret": token(hs256(SECRET), header={"alg": "HS256"}),
    "HS256 with no key": token(hs256(b""), header={"alg": "HS256"}),
    "HMAC called EdDSA": token(hs256(PUBLIC_PEM)),
    "another key": token(Ed25519PrivateKey.from_private_bytes(b"\1" * 32).sign),
    "another key, under our key's id": token(issuer(b"another secret")._private.sign),
    "ES256 by name": token(header={"alg": "ES256"}),
    "no alg": with_header(without("alg")),
    "alg null": token(header={"alg": None}),
    "alg a list": token(header={"alg": ["EdDSA"]}),
    "an embedded key": token(
        Ed25519PrivateKey.from_private_bytes(b"\2" * 32).sign,
        header={"jwk": {"kty": "OKP", "crv": "Ed25519", "x": segment(b"\2" * 32)}},
    ),
    # another kind of token
    "typ JWT": token(header={"typ": "JWT"}),
    "typ in capitals": token(header={"typ": "AT+JWT"}),
    "no typ": with_header(without("typ")),
    "typ a list": token(header={"typ": ["at+jwt"]}),
    "detached payload": token(header={"b64": False, "crit": ["b64"]}),
    "an unknown critical header": token(header={"crit": ["exp"], "exp": NOW + 600}),
    # for somebody else, from somebody else
    "another audience": token(aud="another-api"),
    "no audience": token(aud=...),
    "audience null": token(aud=None),
    "audiences without ours": token(aud=["another-api"]),
    "another issuer": token(iss="evil"),
    "no issuer": token(iss=...),
    "issuer a list": token(iss=[ISSUER]),
    "no subject": token(sub=...),
    "subject null": token(sub=None),
    "subject a number": token(sub=7),
    "subject no uuid": token(sub="ada@example.com"),
    "subject empty": token(sub=""),
    # at another time
    "expired": token(exp=NOW),
    "expired long ago": token(exp=0),
    "no expiry": token(exp=...),
    "expiry null": token(exp=None),
    "expiry a word": token(exp="tomorrow"),
    "expiry a list": token(exp=[NOW + 600]),
    "expiry true": token(exp=True),
    "expiry beyond any calendar": token(exp=10**30),
    "expiry infinite": with_claims(json.dumps(CLAIMS).replace(str(NOW + 600), "1e999")),
    "expiry not a number": with_claims(json.dumps(CLAIMS).replace(str(NOW + 600), "NaN")),
    "not valid yet": token(nbf=10**11),
    "no time of issue": token(iat=...),
    # no token at all
    "claims a list": with_claims("[]"),
    "claims no JSON": with_claims("{"),
    "claims nested deeply": with_claims('{"a":' * 400 + "1" + "}" * 400),
    "header a list": with_header([]),
    "header null": with_header(None),
    "empty": "",
    "dots": "..",
    "more dots": f"{token()}.{token()}",
    "blank": " ",
    "a word": "garbage",
    "not base 64": "!!!.???.###",
    "not ASCII": "ä.ö.ü",
    "surrogates": "\ud800.\ud800.\ud800",
    "NUL": "\0",
    "with a scheme": f"Bearer {token()}",
    "cut": token()[:-8],
    "lengthened": f"{token()}AAAA",
    "huge": token(padding="x" * 2_000),
    "very huge": "x" * 1_000_000,
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_is_refused_like_any_other(forgery: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        issuer().verify(forgery)

    assert (refusal.value.message, refusal.value.code) == (MESSAGE, ErrorCode.UNAUTHENTICATED)


@given(st.integers(0, len(token()) - 1), st.sampled_from("AQgwx0_.-"))
def test_a_token_with_one_character_changed_names_nobody_else(place: int, character: str) -> None:
    ours = token()

    forged = ours[:place] + character + ours[place + 1 :]

    try:
        customer_id = issuer().verify(forged)
    except Unauthenticated:
        return
    assert customer_id == ADA  # the last character of a segment has bits that mean nothing


@given(st.text(max_size=100))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        issuer().verify(text)


def test_another_secret_ends_all_tokens() -> None:
    with pytest.raises(Unauthenticated):
        issuer(b"another secret").verify(issuer().issue(ADA)[0])


# ------------------------------------------------------------------------------------------------ passwords


async def test_a_password_fits_its_own_hash_only() -> None:
    passwords = Argon2Passwords()

    stored = await passwords.hash("correct horse")

    assert await passwords.matches(stored, "correct horse") is True
    assert await passwords.matches(stored, "Correct horse") is False
    assert await passwords.matches(stored, "") is False
    assert "correct horse" not in stored
    assert await passwords.hash("correct horse") != stored


async def test_hashes_are_made_as_owasp_asks() -> None:
    stored = await Argon2Passwords().hash("correct horse")

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_nobody_has_a_password() -> None:
    passwords = Argon2Passwords()

    assert await passwords.matches(None, "the password of nobody") is False
    assert await passwords.matches(None, "") is False


@pytest.mark.parametrize(
    "stored", ["garbage", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$", "$2b$12$abcdefghijklmnopqrstuv"]
)
async def test_a_hash_that_cannot_be_read_fits_nothing(stored: str) -> None:
    assert await Argon2Passwords().matches(stored, "correct horse") is False


class CountingHasher:
    """Remembers which hashes it was asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def verify(self, password_hash: str, password: str) -> bool:
        self.asked.append(password_hash)
        return PasswordHasher().verify(password_hash, password)


async def test_an_unknown_customer_costs_the_work_of_a_known_one() -> None:
    passwords = Argon2Passwords()
    stored = await passwords.hash("correct horse")
    passwords._hasher = counting = CountingHasher()

    await passwords.matches(stored, "wrong")
    await passwords.matches(None, "wrong")

    known, unknown = counting.asked
    assert known == stored
    assert unknown.rsplit("$", 2)[0] == known.rsplit("$", 2)[0]  # the same memory, passes and lanes


async def test_two_passwords_are_hashed_at_a_time_and_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Argon2Passwords()
    gate = asyncio.Event()
    running, most = 0, 0

    async def in_a_thread(function: Callable[..., object], *arguments: str) -> object:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1
        return function(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", in_a_thread)
    work = [asyncio.create_task(passwords.hash("a")) for _ in range(3)]
    work += [asyncio.create_task(passwords.matches(None, "a")) for _ in range(3)]
    for _ in range(20):
        await asyncio.sleep(0)

    assert running == 2
    gate.set()
    await asyncio.gather(*work)
    assert most == 2
