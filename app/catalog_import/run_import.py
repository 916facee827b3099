"""Import files into the catalogue: the use case behind `cartograph import`.

check that every file can be read -> read products -> write them in batches, each batch one transaction -> count

Importing the same file again changes nothing: a product is known by its key, and a draft equal to the stored one is
skipped by the catalogue. With `strict` the first fault ends the import; what was read before it is written all the
same, so that the fault names exactly where the catalogue stands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.catalog.domain import DraftFault, ImportOutcome, ProductDraft
from app.catalog_import.formats import OpenCatalog, UnreadableFile, open_catalog, recognise
from app.catalog_import.reading import Currencies, Item, LeftOut
from app.catalog_import.report import FileReport, ImportProgress, ImportReport, ReportProgress
from app.core.clock import Clock, SystemClock
from app.core.money import Currency

BATCH_PRODUCTS = 1_000  # what CatalogWriter.upsert takes at most
BATCH_BYTES = 8 * 1_048_576  # read from the file: a thousand products of a megabyte each must not be in memory at once
PROGRESS_EVERY = 200  # products: often enough to move a bar smoothly, too seldom to cost anything


@dataclass(frozen=True, slots=True)
class ImportCatalog:
    """Read files and write what they hold.

    write: stores one batch in one transaction; in a dry run the caller rolls it back, so clashes show all the same.
    currencies: those the shop sells in; default_currency: of prices that name none.
    """

    write: Callable[[Sequence[ProductDraft]], Awaitable[ImportOutcome]]
    currencies: frozenset[str]
    default_currency: Currency
    clock: Clock = field(default_factory=SystemClock)

    async def __call__(
        self, files: Sequence[Path], *, dry_run: bool, strict: bool, report_progress: ReportProgress
    ) -> ImportReport:
        """Import the files in their order; never raises for what a file holds.

        With `strict`, a file that cannot be read keeps all of them out.
        """
        report = ImportReport(dry_run)
        unreadable = {path: reason for path in files if (reason := _why_unreadable(path))}
        report.stopped = strict and bool(unreadable)
        for path in files:
            counts = FileReport(str(path))
            if path in unreadable:
                _note_unreadable(unreadable[path], counts, report)
            elif not report.stopped:
                await self._import_file(path, counts, report, strict=strict, report_progress=report_progress)
            else:
                continue
            report.files.append(counts)
        return report

    async def _import_file(
        self, path: Path, counts: FileReport, report: ImportReport, *, strict: bool, report_progress: ReportProgress
    ) -> None:
        started = self.clock.monotonic()
        try:
            with open_catalog(path, Currencies(self.default_currency, self.currencies)) as catalog:
                for batch in _batches(catalog, counts, report, strict=strict, report_progress=report_progress):
                    outcome = await self.write(batch)
                    counts.created += outcome.created
                    counts.updated += outcome.updated
                    counts.unchanged += outcome.unchanged
                    counts.skipped += len(batch) - outcome.created - outcome.updated - outcome.unchanged
                    report.add_faults(outcome.faults)
                report_progress(_progress(catalog, counts))
        except UnreadableFile as error:
            _note_unreadable(error.message, counts, report)
        report.stopped = strict and report.fault_count > 0
        counts.seconds = self.clock.monotonic() - started


def _batches(
    catalog: OpenCatalog, counts: FileReport, report: ImportReport, *, strict: bool, report_progress: ReportProgress
) -> Iterator[list[ProductDraft]]:
    batch: list[ProductDraft] = []
    batch_began_at = 0
    for item in catalog.items:
        counts.products += 1
        _sort(item, batch, counts, report)
        full = len(batch) == BATCH_PRODUCTS or catalog.lines.bytes_read - batch_began_at >= BATCH_BYTES
        if batch and full:
            yield batch
            batch = []
            batch_began_at = catalog.lines.bytes_read
        if strict and report.fault_count:
            break
        if counts.products % PROGRESS_EVERY == 0:
            report_progress(_progress(catalog, counts))
    if batch:
        yield batch
    if not counts.products:
        raise UnreadableFile("has a header and no products")


def _sort(item: Item, batch: list[ProductDraft], counts: FileReport, report: ImportReport) -> None:
    if isinstance(item, ProductDraft):
        batch.append(item)
    elif isinstance(item, LeftOut):
        counts.left_out += 1
    else:
        counts.skipped += 1
        report.add_faults(item.faults)


def _why_unreadable(path: Path) -> str | None:
    try:
        recognise(path)
    except UnreadableFile as error:
        return error.message
    return None


def _note_unreadable(reason: str, counts: FileReport, report: ImportReport) -> None:
    counts.readable = False
    report.add_faults([DraftFault(counts.file, "", reason)])


def _progress(catalog: OpenCatalog, counts: FileReport) -> ImportProgress:
    return ImportProgress(counts.file, catalog.lines.bytes_read, catalog.lines.size_bytes, counts.products)
