"""Documents that clients name instead of sending them, and the ports that keep them.

An automatic persisted query is any client's, known by the SHA-256 of its text and kept for a while. A trusted document
is one that the shop's own clients were built with: it is imported under an id, for good, and an id never changes its
text. See ADR-0012.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from app.core.errors import ClientError
from app.core.printable import printable

MAX_ID_CHARACTERS = 255
MAX_BODY_CHARACTERS = 100_000  # of a trusted document: five times what a stranger may send


class DocumentMode(Enum):
    """Which documents are executed. Trusted documents are in every mode."""

    OPEN = "open"  # any text
    APQ = "apq"  # any text, and automatic persisted queries
    TRUSTED = "trusted"  # nothing else


class Refusal(Enum):
    """Why a request's document is not executed: the code of the error in the answer."""

    MALFORMED = "BAD_REQUEST"
    NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    NOT_TRUSTED = "QUERY_NOT_IN_SAFELIST"  # Apollo Router's name for it


class NoSuchDocument(ClientError):
    """The request names no document that may be executed."""

    def __init__(self, message: str, refusal: Refusal) -> None:
        super().__init__(message)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    """A document that was imported. sha256: of the text in UTF-8, 64 hexadecimal digits."""

    id: str
    sha256: str
    body: str
    operation_names: tuple[str, ...]
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """What a schema says of a text. faults: why it cannot be executed; none where it can."""

    operation_names: tuple[str, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DocumentFault:
    """Why something cannot be imported. entry: its id in the file, empty where it is about the file as a whole."""

    file: str
    entry: str
    reason: str

    def __str__(self) -> str:
        return printable(": ".join(part for part in (self.file, self.entry, self.reason) if part))


class TrustedDocuments(Protocol):
    """Finds trusted documents. Raises DatabaseUnavailable."""

    async def find_by_id(self, document_id: str) -> TrustedDocument | None:
        """The document with this id, which `is_document_id` accepts."""
        ...

    async def find_by_sha256(self, sha256: str) -> TrustedDocument | None:
        """A document whose text has this hash; the first by id where several have."""
        ...


class TrustedDocumentStore(Protocol):
    """Trusted documents on one connection to the primary."""

    async def insert(self, documents: Sequence[TrustedDocument]) -> set[str]:
        """Store those whose ids are new, and say which these are. documents: in the order of their ids.

        Concurrency: waits for another transaction that is storing one of the ids; all in one order, so two cannot
        wait for each other.
        """
        ...

    async def documents_by_ids(self, ids: Sequence[str]) -> dict[str, TrustedDocument]:
        """The documents with these ids."""
        ...

    async def list_after(self, document_id: str, *, limit: int) -> list[TrustedDocument]:
        """The documents that follow this id, in the order of ids; from the first after an empty one."""
        ...

    async def remove(self, ids: Sequence[str]) -> set[str]:
        """Forget the documents with these ids, and say which there were."""
        ...


class DocumentTransaction(Protocol):
    """What documents need of a transaction."""

    @property
    def documents(self) -> TrustedDocumentStore:
        """Trusted documents."""
        ...


class DocumentTransactions(Protocol):
    """Opens transactions for documents."""

    def begin(self) -> AbstractAsyncContextManager[DocumentTransaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        ...

    def read(self) -> AbstractAsyncContextManager[DocumentTransaction]:
        """Reads from the primary."""
        ...


class DocumentCache(Protocol):
    """Keeps automatic persisted queries for a while, and forgets what has not been used for longest. Never fails."""

    async def find(self, sha256: str) -> str | None:
        """The text with this hash; None where it is not kept, or where the server does not answer in time."""
        ...

    async def keep(self, sha256: str, text: str) -> None:
        """Keep a text under its hash; nothing happens where the server does not answer in time."""
        ...


def digest(text: str) -> str:
    """The SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_document_id(text: str) -> bool:
    """Whether a document may have this id: 1 to 255 printable characters."""
    return 0 < len(text) <= MAX_ID_CHARACTERS and text.isprintable()
