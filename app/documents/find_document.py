"""Find the document that a request asks for: the text it carries, or the one it names by a hash or an id.

a text -> itself (only if it was imported, where nothing else is trusted)
a hash -> an automatic persisted query, or a trusted document with that text
an id  -> a trusted document

A text that comes with its hash is to be kept, but only once it has turned out to be valid: `keep` is called then, so
what is kept has passed every limit. Source: Apollo, Automatic Persisted Queries; GraphQL over HTTP, Appendix A.
"""

from __future__ import annotations

from dataclasses import dataclass

from app import telemetry
from app.documents.asked_document import AskedDocument, sha256_in_id
from app.documents.domain import (
    DocumentCache,
    DocumentMode,
    NoSuchDocument,
    Refusal,
    TrustedDocument,
    TrustedDocuments,
    digest,
)


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A text to execute. trusted: it was imported; keep_as: the hash under which it is to be kept once it is valid."""

    text: str
    trusted: bool = False
    keep_as: str | None = None


@dataclass(frozen=True, slots=True)
class FindDocument:
    """Find what a request asks for. Safe for any number of tasks at once."""

    mode: DocumentMode
    trusted: TrustedDocuments
    cache: DocumentCache

    async def __call__(self, asked: AskedDocument) -> FoundDocument:
        """The document. Raises NoSuchDocument, and DatabaseUnavailable where a trusted one cannot be looked up."""
        if asked.text is not None:
            return await self._sent(asked.text, asked.sha256)
        if asked.document_id is not None:
            return _found(await self._trusted_by_id(asked.document_id))
        if asked.sha256 is not None:
            return await self._by_sha256(asked.sha256)
        raise NoSuchDocument("The request has no query.", Refusal.MALFORMED)

    async def keep(self, found: FoundDocument) -> None:
        """Keep a text that came with its hash, for clients that will send the hash alone.

        Only for a document that is valid and within every limit. Never fails.
        """
        if found.keep_as is not None:
            telemetry.PERSISTED_QUERIES.labels("kept").inc()
            await self.cache.keep(found.keep_as, found.text)

    async def _sent(self, text: str, sha256: str | None) -> FoundDocument:
        if sha256 is not None and sha256 != digest(text):
            raise NoSuchDocument("The query is not the one that sha256Hash was made of.", Refusal.MALFORMED)
        if self.mode is not DocumentMode.TRUSTED:
            return FoundDocument(text, keep_as=sha256 if self.mode is DocumentMode.APQ else None)
        if await self.trusted.find_by_sha256(sha256 or digest(text)) is None:
            message = (
                "This shop executes imported documents only. Send one of them, or its id as documentId;"
                " new ones are added with `cartograph documents import`."
            )
            raise NoSuchDocument(message, Refusal.NOT_TRUSTED)
        return FoundDocument(text, trusted=True)

    async def _by_sha256(self, sha256: str) -> FoundDocument:
        if self.mode is DocumentMode.APQ:  # asked first: it serves while the database is away
            text = await self.cache.find(sha256)
            if text is not None:
                telemetry.PERSISTED_QUERIES.labels("found").inc()
                return FoundDocument(text)
        document = await self.trusted.find_by_sha256(sha256) or await self.trusted.find_by_id(sha256)
        if document is None and self.mode is DocumentMode.OPEN:
            raise NoSuchDocument("PersistedQueryNotSupported", Refusal.NOT_SUPPORTED)
        return _found(document)

    async def _trusted_by_id(self, document_id: str) -> TrustedDocument | None:
        document = await self.trusted.find_by_id(document_id)
        sha256 = sha256_in_id(document_id)
        return await self.trusted.find_by_sha256(sha256) if document is None and sha256 else document


def _found(document: TrustedDocument | None) -> FoundDocument:
    telemetry.PERSISTED_QUERIES.labels("missing" if document is None else "found").inc()
    if document is None:  # clients compare the message letter by letter
        raise NoSuchDocument("PersistedQueryNotFound", Refusal.NOT_FOUND)
    return FoundDocument(document.body, trusted=True)
