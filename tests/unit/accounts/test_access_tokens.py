"""Access tokens, and everything that looks like one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.access_tokens import AUDIENCE, ISSUER, JwtAccessTokens, JwtVerifier
from app.accounts.domain import Identity, Role
from app.accounts.refresh_tokens import RefreshTokens
from app.accounts.secret_ports import TokenFor
from app.accounts.signing_keys import kid_of
from app.core.errors import ErrorCode, Unauthenticated
from app.core.ids import CustomerId, RandomSecrets, SessionId
from tests.unit.fakes import NOON, CountingIds, FixedClock

ADA = CustomerId(UUID("6f1f2d3c-0a0b-4c0d-8e0f-102030405060"))
SESSION = SessionId(UUID("11111111-2222-4333-8444-555555555555"))
MESSAGE = "The access token is invalid or has expired: sign in again."
NOW = int(NOON.timestamp())

Sign = Callable[[bytes], bytes]
OURS = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
RETIRED = Ed25519PrivateKey.from_private_bytes(b"\6" * 32)
PUBLIC_RAW = OURS.public_key().public_bytes_raw()
PUBLIC_PEM = OURS.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
HEADER = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid_of(PUBLIC_RAW)}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": str(ADA),
    "sid": str(SESSION),
    "role": "customer",
    "iat": NOW,
    "exp": NOW + 600,
    "jti": "1",
}
REFRESH = RefreshTokens(b"key", RandomSecrets()).text(RefreshTokens(b"key", RandomSecrets()).new(SESSION))


class OurKey:
    """`KeyDesk` and `PublicKeys` with one key."""

    async def signing(self) -> tuple[str, bytes]:
        return kid_of(PUBLIC_RAW), OURS.private_bytes_raw()

    async def find(self, kid: str) -> bytes | None:
        return PUBLIC_RAW if kid == kid_of(PUBLIC_RAW) else None

    async def listed(self) -> Mapping[str, bytes]:
        return {kid_of(PUBLIC_RAW): PUBLIC_RAW}


class Ended:
    """`EndedSessions` of these."""

    def __init__(self, *ended: SessionId) -> None:
        self._ended = ended

    async def holds(self, session_id: SessionId) -> bool:
        return session_id in self._ended


def issuer() -> JwtAccessTokens:
    keys: Any = OurKey()
    return JwtAccessTokens(keys, FixedClock(), CountingIds())


def verifier(clock: FixedClock | None = None, *ended: SessionId) -> JwtVerifier:
    sessions: Any = Ended(*ended)
    return JwtVerifier(OurKey(), sessions, clock or FixedClock())


def segment(of: bytes) -> str:
    return base64.urlsafe_b64encode(of).decode().rstrip("=")


def token(sign: Sign = OURS.sign, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token that is ours but for what is given. A claim that is `...` is left out."""
    payload = {name: value for name, value in (CLAIMS | claims).items() if value is not ...}
    signed = f"{segment(json.dumps(HEADER | (header or {})).encode())}.{segment(json.dumps(payload).encode())}"
    return f"{signed}.{segment(sign(signed.encode()))}"


def hs256(key: bytes) -> Sign:
    return lambda signed: hmac.new(key, signed, hashlib.sha256).digest()


def with_header_text(header: str) -> str:
    signed = f"{segment(header.encode())}.{segment(json.dumps(CLAIMS).encode())}"
    return f"{signed}.{segment(OURS.sign(signed.encode()))}"


def without(name: str) -> dict[str, Any]:
    return {each: value for each, value in HEADER.items() if each != name}


def with_header(header: object) -> str:
    signed = f"{segment(json.dumps(header).encode())}.{segment(json.dumps(CLAIMS).encode())}"
    return f"{signed}.{segment(OURS.sign(signed.encode()))}"


def with_claims(claims: str) -> str:
    signed = f"{segment(json.dumps(HEADER).encode())}.{segment(claims.encode())}"
    return f"{signed}.{segment(OURS.sign(signed.encode()))}"


async def test_a_token_names_who_it_was_issued_for() -> None:
    issued, expires_at = await issuer().issue(TokenFor(ADA, SESSION, Role.STAFF, "digest"))

    assert await verifier().verify(issued) == Identity(ADA, SESSION, Role.STAFF, issued, "digest")
    assert (expires_at - NOON).total_seconds() == 600


async def test_a_token_of_our_own_making_is_as_good_as_an_issued_one() -> None:
    # so every forgery below fails for its own reason
    assert await verifier().verify(token()) == Identity(ADA, SESSION, Role.CUSTOMER, token(), None)


async def test_a_token_says_who_where_in_which_role_for_whom_since_when_and_until_when() -> None:
    issued, _ = await issuer().issue(TokenFor(ADA, SESSION, Role.CUSTOMER))
    header, payload, _ = issued.split(".")

    assert json.loads(base64.urlsafe_b64decode(header + "==")) == HEADER
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert claims == CLAIMS | {"jti": claims["jti"]}


async def test_no_two_tokens_have_one_id() -> None:
    tokens = issuer()
    issued = [(await tokens.issue(TokenFor(ADA, SESSION, Role.CUSTOMER)))[0] for _ in range(2)]

    assert issued[0] != issued[1]


