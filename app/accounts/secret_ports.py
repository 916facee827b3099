"""The ports of accounts for secrets: hashing passwords, signing and verifying tokens, one-time codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.accounts.domain import Identity, Role
from app.core.ids import CustomerId, SessionId


class Passwords(Protocol):
    """Hashes passwords, slowly on purpose and off the event loop. Raises AccountsBusy where too many wait already."""

    async def hash(self, password: str) -> str:
        """A hash to store."""
        ...

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the hashed one; as slow for None, the hash of nobody."""
        ...

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash was made with less work than new ones are."""
        ...


@dataclass(frozen=True, slots=True)
class TokenFor:
    """What an access token says. csrf: the digest of what a browser sends beside it, where it is kept in a cookie."""

    customer_id: CustomerId
    session_id: SessionId
    role: Role
    csrf_digest: str | None = None


class AccessTokens(Protocol):
    """Signs access tokens."""

    async def issue(self, claims: TokenFor) -> tuple[str, datetime]:
        """A token, and when it ends."""
        ...


class PublicKeys(Protocol):
    """The keys that access tokens are verified with."""

    async def find(self, kid: str) -> bytes | None:
        """The raw Ed25519 key of this id, None where there is none that verifies now."""
        ...

    async def listed(self) -> Mapping[str, bytes]:
        """Every key that verifies now or will soon, by its id."""
        ...


class EndedSource(Protocol):
    """Who knows which sessions have ended."""

    async def ended_since(self, moment: datetime) -> Mapping[SessionId, datetime]:
        """The sessions that ended after a moment, and when. Raises OperationalError."""
        ...


class TokenVerifier(Protocol):
    """Says who a request comes from."""

    async def verify(self, token: str) -> Identity:
        """Whose token it is. Raises Unauthenticated, always with the same message."""
        ...


class SecondFactor(Protocol):
    """One-time codes by time."""

    def new_secret(self) -> bytes:
        """A secret, sealed."""
        ...

    def address(self, sealed: bytes, email: str) -> str:
        """What an authenticator application reads, as the text of a QR code."""
        ...

    def step_of(self, sealed: bytes, code: str, *, now: datetime) -> int | None:
        """The time step whose code this is, None where it is none of about now."""
        ...
