"""Access tokens: JWTs signed by EdDSA, which the shop verifies with public keys alone.

A token says who, in which session, in which role, for whom, since when and until when, and nothing else: a header or
a claim that we do not write is refused like a wrong signature. The key is found by `kid` in our own list, nowhere else.
Source: RFC 8725, JWT Best Current Practices; RFC 9068, JWT Profile for Access Tokens; RFC 8037, EdDSA.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.accounts.domain import Identity, Role
from app.accounts.ended_sessions import EndedSessions
from app.accounts.key_desk import KeyDesk
from app.accounts.secret_ports import PublicKeys, TokenFor
from app.accounts.signing_keys import TOKEN_LIFETIME
from app.core.clock import Clock
from app.core.errors import ErrorCode, Unauthenticated
from app.core.ids import CustomerId, IdSource, SessionId

ISSUER: Final = "cartograph"
AUDIENCE: Final = "cartograph-api"
_ALGORITHM, _TYPE = "EdDSA", "at+jwt"
_HEADER = frozenset({"alg", "typ", "kid"})
_REQUIRED = frozenset({"iss", "aud", "sub", "sid", "role", "iat", "exp", "jti"})
_OPTIONAL = frozenset({"csrf"})
_MAX_TOKEN_LENGTH = 2_000
_KID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class JwtAccessTokens:
    """`AccessTokens` by Ed25519."""

    keys: KeyDesk
    clock: Clock
    ids: IdSource

    async def issue(self, claims: TokenFor) -> tuple[str, datetime]:
        """A token, and when it ends."""
        kid, private = await self.keys.signing()
        now = self.clock.now()
        expires_at = now + TOKEN_LIFETIME
        payload: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(claims.customer_id),
            "sid": str(claims.session_id),
            "role": claims.role.value,
            "iat": now,
            "exp": expires_at,
            "jti": self.ids.new_uuid().hex,
        }
        if claims.csrf_digest is not None:
            payload["csrf"] = claims.csrf_digest
        key = Ed25519PrivateKey.from_private_bytes(private)
        return jwt.encode(payload, key, algorithm=_ALGORITHM, headers={"kid": kid, "typ": _TYPE}), expires_at


@dataclass(frozen=True, slots=True)
class JwtVerifier:
    """`TokenVerifier` with public keys alone, and the sessions that have ended."""

    keys: PublicKeys
    ended: EndedSessions
    clock: Clock

    async def verify(self, token: str) -> Identity:
        """Whose token it is. Raises Unauthenticated, always with the same message."""
        try:
            public = await self.keys.find(_kid(token))
            if public is None:
                raise jwt.InvalidKeyError
            identity = self._identity(token, Ed25519PublicKey.from_public_bytes(public))
        except (
            jwt.InvalidTokenError,
            jwt.InvalidKeyError,
            ValueError,
            TypeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise _refusal() from error
        if await self.ended.holds(identity.session_id):
            raise _refusal()
        return identity

    def _identity(self, token: str, key: Ed25519PublicKey) -> Identity:
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": sorted(_REQUIRED), "verify_exp": False, "verify_iat": False},
        )
        own = _decoded(token.split(".")[1])  # once more: the library takes the last of two claims with one name
        if own.keys() - _OPTIONAL != _REQUIRED or own.keys() != claims.keys() or claims["aud"] != AUDIENCE:
            raise jwt.InvalidTokenError
        if type(claims["exp"]) is not int or self.clock.now() >= datetime.fromtimestamp(claims["exp"], UTC):
            raise jwt.ExpiredSignatureError  # by the shop's clock, so that a test may turn it
        if not isinstance(claims.get("csrf", ""), str):
            raise jwt.InvalidTokenError
        return Identity(
            CustomerId(UUID(claims["sub"])),
            SessionId(UUID(claims["sid"])),
            Role(claims["role"]),
            token,
            claims.get("csrf"),
        )


def _kid(token: str) -> str:
    """The id of the key, of a token whose header is as we write it."""
    if len(token) > _MAX_TOKEN_LENGTH or token.count(".") != 2:
        raise jwt.InvalidTokenError
    header = _decoded(token.partition(".")[0])
    kid = header.get("kid")
    is_ours = header.keys() == _HEADER and header["alg"] == _ALGORITHM and header["typ"] == _TYPE
    if not is_ours or not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise jwt.InvalidTokenError
    return kid


def _decoded(segment: str) -> Mapping[str, Any]:
    raw = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    value = json.loads(raw, object_pairs_hook=_without_doubles)
    if not isinstance(value, dict):
        raise jwt.InvalidTokenError
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise jwt.InvalidTokenError
    return members


def _refusal() -> Unauthenticated:
    return Unauthenticated("The access token is invalid or has expired: sign in again.", code=ErrorCode.UNAUTHENTICATED)
