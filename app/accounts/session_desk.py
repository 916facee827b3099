"""Opening a session: the record to store, and what the client is given for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from app.accounts.domain import MAX_USER_AGENT_LENGTH, SESSION_LIFE, Customer, Origin, Role, Session, SignedIn
from app.accounts.ports import AccountTransactions
from app.accounts.refresh_tokens import RefreshToken, RefreshTokens
from app.accounts.secret_ports import AccessTokens, TokenFor
from app.core.clock import Clock
from app.core.ids import IdSource, SessionId

_CSRF_PURPOSE = b"cartograph.csrf.1"


@dataclass(frozen=True, slots=True)
class SessionDesk:
    """What every use case that signs somebody in shares."""

    transactions: AccountTransactions
    tokens: AccessTokens
    refresh_tokens: RefreshTokens
    clock: Clock
    ids: IdSource

    async def opened(self, customer: Customer, origin: Origin, *, for_cookie: bool = False) -> tuple[Session, SignedIn]:
        """A new session, not stored yet, and the proof of it. Ask outside a transaction: a key may have to be made."""
        now = self.clock.now()
        session_id = SessionId(self.ids.new_uuid())
        refresh_token = self.refresh_tokens.new(session_id)
        session = Session(
            session_id,
            customer.id,
            created_at=now,
            last_used_at=now,
            expires_at=now + SESSION_LIFE[customer.role].whole,
            user_agent=shown_agent(origin),
            address=origin.address,
            refresh_digest=refresh_token.digest,
        )
        return session, await self.proof(customer, refresh_token, for_cookie=for_cookie)

    async def proof(self, customer: Customer, refresh_token: RefreshToken, *, for_cookie: bool) -> SignedIn:
        """What the client is given: an access token for the session of this refresh token, and itself."""
        session_id = refresh_token.session_id
        csrf = self.csrf(session_id) if for_cookie else None
        claims = TokenFor(customer.id, session_id, customer.role, None if csrf is None else csrf_digest(csrf))
        token, expires_at = await self.tokens.issue(claims)
        return SignedIn(customer, session_id, token, expires_at, self.refresh_tokens.text(refresh_token), csrf)

    def csrf(self, session_id: SessionId) -> str:
        """What a browser sends beside the cookies of this session. Nobody can make it who has not been told it."""
        mac = hmac.new(self.refresh_tokens.key, _CSRF_PURPOSE + session_id.bytes, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def csrf_digest(csrf: str) -> str:
    """What a token says of it, so that it can be checked with public keys alone."""
    digest = hashlib.sha256(csrf.encode(errors="replace")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def shown_agent(origin: Origin) -> str | None:
    """The client's name as it is kept, for the list of sessions."""
    text = "".join(each for each in origin.user_agent or "" if each.isprintable())[:MAX_USER_AGENT_LENGTH]
    return text or None


def is_usable(session: Session | None, customer: Customer | None, now: datetime) -> bool:
    """Whether a session may go on."""
    role = Role.CUSTOMER if customer is None else customer.role
    return session is not None and customer is not None and customer.may_sign_in and session.is_open(now, role)
