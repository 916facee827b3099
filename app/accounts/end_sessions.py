"""Ending sessions, and seeing which ones there are. An ended one's access tokens are dead within seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.accounts.audit import Action, Event
from app.accounts.domain import Identity, Origin, Session
from app.accounts.ended_sessions import SESSIONS_ENDED
from app.accounts.ports import AccountTransactions
from app.core.clock import Clock
from app.core.ids import SessionId

MAX_SESSIONS = 100  # shown; whoever has more ends all of them at once
_KEPT = timedelta(days=30)  # of what is over: until then an address counts as one where the account was signed in
_FORGET_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class SignOut:
    """End the session that a request comes from, or all of its customer."""

    transactions: AccountTransactions
    clock: Clock

    async def __call__(self, identity: Identity, origin: Origin, *, everywhere: bool) -> None:
        """End it. Doing it again changes nothing."""
        now, actor = self.clock.now(), str(identity.customer_id)
        async with self.transactions.begin() as tx:
            if everywhere:
                ended = await tx.sessions.end_all(identity.customer_id, now=now)
            else:
                ended = int(await tx.sessions.end(identity.session_id, of=identity.customer_id, now=now))
            if ended:
                tx.announce_after_commit(SESSIONS_ENDED)
                facts = {"sessions": str(ended), "session": str(identity.session_id)}
                await tx.audit.append(Event(Action.SIGNED_OUT, actor, actor, now, origin.address, facts))


@dataclass(frozen=True, slots=True)
class EndSession:
    """End one of the caller's sessions, wherever it is."""

    transactions: AccountTransactions
    clock: Clock

    async def __call__(self, identity: Identity, session_id: SessionId, origin: Origin) -> bool:
        """Whether there was such a session of theirs."""
        now, actor = self.clock.now(), str(identity.customer_id)
        async with self.transactions.begin() as tx:
            if not await tx.sessions.end(session_id, of=identity.customer_id, now=now):
                return False
            tx.announce_after_commit(SESSIONS_ENDED)
            facts = {"session": str(session_id)}
            await tx.audit.append(Event(Action.SESSION_REVOKED, actor, actor, now, origin.address, facts))
        return True


@dataclass(frozen=True, slots=True)
class ListSessions:
    """The caller's open sessions."""

    transactions: AccountTransactions
    clock: Clock

    async def __call__(self, identity: Identity) -> list[Session]:
        """At most MAX_SESSIONS, the newest first."""
        async with self.transactions.read() as tx:
            return await tx.sessions.list_open(identity.customer_id, now=self.clock.now(), limit=MAX_SESSIONS)


@dataclass(frozen=True, slots=True)
class ForgetAccountTraces:
    """Forget sessions, tries and requests whose time is long over."""

    transactions: AccountTransactions
    clock: Clock

    async def __call__(self) -> int:
        """Forget one batch of each; returns how many there were."""
        now = self.clock.now()
        async with self.transactions.begin() as tx:
            gone = await tx.sessions.forget(now - _KEPT, limit=_FORGET_BATCH)
            gone += await tx.tries.forget(now - timedelta(hours=1), limit=_FORGET_BATCH)
            return gone + await tx.email_requests.forget(now - timedelta(hours=24), limit=_FORGET_BATCH)
