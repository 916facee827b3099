"""What a request says of its document: a text, the hash of one, or an id; whatever is malformed is refused here.

Source: Apollo, Automatic Persisted Queries; GraphQL over HTTP, Appendix A, Persisted Documents.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.documents.domain import NoSuchDocument, Refusal, is_document_id

SHA256_PREFIX = "sha256:"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STANDARD_NAME = "documentId"
_ID_NAMES = (_STANDARD_NAME, "id", "doc_id")  # the others are what Relay's clients are used to


@dataclass(frozen=True, slots=True)
class AskedDocument:
    """What a request says. sha256: 64 lower-case hexadecimal digits."""

    text: str | None = None
    sha256: str | None = None
    document_id: str | None = None


def asked_document(values: Mapping[str, object]) -> AskedDocument:
    """What the parameters of a request say of its document.

    values: a JSON body, or a query string with `extensions` decoded. `id` and `doc_id` count only where there is no
    query: clients put them beside one for purposes of their own. Raises NoSuchDocument (BAD_REQUEST).
    """
    text, extensions = values.get("query"), values.get("extensions")
    if text is not None and not isinstance(text, str):
        raise _malformed("query must be a string.")
    if extensions is not None and not isinstance(extensions, Mapping):
        raise _malformed("extensions must be an object.")
    persisted_query = (extensions or {}).get("persistedQuery")
    if text is not None and text.strip():
        if values.get(_STANDARD_NAME) is not None:
            raise _malformed(f"Send either query or {_STANDARD_NAME}, not both.")
        return AskedDocument(text=text, sha256=_sha256(persisted_query))
    document_id = _document_id(values)
    return AskedDocument(document_id=document_id, sha256=None if document_id else _sha256(persisted_query))


def sha256_in_id(document_id: str) -> str | None:
    """The hash of the text that an id such as `sha256:2cf2…` says it is; None where it says nothing of the kind."""
    sha256 = document_id.removeprefix(SHA256_PREFIX)
    return sha256 if sha256 != document_id and _SHA256.fullmatch(sha256) else None


def _document_id(values: Mapping[str, object]) -> str | None:
    named = {name: values[name] for name in _ID_NAMES if values.get(name) not in (None, "")}
    ids = [value for value in named.values() if isinstance(value, str)]
    if len(ids) < len(named):
        raise _malformed(f"{' and '.join(named)} must be text.")
    if len(set(ids)) > 1:
        raise _malformed(f"{' and '.join(named)} name different documents.")
    if ids and not is_document_id(ids[0]):
        raise _malformed("The id of a document is 1 to 255 printable characters.")
    return ids[0] if ids else None


def _sha256(persisted_query: object) -> str | None:
    if persisted_query is None:
        return None
    if not isinstance(persisted_query, Mapping):
        raise _malformed("extensions.persistedQuery must be an object.")
    version, given = persisted_query.get("version"), persisted_query.get("sha256Hash")
    if version != 1 or isinstance(version, bool):
        raise _malformed("extensions.persistedQuery.version must be 1.")
    sha256 = given.lower().removeprefix(SHA256_PREFIX) if isinstance(given, str) else ""
    if not _SHA256.fullmatch(sha256):
        raise _malformed("extensions.persistedQuery.sha256Hash must be a SHA-256, 64 hexadecimal digits.")
    return sha256


def _malformed(message: str) -> NoSuchDocument:
    return NoSuchDocument(message, Refusal.MALFORMED)
