"""The audit log: who did what to whom, when and from where, each entry chained to the one before.

digest = HMAC-SHA256(key of the shop's secret, the digest before ‖ the entry as JSON with sorted names)

An entry that was changed, taken out, put in or moved breaks the chain from there on, and without the secret nobody
mends it. Entries that are missing at the end are noticed by the head, which is kept in a row of its own; whoever can
put both back to an earlier state is noticed by a head that was noted elsewhere, as `cartograph audit verify` prints it.
No entry holds a secret or an e-mail address. See ADR-0033.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

import msgspec

OPERATOR = "operator"  # who acts by a command, on the machine


class Action(StrEnum):
    """What can be in the log."""

    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SESSION_REVOKED = "session_revoked"
    REFRESH_REUSED = "refresh_reused"
    REGISTERED = "registered"
    ACCOUNT_DELETED = "account_deleted"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  a name
    PASSWORD_RESET = "password_reset"  # noqa: S105  a name
    STAFF_CREATED = "staff_created"
    STAFF_RENEWED = "staff_renewed"
    STAFF_DISABLED = "staff_disabled"
    KEYS_ROTATED = "keys_rotated"


@dataclass(frozen=True, slots=True)
class Event:
    """Something to note.

    action: an `Action`, or whatever the table says. actor: who did it, an account's id or another word; subject: the id
    of what it was done to.
    """

    action: str
    actor: str
    subject: str
    at: datetime
    address: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in the log. seq: 1, 2, 3 …"""

    seq: int
    event: Event
    digest: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """How many entries there are, and the digest of the last; `text` is what can be noted elsewhere."""

    seq: int
    digest: bytes

    @property
    def text(self) -> str:
        """Such as `42:9f…`."""
        return f"{self.seq}:{self.digest.hex()}"


class AuditStore(Protocol):
    """The log on one connection to the primary."""

    async def append(self, event: Event) -> None:
        """Add an entry. Concurrency: one transaction at a time has the end of the log, from here to its own end."""
        ...

    async def head(self) -> Head:
        """The end of the log as it was noted."""
        ...

    def entries(self, *, after: int = 0) -> AsyncIterator[Entry]:
        """All entries in order."""
        ...

    async def newest(self, *, limit: int) -> list[Entry]:
        """The last entries, the newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Chain:
    """Computes digests."""

    key: bytes

    @classmethod
    def of(cls, secret: bytes) -> Chain:
        """The chain under the shop's secret."""
        return cls(hashlib.sha256(b"cartograph.audit.1" + secret).digest())

    def digest(self, before: bytes, seq: int, event: Event) -> bytes:
        """The digest of an entry that follows the one with the digest `before`."""
        entry = {
            "seq": seq,
            "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "action": str(event.action),
            "actor": event.actor,
            "subject": event.subject,
            "address": event.address,
            "facts": dict(event.facts),
        }
        return hmac.new(self.key, before + msgspec.json.encode(entry, order="sorted"), hashlib.sha256).digest()
