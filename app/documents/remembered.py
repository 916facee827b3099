"""Documents that this process has already looked up: decorators around the ports, so nobody else knows of them.

In production a handful of documents makes nearly all requests, so nearly all are answered without a round trip. A text
under its hash cannot become stale. A trusted document is looked up anew after a minute, so one that was removed stops
working, and is used for as long as the database is away. That there is no such document is believed for two seconds:
an import must show at once, and a client that asks in a loop must not reach the database each time. See ADR-0012.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cachetools import LRUCache

from app.core.clock import Clock
from app.core.errors import OperationalError
from app.documents.domain import DocumentCache, TrustedDocument, TrustedDocuments

FRESH_SECONDS = 60
MISSING_SECONDS = 2
MAX_CHARACTERS = 4_000_000  # of each memory: some thousand documents of a usual size, 16 MB at worst
_ENTRY_CHARACTERS = 500  # what an entry costs beside its text


@dataclass(slots=True)
class _Seen:
    document: TrustedDocument | None
    at: float


class RememberedDocuments:
    """`TrustedDocuments` that asks another one as seldom as it may. Safe for any number of tasks at once."""

    def __init__(self, inner: TrustedDocuments, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self._seen: LRUCache[tuple[str, str], _Seen] = LRUCache(MAX_CHARACTERS, getsizeof=_size)

    async def find_by_id(self, document_id: str) -> TrustedDocument | None:
        """The document with this id."""
        return await self._find(("id", document_id), self._inner.find_by_id)

    async def find_by_sha256(self, sha256: str) -> TrustedDocument | None:
        """A document whose text has this hash."""
        return await self._find(("sha256", sha256), self._inner.find_by_sha256)

    async def _find(
        self, key: tuple[str, str], look_up: Callable[[str], Awaitable[TrustedDocument | None]]
    ) -> TrustedDocument | None:
        now = self._clock.monotonic()
        seen = self._seen.get(key)
        if seen is not None and now - seen.at < (MISSING_SECONDS if seen.document is None else FRESH_SECONDS):
            return seen.document
        if seen is not None and seen.document is not None:
            seen.at = now  # the others go on with what there is, so that one request looks it up and not all
        try:
            document = await look_up(key[1])
        except OperationalError:
            if seen is None or seen.document is None:
                raise
            return seen.document
        self._seen[key] = _Seen(document, now)
        return document


class RememberedQueries:
    """`DocumentCache` that asks another one only for what it does not have. Safe for any number of tasks at once."""

    def __init__(self, inner: DocumentCache) -> None:
        self._inner = inner
        self._texts: LRUCache[str, str] = LRUCache(MAX_CHARACTERS, getsizeof=lambda text: len(text) + _ENTRY_CHARACTERS)

    async def find(self, sha256: str) -> str | None:
        """The text with this hash."""
        text = self._texts.get(sha256)
        if text is None:
            text = await self._inner.find(sha256)
            if text is not None:
                self._texts[sha256] = text
        return text

    async def keep(self, sha256: str, text: str) -> None:
        """Keep a text under its hash."""
        self._texts[sha256] = text
        await self._inner.keep(sha256, text)


def _size(seen: _Seen) -> int:
    return _ENTRY_CHARACTERS + (len(seen.document.body) if seen.document else 0)
