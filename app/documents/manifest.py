"""Read the manifests that GraphQL clients are built with: which document has which id.

Three formats, told apart by what they hold: Relay's and GraphQL Code Generator's map of ids to texts (an id that begins
with `sha256:` is held to its text) and Apollo's list of operations. Every fault is named with its file and its entry.
Source: GraphQL over HTTP, Appendix A; Relay, Persisted Queries; Apollo, Persisted query manifest.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from app.core.card_data import has_card_number
from app.documents.asked_document import SHA256_PREFIX
from app.documents.card_numbers import card_number_in_document
from app.documents.domain import MAX_BODY_CHARACTERS, MAX_ID_CHARACTERS, DocumentFault, digest, is_document_id

MAX_FILE_BYTES = 20_000_000
MAX_DOCUMENTS = 10_000  # of one file: ten times what a large web shop has
APOLLO_FORMAT = "apollo-persisted-query-manifest"


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One document of a manifest. operation_name: of the operation that it says is in the text, where it says so."""

    file: str
    id: str
    body: str
    operation_name: str | None = None

    def fault(self, reason: str) -> DocumentFault:
        """What is wrong with this entry."""
        return DocumentFault(self.file, self.id, reason)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file holds. An entry that has a fault is not among the entries."""

    entries: tuple[ManifestEntry, ...] = ()
    faults: tuple[DocumentFault, ...] = ()


class _Unreadable(Exception):
    """A file that is no manifest; the message says why."""


def read_manifest(file: str, raw: bytes) -> Manifest:
    """The documents in a file, which may be anything. file: its name, for messages."""
    try:
        content, twice = _parsed(raw)
        found = list(_apollo(file, content) if _is_apollo(content) else _map(file, content))
    except _Unreadable as unreadable:
        return Manifest(faults=(DocumentFault(file, "", str(unreadable)),))
    faults = [DocumentFault(file, key, "stands twice") for key in twice]
    entries: dict[str, ManifestEntry] = {}
    for each in found:
        if isinstance(each, DocumentFault):
            faults.append(each)
        elif each.id in entries:
            faults.append(each.fault("stands twice"))
        else:
            entries[each.id] = each
    return Manifest(tuple(entries.values()), tuple(faults))


def _parsed(raw: bytes) -> tuple[dict[str, object], list[str]]:
    """The JSON object of a file, and the names that stand in one of its objects twice, which JSON allows."""
    if len(raw) > MAX_FILE_BYTES:
        raise _Unreadable(f"is larger than {MAX_FILE_BYTES:,} bytes")
    twice: list[str] = []

    def object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
        values = dict(pairs)
        if len(values) < len(pairs):
            twice.extend(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        return values

    try:
        content = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=object_of)
    except UnicodeDecodeError:
        raise _Unreadable("is not UTF-8") from None
    except RecursionError:
        raise _Unreadable("is nested too deeply for a manifest") from None
    except ValueError as error:
        raise _Unreadable(f"is not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise _Unreadable("is no manifest: that is a JSON object")
    return content, twice


def _is_apollo(content: dict[str, object]) -> bool:
    return "format" in content or "operations" in content


def _map(file: str, content: dict[str, object]) -> Iterator[ManifestEntry | DocumentFault]:
    _insist_on_count(len(content))
    for document_id, body in content.items():
        yield _checked(file, document_id, body)


def _apollo(file: str, content: dict[str, object]) -> Iterator[ManifestEntry | DocumentFault]:
    version, operations = content.get("version"), content.get("operations")
    if content.get("format") != APOLLO_FORMAT or version != 1 or isinstance(version, bool):
        raise _Unreadable(f"is not a manifest of the format {APOLLO_FORMAT!r}, version 1")
    if not isinstance(operations, list):
        raise _Unreadable("has no list of operations")
    _insist_on_count(len(operations))
    for place, operation in enumerate(operations, 1):
        if not isinstance(operation, dict) or not isinstance(operation.get("id"), str):
            yield DocumentFault(file, f"operation {place}", "must be an object with an id")
            continue
        name = operation.get("name")
        if name is not None and not isinstance(name, str):
            yield DocumentFault(file, operation["id"], "its name must be text")
            continue
        yield _checked(file, operation["id"], operation.get("body"), name or None)


def _insist_on_count(count: int) -> None:
    if not count:
        raise _Unreadable("holds no documents")
    if count > MAX_DOCUMENTS:
        raise _Unreadable(f"holds more than {MAX_DOCUMENTS:,} documents: split it")


def _checked(
    file: str, document_id: str, body: object, operation_name: str | None = None
) -> ManifestEntry | DocumentFault:
    reason = _fault_of_id(document_id) or _fault_of_body(body)
    if reason is None and isinstance(body, str):
        entry = ManifestEntry(file, document_id, body, operation_name)
        is_hash = document_id.startswith(SHA256_PREFIX)
        if is_hash and document_id.removeprefix(SHA256_PREFIX) != digest(body):
            return entry.fault("its text has another SHA-256")
        return entry
    return DocumentFault(file, document_id[:MAX_ID_CHARACTERS] or "an empty id", str(reason))


def _fault_of_id(document_id: str) -> str | None:
    if has_card_number(document_id):
        return "its id has what looks like a payment card number"
    return None if is_document_id(document_id) else f"an id is 1 to {MAX_ID_CHARACTERS} printable characters"


def _fault_of_body(body: object) -> str | None:
    if not isinstance(body, str) or not body.strip():
        return "has no text"
    if len(body) > MAX_BODY_CHARACTERS:
        return f"its text is longer than {MAX_BODY_CHARACTERS:,} characters"
    if "\0" in body or any("\ud800" <= char <= "\udfff" for char in body):
        return "its text has characters that cannot be stored"
    location = card_number_in_document(body)
    if location is not None:
        line, column = location
        return f"its text has what looks like a payment card number (line {line}, column {column})"
    return None
