"""The keys that sign access tokens: published before they sign, and verifying until the last token has ended.

           PUBLISHED_AHEAD                      until the next key signs            a token's life
created ───────────────────► signs_from ─────────────────────────────────► … ──────────────────► verifies_until

Every process keeps the list of keys for a while, so a new key waits until all of them have read it. `ring_of` says what
a list means at a time; `KeyRing` reads it again in time, and at once for an id that it has never seen. See ADR-0032.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app import telemetry
from app.core.clock import Clock
from app.core.errors import OperationalError

TOKEN_LIFETIME = timedelta(minutes=10)
KEPT_SECONDS = 30.0  # of a process's list; also what others are told how long they may keep it
PUBLISHED_AHEAD = timedelta(seconds=120)  # four times that: every list has been read again, also behind a proxy
LOOK_AGAIN_SECONDS = 1.0  # a stranger's ids must not make us read the list for each

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key. public: 32 bytes, raw; sealed: the private part; verifies_until: None for the newest."""

    kid: str
    public: bytes
    sealed: bytes = field(repr=False)
    created_at: datetime
    signs_from: datetime
    verifies_until: datetime | None = None

    def verifies(self, now: datetime) -> bool:
        """Whether tokens that it signed are good, or may soon be."""
        return self.verifies_until is None or now < self.verifies_until


def kid_of(public: bytes) -> str:
    """The id of a key."""
    return hashlib.sha256(public).hexdigest()[:16]


def signing(keys: Sequence[SigningKey], now: datetime) -> SigningKey | None:
    """The key that signs now: the newest whose time has come."""
    due = [key for key in keys if key.signs_from <= now and key.verifies(now)]
    return max(due, key=lambda key: key.signs_from, default=None)


class KeyRing:
    """`PublicKeys`: a list of keys that is read again in time. Safe for any number of tasks at once.

    read: the list, by key id; raises OperationalError. While it cannot be read, the last one counts.
    """

    def __init__(self, read: Callable[[], Awaitable[Mapping[str, bytes]]], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._keys: Mapping[str, bytes] | None = None
        self._read_at = 0.0
        self._turn = asyncio.Lock()

    async def find(self, kid: str) -> bytes | None:
        """The raw Ed25519 key of this id, None where there is none that verifies now."""
        keys = await self._read_within(KEPT_SECONDS)
        if kid not in keys:
            keys = await self._read_within(LOOK_AGAIN_SECONDS)
        return keys.get(kid)

    async def listed(self) -> Mapping[str, bytes]:
        """Every key that verifies now or will soon, by its id."""
        return await self._read_within(KEPT_SECONDS)

    async def _read_within(self, seconds: float) -> Mapping[str, bytes]:
        if (keys := self._fresh(seconds)) is not None:
            return keys
        async with self._turn:
            if (keys := self._fresh(seconds)) is not None:  # read while this one waited
                return keys
            try:
                self._keys = await self._read()
            except OperationalError as error:
                if self._keys is None:
                    raise
                _log.warning("signing_keys_not_read", cause=str(error))
            self._read_at = self._clock.monotonic()
            return self._keys

    def _fresh(self, seconds: float) -> Mapping[str, bytes] | None:
        return self._keys if self._clock.monotonic() - self._read_at < seconds else None
