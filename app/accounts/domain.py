"""Accounts as records: who there is, where they are signed in, and what a request is told by its token.

The stores that keep them are in `ports`. What the rest of the shop may ask of accounts is `service`. See ADR-0031.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from app.core.ids import CustomerId, SessionId

MAX_NAME_LENGTH = 200
MAX_USER_AGENT_LENGTH = 300


class Role(Enum):
    """What an account may do."""

    CUSTOMER = "customer"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with an account. email: case folded; email_verified_at: when they showed that it is theirs."""

    id: CustomerId
    email: str
    name: str | None
    created_at: datetime
    role: Role = Role.CUSTOMER
    email_verified_at: datetime | None = None
    disabled_at: datetime | None = None

    @property
    def email_verified(self) -> bool:
        """Whether they have shown that the address is theirs."""
        return self.email_verified_at is not None

    @property
    def may_sign_in(self) -> bool:
        """Whether the account can be used. Before the address is verified it may be a stranger's."""
        return self.email_verified and self.disabled_at is None


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """A customer together with the hash of their password. sealed_totp: of staff, their second factor."""

    customer: Customer
    password_hash: str
    sealed_totp: bytes | None = None
    totp_step: int | None = None


@dataclass(frozen=True, slots=True)
class SessionLife:
    """How long a session lasts: unused, and in all."""

    idle: timedelta
    whole: timedelta


SESSION_LIFE = {
    Role.CUSTOMER: SessionLife(idle=timedelta(days=30), whole=timedelta(days=90)),
    Role.STAFF: SessionLife(idle=timedelta(minutes=30), whole=timedelta(hours=8)),
}


@dataclass(frozen=True, slots=True)
class SpentToken:
    """A refresh token that was used a moment ago. pad: what makes the token that took its place out of it."""

    digest: bytes
    pad: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in, for as long as its refresh tokens are used in time. address: of the last use."""

    id: SessionId
    customer_id: CustomerId
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str | None
    address: str
    refresh_digest: bytes
    spent: tuple[SpentToken, ...] = ()
    ended_at: datetime | None = None

    def is_open(self, now: datetime, role: Role) -> bool:
        """Whether it may still be refreshed."""
        idle_until = self.last_used_at + SESSION_LIFE[role].idle
        return self.ended_at is None and now < self.expires_at and now < idle_until


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request comes from, as its access token says. token: itself, for an account service elsewhere.

    csrf_digest: of what a browser has to send beside a cookie with the token; None for a token that belongs in none.
    """

    customer_id: CustomerId
    session_id: SessionId
    role: Role
    token: str = field(repr=False)
    csrf_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from. address: as it is counted, an IPv6 one by its network."""

    address: str = "unknown"
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Proof of a sign-in. token: for the `Authorization: Bearer` header, until expires_at; refresh_token: for the next.

    csrf: what a browser has to send beside the cookies, where the tokens are kept in some.
    """

    customer: Customer
    session_id: SessionId
    token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str = field(repr=False)
    csrf: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody signs in with. code: of the second factor. for_cookie: the tokens will be kept in cookies."""

    email: str
    password: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    for_cookie: bool = False


@dataclass(frozen=True, slots=True)
class Registration:
    """What somebody registers with. language: of the e-mail."""

    email: str
    password: str = field(repr=False)
    name: str | None
    language: str
