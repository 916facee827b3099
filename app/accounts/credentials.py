"""Passwords by Argon2id and access tokens as EdDSA-signed JWTs.

Argon2id at the OWASP minimum: 19 MiB, two passes; hashing runs in threads, two at a time, so that sign-ins cannot
take the whole machine. A token says who, for whom, since when and until when; anything else about it is refused alike.
Source: OWASP Password Storage Cheat Sheet; RFC 8725, JWT best practices.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import jwt
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.clock import Clock
from app.core.errors import ErrorCode, Unauthenticated
from app.core.ids import CustomerId

TOKEN_LIFETIME = timedelta(minutes=10)
ISSUER: Final = "cartograph"
AUDIENCE: Final = "cartograph-api"
_MAX_TOKEN_LENGTH = 2_000
_PARALLEL_HASHES = 2  # of 19 MiB and about 20 ms each
_REQUIRED: Final = ["exp", "iat", "iss", "aud", "sub"]


class Argon2Passwords:
    """`Passwords` by Argon2id."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
        self._nobody = self._hasher.hash("the password of nobody")
        self._places = asyncio.Semaphore(_PARALLEL_HASHES)

    async def hash(self, password: str) -> str:
        """A hash to store."""
        async with self._places:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the hashed one; as slow for None, the hash of nobody."""
        async with self._places:
            same = await asyncio.to_thread(self._verify, password_hash or self._nobody, password)
        return same and password_hash is not None

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


class JwtAccessTokens:
    """`AccessTokens` by Ed25519, with a key derived from the shop's secret."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        seed = hashlib.sha256(b"cartograph.access-token.1" + secret).digest()
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._private.public_key()
        self._key_id = hashlib.sha256(self._public.public_bytes_raw()).hexdigest()[:16]
        self._clock = clock

    def issue(self, customer_id: CustomerId) -> tuple[str, datetime]:
        """A token for this customer, and when it ends."""
        now = self._clock.now()
        expires_at = now + TOKEN_LIFETIME
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": str(customer_id), "iat": now, "exp": expires_at}
        token = jwt.encode(claims, self._private, algorithm="EdDSA", headers={"kid": self._key_id, "typ": "at+jwt"})
        return token, expires_at

    def verify(self, token: str) -> CustomerId:
        """Whose token it is. Raises Unauthenticated, always with the same message."""
        try:
            if len(token) > _MAX_TOKEN_LENGTH or jwt.get_unverified_header(token).get("typ") != "at+jwt":
                raise jwt.InvalidTokenError
            claims = jwt.decode(
                token,
                self._public,
                algorithms=["EdDSA"],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False},
            )
            expires_at = datetime.fromtimestamp(claims["exp"], UTC)
            if self._clock.now() >= expires_at:  # by the shop's clock, so that a test may turn it
                raise jwt.ExpiredSignatureError
            return CustomerId(UUID(claims["sub"]))
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as error:
            raise Unauthenticated(
                "The access token is invalid or has expired: sign in again.", code=ErrorCode.UNAUTHENTICATED
            ) from error
