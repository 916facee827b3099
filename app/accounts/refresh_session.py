"""Refresh a session: a refresh token for the next one, and a new access token.

lock the session -> its token is the current one: another takes its place
                 -> it was used a moment ago:     the one that took its place, again
                 -> it was used before that:      somebody else has it, so the session ends

The same token any number of times at once, at any number of processes, gives one next token. See ADR-0032.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from app import telemetry
from app.accounts.audit import Action, Event
from app.accounts.domain import Origin, Session, SignedIn
from app.accounts.ended_sessions import SESSIONS_ENDED
from app.accounts.ports import AccountTransaction
from app.accounts.refresh_tokens import RefreshToken, is_current, rotated, successor
from app.accounts.session_desk import SessionDesk, is_usable, shown_agent
from app.core.errors import ErrorCode, Unauthenticated

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class RefreshSession:
    """Exchange a refresh token. Safe for any number of tasks at once: those with one token share one exchange."""

    desk: SessionDesk
    _running: dict[tuple[bytes, bool], asyncio.Task[SignedIn]] = field(default_factory=dict)

    async def __call__(self, text: str, origin: Origin, *, for_cookie: bool = False) -> SignedIn:
        """The session's next tokens. Raises Unauthenticated (TOKEN_INVALID), always with the same message."""
        token = self.desk.refresh_tokens.read(text)
        if token is None:
            raise _refusal()
        key = (token.digest, for_cookie)
        running = self._running.get(key)
        if running is None:
            running = asyncio.create_task(self._refreshed(token, origin, for_cookie=for_cookie))
            self._running[key] = running
            running.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(running)

    async def _refreshed(self, token: RefreshToken, origin: Origin, *, for_cookie: bool) -> SignedIn:
        async with self.desk.transactions.begin() as tx:
            session = await tx.sessions.lock(token.session_id)
            customer = None if session is None else await tx.accounts.find(session.customer_id)
            if session is None or customer is None or not is_usable(session, customer, self.desk.clock.now()):
                raise _refusal()
            following = await self._exchanged(tx, session, token, origin)
        if following is None:
            raise _refusal()
        return await self.desk.proof(customer, following, for_cookie=for_cookie)

    async def _exchanged(
        self, tx: AccountTransaction, session: Session, token: RefreshToken, origin: Origin
    ) -> RefreshToken | None:
        """The token that may be used next; None where this one may not be used."""
        now = self.desk.clock.now()
        if is_current(session, token):
            fresh = self.desk.refresh_tokens.new(session.id)
            after = rotated(session, token, fresh, now=now)
            await tx.sessions.rotate(replace(after, address=origin.address, user_agent=shown_agent(origin)))
            return fresh
        following = successor(session, token, now=now)
        if following is None:
            await self._end(tx, session, origin)
        return following

    async def _end(self, tx: AccountTransaction, session: Session, origin: Origin) -> None:
        now, customer = self.desk.clock.now(), str(session.customer_id)
        _log.warning("refresh_token_reused", session=str(session.id))
        await tx.sessions.end(session.id, of=session.customer_id, now=now)
        tx.announce_after_commit(SESSIONS_ENDED)
        facts = {"session": str(session.id)}
        await tx.audit.append(Event(Action.REFRESH_REUSED, "unknown", customer, now, origin.address, facts))


def _refusal() -> Unauthenticated:
    return Unauthenticated(
        "The refresh token is invalid, has been used or has expired: sign in again.", code=ErrorCode.TOKEN_INVALID
    )
