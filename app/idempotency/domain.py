"""Calls with an idempotency key, as records, and the port that remembers them. See ADR-0015.

A call is known by its scope (who calls which mutation on what) and its key. Its row is written in the transaction of
its effect, so neither is there without the other; the answer follows once it has been resolved, before it is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol
from uuid import UUID

from app.core.errors import ClientError, ErrorCode, InvalidInput

KEPT = timedelta(hours=24)
MAX_KEY_LENGTH = 255
MIN_OPEN_KEY_LENGTH = 16  # where the key alone tells one guest from another: a guessed one would show their answer


@dataclass(frozen=True, slots=True)
class KeyedCall:
    """A mutation that may be sent again.

    scope: a digest of who calls which mutation on what. input_digest: of what is asked for; answer_digest: of what the
    client wants to be told about it.
    """

    scope: bytes
    key: str
    input_digest: bytes
    answer_digest: bytes


@dataclass(frozen=True, slots=True)
class Effect:
    """What an earlier call with the same key did. subject: what it made; faults: what it left out."""

    subject: UUID | None = None
    faults: tuple[ClientError, ...] = ()


class Kept(Enum):
    """What became of an answer that was to be kept."""

    OURS = "ours"  # it is kept now, or may be sent though it is not
    SUPERSEDED = "superseded"  # another call with the key took effect meanwhile: make this one again


class KeyStore(Protocol):
    """Keyed calls on one connection to the primary."""

    async def claim(self, call: KeyedCall, *, now: datetime, subject: UUID | None = None) -> Effect | None:
        """Take the key for this transaction's effect; or, where an earlier call took it, what that call did.

        subject: what the effect is about to make. Raises InvalidInput (IDEMPOTENCY_KEY_REUSED) when the key stands for
        another request. Concurrency: waits for a transaction that has claimed the key and is not over yet.
        """
        ...

    async def note(self, call: KeyedCall, faults: Sequence[ClientError]) -> None:
        """Remember what the effect of a claimed call left out."""
        ...

    async def find_answer(self, call: KeyedCall, *, now: datetime) -> bytes | None:
        """The answer that was sent to the same call; None where there is none, or it was another call."""
        ...

    async def keep_answer(self, call: KeyedCall, answer: bytes, *, now: datetime, has_effect: bool) -> bytes | Kept:
        """Keep the answer, or learn which one was kept before.

        has_effect: whether the call took effect, so that its key is claimed.
        """
        ...

    async def forget(self, before: datetime, *, limit: int) -> int:
        """Forget calls that are older, at most so many; returns how many."""
        ...


class KeyTransaction(Protocol):
    """What idempotency needs of a transaction."""

    @property
    def keys(self) -> KeyStore:
        """Keyed calls."""
        ...


class KeyTransactions(Protocol):
    """Opens transactions for keyed calls."""

    def begin(self) -> AbstractAsyncContextManager[KeyTransaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        ...

    def read(self) -> AbstractAsyncContextManager[KeyTransaction]:
        """Statements on the primary, each for itself."""
        ...


def key_reused() -> ClientError:
    """The key stands for another request."""
    return InvalidInput(
        "This key was used for another request: make a new key for a new one.",
        code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
        field=("idempotencyKey",),
    )


def check_key(key: str, *, is_open: bool) -> None:
    """Make sure that a key is within its bounds. is_open: a guest's, for a call that names nothing of theirs."""
    shortest = MIN_OPEN_KEY_LENGTH if is_open else 1
    if not shortest <= len(key) <= MAX_KEY_LENGTH:
        reason = " It is all that tells one guest's request from another's: use a random one, such as a UUID."
        message = f"The key must have {shortest} to {MAX_KEY_LENGTH} characters.{reason if is_open else ''}"
        raise InvalidInput(message, field=("idempotencyKey",))
