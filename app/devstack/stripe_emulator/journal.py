"""The emulator's file: one JSON line per executed request, appended and flushed before the answer leaves.

A line holds the new state of every record that the request changed, its ledger entries and, where it came with an
idempotency key, its answer. Because that is one line, a request happened as a whole or not at all: a kill -9 in the
middle of a write leaves a last line without its end, which is cut off at the next start; nobody was answered for it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from app.devstack.stripe_emulator.ledger import LedgerEntry
from app.devstack.stripe_emulator.records import (
    Charge,
    ConfirmationToken,
    Customer,
    Dispute,
    Event,
    PaymentIntent,
    PaymentMethod,
    Refund,
    WebhookEndpoint,
)


class JournalDamaged(Exception):
    """A line before the last one cannot be read: the file was edited, or the disk failed."""


class JournalInUse(Exception):
    """Another emulator writes to this file."""


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """What was answered under an idempotency key.

    account: a digest of the API key, whose keys are its own.
    fingerprint: a digest of the parameters, which a replay must repeat.
    body: JSON text.
    """

    account: str
    key: str
    endpoint: str
    fingerprint: str
    request_id: str
    saved_at: int
    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything that one request changed.

    accepted_events: events that one more webhook endpoint is done with.
    advanced_seconds: how far the clock is ahead, where this changed it.
    """

    payment_methods: tuple[PaymentMethod, ...] = ()
    confirmation_tokens: tuple[ConfirmationToken, ...] = ()
    customers: tuple[Customer, ...] = ()
    payment_intents: tuple[PaymentIntent, ...] = ()
    charges: tuple[Charge, ...] = ()
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    events: tuple[Event, ...] = ()
    webhook_endpoints: tuple[WebhookEndpoint, ...] = ()
    deleted: tuple[str, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    answer: SavedAnswer | None = None
    accepted_events: tuple[str, ...] = ()
    advanced_seconds: int | None = None

    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not self.contents()

    def contents(self) -> dict[str, object]:
        """The parts that hold something, by name."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: part for name, part in parts.items() if part not in ((), None)}


class Journal:
    """The file, open for appending by this process alone."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @classmethod
    def open(cls, path: Path) -> tuple[Self, list[Commit]]:
        """Open or create the file and read what it holds, cutting off a torn last line.

        Raises JournalInUse while another process has it open, and JournalDamaged rather than losing a whole line.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise JournalInUse(f"{path} is in use by another emulator") from error
        try:
            return cls(file), _read_whole_lines(file, path)
        except JournalDamaged:
            file.close()
            raise

    def append(self, commit: Commit) -> None:
        """Write one line and hand it to the operating system, so that it survives this process."""
        self._file.write(msgspec.json.encode(commit.contents()) + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


def read_ledger(path: Path) -> list[LedgerEntry]:
    """The ledger in an emulator's file, whether or not the emulator still runs."""
    content = path.read_bytes()
    whole_lines = content[: content.rfind(b"\n") + 1]
    return [entry for commit in _commits(whole_lines, path) for entry in commit.ledger]


def _read_whole_lines(file: BinaryIO, path: Path) -> list[Commit]:
    file.seek(0)
    content = file.read()
    whole_bytes = content.rfind(b"\n") + 1
    commits = list(_commits(content[:whole_bytes], path))
    if whole_bytes < len(content):
        file.truncate(whole_bytes)
    return commits


def _commits(whole_lines: bytes, path: Path) -> Iterator[Commit]:
    decoder = msgspec.json.Decoder(Commit)
    for number, line in enumerate(whole_lines.splitlines(), start=1):
        try:
            yield decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise JournalDamaged(f"{path}, line {number}: {error}") from error
