"""What `cartograph documents` and the part of `schema --check` about stored documents do, given a shop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from app.bootstrap import Shop
from app.core.errors import ShopError
from app.documents.domain import DocumentFault
from app.documents.manifest import MAX_FILE_BYTES, Manifest, read_manifest
from resolvers.document_check import check_document
from resolvers.shop_schema import ShopSchema

OK, FAILED = 0, 1
MAX_FAULTS_SHOWN = 50


class NotMigrated(ShopError):
    """The database lacks what a command needs."""


async def import_documents(shop: Shop, schema: ShopSchema, files: Sequence[Path], *, dry_run: bool) -> int:
    """Store the documents of manifests, all or none; says what was new, or what is wrong."""
    await _insist_on_schema(shop)
    manifests = [_read(path) for path in files]
    with _shown_progress(sum(len(manifest.entries) for manifest in manifests)) as report_progress:
        outcome = await shop.import_documents(
            manifests, partial(check_document, schema), dry_run=dry_run, report_progress=report_progress
        )
    if outcome.faults:
        _tell(outcome.faults)
        print("cartograph: nothing was imported", file=sys.stderr)
        return FAILED
    would = "would be " if dry_run else ""
    print(f"{outcome.created:,} {would}created, {outcome.unchanged:,} unchanged")
    if not outcome.created:
        print("Nothing would change." if dry_run else "Nothing changed.")
    elif dry_run:
        print("This was a dry run: nothing was written.")
    return OK


async def list_documents(shop: Shop) -> int:
    """A line for each stored document: its id, when it was imported, its size and its operations."""
    await _insist_on_schema(shop)
    async for document in shop.list_documents():
        names = ", ".join(document.operation_names) or "(no name)"
        print(f"{document.id}  {document.imported_at:%Y-%m-%d %H:%M}Z  {len(document.body):,} characters  {names}")
    return OK


async def remove_documents(shop: Shop, ids: Sequence[str]) -> int:
    """Forget stored documents, all that are named or none."""
    await _insist_on_schema(shop)
    print(f"{await shop.remove_documents(ids):,} removed")
    return OK


async def check_documents(shop: Shop, schema: ShopSchema) -> int:
    """Hold every stored document against the schema; names those that can no longer be executed."""
    await _insist_on_schema(shop)
    count, faults = 0, []
    with _shown_progress(None) as report_progress:
        async for document in shop.list_documents():
            count += 1
            reasons = check_document(schema, document.body).faults
            faults += [DocumentFault("stored document", document.id, reason) for reason in reasons]
            report_progress(count)
    if faults:
        _tell(faults)
        print(
            "cartograph: clients still send these documents: keep what they use in the schema,"
            " or remove them with `cartograph documents remove ID…`",
            file=sys.stderr,
        )
        return FAILED
    print(f"{count:,} stored documents are valid" if count else "no documents are stored")
    return OK


async def _insist_on_schema(shop: Shop) -> None:
    reason = await shop.not_ready()
    if reason is not None:
        raise NotMigrated(reason)


def _read(path: Path) -> Manifest:
    try:
        with path.open("rb") as stream:
            return read_manifest(str(path), stream.read(MAX_FILE_BYTES + 1))  # one more, so that it shows
    except OSError as error:
        return Manifest(faults=(DocumentFault(str(path), "", f"cannot be read: {error.strerror}"),))


def _tell(faults: Sequence[DocumentFault]) -> None:
    for fault in faults[:MAX_FAULTS_SHOWN]:
        print(fault, file=sys.stderr)
    if len(faults) > MAX_FAULTS_SHOWN:
        print(f"and {len(faults) - MAX_FAULTS_SHOWN:,} more", file=sys.stderr)


@contextmanager
def _shown_progress(total: int | None) -> Iterator[Callable[[int], None]]:
    with Progress(console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("documents", total=total)
        yield lambda done: progress.update(task, completed=done)