async def test_a_token_lasts_for_10_minutes_to_the_second() -> None:
    clock = FixedClock()
    verify = verifier(clock).verify
    issued, _ = await issuer().issue(TokenFor(ADA, SESSION, Role.CUSTOMER))

    clock.turn(minutes=10, microseconds=-1)
    assert (await verify(issued)).customer_id == ADA
    clock.turn(microseconds=1)
    with pytest.raises(Unauthenticated):
        await verify(issued)


FORGERIES = {
    # another signature, or none
    "alg none": token(lambda _: b"", header={"alg": "none"}),
    "alg None": token(lambda _: b"", header={"alg": "None"}),
    "alg none, our signature": token(header={"alg": "none"}),
    "no signature": token().rpartition(".")[0] + ".",
    "no signature part": token().rpartition(".")[0],
    "HS256 with the public key": token(hs256(PUBLIC_RAW), header={"alg": "HS256"}),
    "HS256 with the public key as PEM": token(hs256(PUBLIC_PEM), header={"alg": "HS256"}),
    "HS256 with the sealed key": token(hs256(b"sealed"), header={"alg": "HS256"}),
    "HS512 with the public key": token(hs256(PUBLIC_PEM), header={"alg": "HS512"}),
    "RS256 by name": token(header={"alg": "RS256"}),
    "HS256 with no key": token(hs256(b""), header={"alg": "HS256"}),
    "HMAC called EdDSA": token(hs256(PUBLIC_PEM)),
    "another key": token(Ed25519PrivateKey.from_private_bytes(b"\1" * 32).sign),
    "a key that has retired": token(RETIRED.sign, header={"kid": kid_of(RETIRED.public_key().public_bytes_raw())}),
    # another key's id
    "no kid": with_header(without("kid")),
    "kid null": token(header={"kid": None}),
    "kid a number": token(header={"kid": 7}),
    "kid a list": token(header={"kid": [HEADER["kid"]]}),
    "kid empty": token(header={"kid": ""}),
    "kid unknown": token(header={"kid": "0" * 16}),
    "kid a path": token(header={"kid": "../../../../dev/null"}),
    "kid a path to nothing": token(hs256(b""), header={"kid": "/dev/null", "alg": "HS256"}),
    "kid an address": token(header={"kid": "https://evil.example/key"}),
    "kid SQL": token(header={"kid": "' UNION SELECT 'x"}),
    "kid with NUL": token(header={"kid": HEADER["kid"] + "\0"}),
    "kid in capitals": token(header={"kid": HEADER["kid"].upper() + "A"}),
    "jku": token(header={"jku": "https://evil.example/jwks.json"}),
    "x5u": token(header={"x5u": "https://evil.example/cert.pem"}),
    "x5c": token(header={"x5c": ["MIIB"]}),
    "jwk with our own key": token(header={"jwk": {"kty": "OKP", "crv": "Ed25519", "x": segment(PUBLIC_RAW)}}),
    "zip": token(header={"zip": "DEF"}),
    "cty": token(header={"cty": "JWT"}),
    "header with alg twice": with_header_text(json.dumps(HEADER)[:-1] + ', "alg": "EdDSA"}'),
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
    "audiences with ours": token(aud=[AUDIENCE]),
    "another role": token(role="owner"),
    "no role": token(role=...),
    "role null": token(role=None),
    "no session": token(sid=...),
    "session no uuid": token(sid="1"),
    "no id": token(jti=...),
    "a claim that is none of ours": token(admin=True),
    "csrf a list": token(csrf=["a"]),
    "claims with sub twice": with_claims(json.dumps(CLAIMS)[:-1] + f', "sub": "{SESSION}"}}'),
    "claims with exp twice": with_claims(json.dumps(CLAIMS)[:-1] + f', "exp": {NOW + 9_999}}}'),
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
    "valid for long, it says": token(nbf=0),
    "expiry a fraction": token(exp=NOW + 0.5),
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
    "1 MB": "x" * 1_000_000,
    "1 MB of claims": token(sub="x" * 1_000_000),
    "1 MB of header": token(header={"kid": "x" * 1_000_000}),
    "a refresh token": REFRESH,
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_forgery_is_refused_like_any_other(forgery: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await verifier().verify(forgery)

    assert (refusal.value.message, refusal.value.code) == (MESSAGE, ErrorCode.UNAUTHENTICATED)


@given(st.integers(0, len(token()) - 1), st.sampled_from("AQgwx0_.-"))
async def test_a_token_with_one_character_changed_names_nobody_else(place: int, character: str) -> None:
    ours = token()

    forged = ours[:place] + character + ours[place + 1 :]

    try:
        identity = await verifier().verify(forged)
    except Unauthenticated:
        return
    assert identity.customer_id == ADA  # the last character of a segment has bits that mean nothing


@given(st.text(max_size=100))
async def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier().verify(text)


async def test_there_are_forgeries_enough() -> None:
    assert len(FORGERIES) >= 90


async def test_a_token_whose_session_has_ended_is_refused_like_a_forgery() -> None:
    verify = verifier(None, SESSION).verify

    with pytest.raises(Unauthenticated) as refusal:
        await verify(token())

    assert refusal.value.message == MESSAGE
