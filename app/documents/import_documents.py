"""Import trusted documents: the use case behind `cartograph documents import`.

manifests -> hold every document against the schema -> store them in one transaction, all or none

A release's documents belong together, so one fault anywhere keeps everything out. An id keeps its text for good: the
same id with another text is a fault, the same id with the same text changes nothing. See ADR-0012.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.core.clock import Clock
from app.documents.domain import (
    CheckedDocument,
    DocumentFault,
    DocumentTransactions,
    TrustedDocument,
    TrustedDocumentStore,
    digest,
)
from app.documents.manifest import Manifest, ManifestEntry

STORED_AT_ONCE = 500  # documents a statement
_OTHER_TEXT = "has another text than before: an id never changes its text, so give the new one another id"


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What an import did, or would do. Nothing was stored where there are faults."""

    created: int = 0
    unchanged: int = 0
    faults: tuple[DocumentFault, ...] = ()


class _RolledBack(Exception):
    """Ends a transaction of which nothing is to be kept."""


@dataclass(frozen=True, slots=True)
class ImportDocuments:
    """Store the documents of manifests."""

    transactions: DocumentTransactions
    clock: Clock

    async def __call__(
        self,
        manifests: Sequence[Manifest],
        check: Callable[[str], CheckedDocument],
        *,
        dry_run: bool,
        report_progress: Callable[[int], None],
    ) -> ImportOutcome:
        """Store all documents or, where one has a fault, none; with dry_run, find out what that would do and undo it.

        check: holds a text against the schema. report_progress: told how many documents have been checked.
        Raises DatabaseUnavailable.
        """
        entries, faults = _merged(manifests)
        documents = []
        for count, entry in enumerate(entries.values(), 1):
            checked = check(entry.body)
            faults += _faults(entry, checked)
            documents.append(
                TrustedDocument(
                    entry.id, digest(entry.body), entry.body, checked.operation_names, imported_at=self.clock.now()
                )
            )
            report_progress(count)
        if faults:
            return ImportOutcome(faults=tuple(faults))
        created = 0
        try:
            async with self.transactions.begin() as tx:
                in_order = sorted(documents, key=lambda each: each.id)  # everybody's locks are in this order
                created, changed = await _store(tx.documents, in_order)
                faults += [entries[document_id].fault(_OTHER_TEXT) for document_id in changed]
                if faults or dry_run:
                    raise _RolledBack
        except _RolledBack:
            pass
        if faults:
            return ImportOutcome(faults=tuple(faults))
        return ImportOutcome(created, len(documents) - created)


def _merged(manifests: Sequence[Manifest]) -> tuple[dict[str, ManifestEntry], list[DocumentFault]]:
    entries: dict[str, ManifestEntry] = {}
    faults = [fault for manifest in manifests for fault in manifest.faults]
    for entry in (entry for manifest in manifests for entry in manifest.entries):
        first = entries.setdefault(entry.id, entry)
        if first.body != entry.body:
            faults.append(entry.fault(f"has another text in {first.file}"))
    return entries, faults


def _faults(entry: ManifestEntry, checked: CheckedDocument) -> list[DocumentFault]:
    faults = [entry.fault(reason) for reason in checked.faults]
    if not faults and entry.operation_name not in (None, *checked.operation_names):
        faults.append(entry.fault(f"its text has no operation {entry.operation_name}"))
    return faults


async def _store(store: TrustedDocumentStore, documents: Sequence[TrustedDocument]) -> tuple[int, list[str]]:
    """How many are new, and the ids of those that are stored with another text."""
    created, changed = 0, []
    for start in range(0, len(documents), STORED_AT_ONCE):
        some = documents[start : start + STORED_AT_ONCE]
        new = await store.insert(some)
        stored = await store.documents_by_ids([each.id for each in some if each.id not in new])
        created += len(new)
        changed += [each.id for each in some if each.id in stored and stored[each.id].sha256 != each.sha256]
    return created, changed
