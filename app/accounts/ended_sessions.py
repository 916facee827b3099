"""Which sessions have ended, so that an access token is dead long before its ten minutes are over.

A token needs no look-up: it is good unless its session is among those that ended while the token could live. That list
is short, is the same for everybody, and comes from the database; it is read again when it is FRESH_SECONDS old and
somebody shows a token, and at once when a change feed says that a session has ended. So a token is dead at once while
Redis is there, and after FRESH_SECONDS without. While the list cannot be read, the last one counts. See ADR-0032.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app import telemetry
from app.accounts.ports import AccountTransactions
from app.accounts.secret_ports import EndedSource
from app.accounts.signing_keys import TOKEN_LIFETIME
from app.core.changes import Change, ChangeFeed
from app.core.clock import Clock
from app.core.errors import OperationalError
from app.core.ids import Kind, SessionId

FRESH_SECONDS = 2.0
READ_SECONDS = 1.0  # for the list to come; longer, and the last one counts
OVERLAP = timedelta(seconds=30)  # a transaction may commit so long after the time that it wrote

SESSIONS_ENDED = Change(Kind.SESSION, UUID(int=0))  # one channel for all: the list is read, whichever it was
_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class StoredEnds:
    """`EndedSource` from the database of accounts."""

    transactions: AccountTransactions

    async def ended_since(self, moment: datetime) -> Mapping[SessionId, datetime]:
        """The sessions that ended after a moment, and when."""
        async with self.transactions.read() as tx:
            return await tx.sessions.ended_since(moment)


class EndedSessions:
    """The list. Safe for any number of tasks at once; listens to the feed from its first question on."""

    def __init__(self, source: EndedSource, feed: ChangeFeed, clock: Clock) -> None:
        self._source = source
        self._feed = feed
        self._clock = clock
        self._ended: dict[SessionId, datetime] = {}
        self._read_until: datetime | None = None
        self._stale_at = 0.0
        self._turn = asyncio.Lock()
        self._listener: asyncio.Task[None] | None = None

    async def holds(self, session_id: SessionId) -> bool:
        """Whether the session has ended."""
        if self._listener is None:
            nobody = contextvars.Context()  # not the request that happens to be the first
            self._listener = asyncio.get_running_loop().create_task(self._listen(), context=nobody)
        if self._clock.monotonic() >= self._stale_at:
            async with self._turn:
                if self._clock.monotonic() >= self._stale_at:  # else it was read while this one waited
                    await self._read()
        return session_id in self._ended

    def hear(self, changes: Iterable[Change]) -> None:
        """Read the list again before the next answer, if these changes are about it."""
        if SESSIONS_ENDED in changes:
            self._stale_at = 0.0

    async def _read(self) -> None:
        began, now = self._clock.monotonic(), self._clock.now()
        self._stale_at = began + FRESH_SECONDS  # before reading: what ends meanwhile makes the list stale again
        oldest = now - TOKEN_LIFETIME - OVERLAP
        goes_on = self._read_until is not None and self._read_until <= now  # a clock may be set back
        since = max(oldest, self._read_until - OVERLAP) if goes_on and self._read_until else oldest
        try:
            async with asyncio.timeout(READ_SECONDS):
                new = await self._source.ended_since(since)
        except (OperationalError, TimeoutError) as error:
            _log.warning("ended_sessions_not_read", cause=type(error).__name__)
            return
        self._ended = {key: at for key, at in {**self._ended, **new}.items() if at > oldest}
        self._read_until = now

    async def _listen(self) -> None:
        async with self._feed.watch(SESSIONS_ENDED) as ticks:
            async for _ in ticks:
                self._stale_at = 0.0

    async def close(self) -> None:
        """Listen no more."""
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
