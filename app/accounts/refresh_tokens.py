"""Refresh tokens: 256 random bits that work once, and what is kept to recognise them.

token = base64url(session id ‖ 32 random bytes ‖ HMAC-SHA256 over both, cut to 16 bytes)

Kept is a digest of the token that may be used next. Using it makes another. The used one is remembered for GRACE with
a pad, `next secret XOR HMAC(used secret)`: a client that sends one token twice at once gets the same next token both
times, and the database alone gives away neither. The last part is why a token that is read is one of ours, used before
if not good: that ends the session. One that somebody made up must end nobody's. Source: RFC 9700, 4.14.2.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from app.accounts.domain import Session, SpentToken
from app.core.ids import SecretSource, SessionId

GRACE = timedelta(seconds=10)
MAX_SPENT = 20  # remembered ones of a session: a client that uses more within GRACE is not a client of ours
_ID, _SECRET, _MAC = 16, 32, 16  # bytes of each part
_LENGTH = -(-8 * (_ID + _SECRET + _MAC) // 6)  # characters
_PURPOSE = b"cartograph.refresh-token.1"
_PAD_PURPOSE = b"cartograph.refresh-token.next.1"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A token as its parts."""

    session_id: SessionId
    secret: bytes = field(repr=False)

    @property
    def digest(self) -> bytes:
        """What it is recognised by."""
        return hashlib.sha256(self.session_id.bytes + self.secret).digest()


@dataclass(frozen=True, slots=True)
class RefreshTokens:
    """Makes and reads refresh tokens."""

    key: bytes
    secrets: SecretSource

    def new(self, session_id: SessionId) -> RefreshToken:
        """A token that nobody can guess."""
        return RefreshToken(session_id, self.secrets.new_secret(_SECRET))

    def text(self, token: RefreshToken) -> str:
        """What the client is given."""
        body = token.session_id.bytes + token.secret
        return base64.urlsafe_b64encode(body + self._mac(body)).decode().rstrip("=")

    def read(self, text: str) -> RefreshToken | None:
        """The token in a text, None where it is none that we made."""
        if len(text) != _LENGTH or not text.isascii():
            return None
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        body, mac = raw[: _ID + _SECRET], raw[_ID + _SECRET :]
        if not hmac.compare_digest(mac, self._mac(body)):
            return None
        return RefreshToken(SessionId(UUID(bytes=body[:_ID])), body[_ID:])

    def _mac(self, body: bytes) -> bytes:
        return hmac.new(self.key, _PURPOSE + body, hashlib.sha256).digest()[:_MAC]


def rotated(session: Session, used: RefreshToken, fresh: RefreshToken, *, now: datetime) -> Session:
    """The session once its token was used and another took its place."""
    spent = SpentToken(used.digest, _xor(fresh.secret, _pad(used.secret)), now)
    recent = [each for each in session.spent if now - each.at <= GRACE]
    return replace(session, refresh_digest=fresh.digest, spent=(*recent, spent)[-MAX_SPENT:], last_used_at=now)


def successor(session: Session, used: RefreshToken, *, now: datetime) -> RefreshToken | None:
    """The token that may be used next, for a token that was used within GRACE; None for any other."""
    for spent in session.spent:
        if hmac.compare_digest(spent.digest, used.digest) and now - spent.at <= GRACE:
            used = RefreshToken(used.session_id, _xor(spent.pad, _pad(used.secret)))
            if hmac.compare_digest(used.digest, session.refresh_digest):
                return used
    return None


def is_current(session: Session, token: RefreshToken) -> bool:
    """Whether this is the token that may be used."""
    return hmac.compare_digest(session.refresh_digest, token.digest)


def _pad(secret: bytes) -> bytes:
    return hmac.new(secret, _PAD_PURPOSE, hashlib.sha256).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
