"""In-memory adapters of the documents' ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from app.core.errors import DatabaseUnavailable
from app.documents.domain import TrustedDocument, digest

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def trusted(document_id: str, body: str) -> TrustedDocument:
    """A document as it would have been imported."""
    return TrustedDocument(document_id, digest(body), body, (), NOON)


class FakeTrusted:
    """`TrustedDocuments` that counts what it is asked. away: whether it fails."""

    def __init__(self, *documents: TrustedDocument) -> None:
        self.documents = {document.id: document for document in documents}
        self.asked: list[str] = []
        self.away = False

    async def find_by_id(self, document_id: str) -> TrustedDocument | None:
        self._note(document_id)
        return self.documents.get(document_id)

    async def find_by_sha256(self, sha256: str) -> TrustedDocument | None:
        self._note(sha256)
        return next((each for each in self.documents.values() if each.sha256 == sha256), None)

    def _note(self, key: str) -> None:
        self.asked.append(key)
        if self.away:
            raise DatabaseUnavailable("away")


class FakeQueries:
    """`DocumentCache` without bounds, that counts what it is asked."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.asked: list[str] = []

    async def find(self, sha256: str) -> str | None:
        self.asked.append(sha256)
        return self.texts.get(sha256)

    async def keep(self, sha256: str, text: str) -> None:
        self.texts[sha256] = text


class FakeStore:
    """`TrustedDocumentStore` over a dictionary."""

    def __init__(self, documents: dict[str, TrustedDocument]) -> None:
        self._documents = documents

    async def insert(self, documents: Sequence[TrustedDocument]) -> set[str]:
        new = {each.id: each for each in documents if each.id not in self._documents}
        self._documents.update(new)
        return set(new)

    async def documents_by_ids(self, ids: Sequence[str]) -> dict[str, TrustedDocument]:
        return {each: self._documents[each] for each in ids if each in self._documents}

    async def list_after(self, document_id: str, *, limit: int) -> list[TrustedDocument]:
        return [self._documents[each] for each in sorted(self._documents) if each > document_id][:limit]

    async def remove(self, ids: Sequence[str]) -> set[str]:
        return {each for each in ids if self._documents.pop(each, None)}


class FakeTransaction:
    """One transaction over a copy."""

    def __init__(self, documents: dict[str, TrustedDocument]) -> None:
        self.documents = FakeStore(documents)


class FakeTransactions:
    """`DocumentTransactions` whose changes take effect on normal exit only."""

    def __init__(self) -> None:
        self.documents: dict[str, TrustedDocument] = {}
        self.reads = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[FakeTransaction]:
        copy = dict(self.documents)
        yield FakeTransaction(copy)
        self.documents = copy

    @asynccontextmanager
    async def read(self) -> AsyncIterator[FakeTransaction]:
        self.reads += 1
        yield FakeTransaction(dict(self.documents))
