"""What an import does and did: its progress, its counts and faults, and the words for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from app.catalog.domain import DraftFault
from app.core.printable import printable

MAX_FAULTS_KEPT = 50  # a person reads no more, and a file of nothing but faults must not fill the memory


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far one file is: its bytes read of all, and the products read so far."""

    file: str
    bytes_read: int
    size_bytes: int
    products: int


ReportProgress = Callable[[ImportProgress], None]


@dataclass(slots=True)
class FileReport:
    """What one file brought.

    products: read so far, landed or not; skipped: those that did not land because of a fault; left_out: those that
    their author does not publish; readable: whether it is a file of products at all.
    """

    file: str
    products: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    left_out: int = 0
    seconds: float = 0.0
    readable: bool = True

    def counts(self, *, dry_run: bool) -> str:
        """The counts in words: `3 created, 0 updated, 12 unchanged, 1 skipped`."""
        would = "would be " if dry_run else ""
        text = (
            f"{self.created:,} {would}created, {self.updated:,} {would}updated, {self.unchanged:,} unchanged, "
            f"{self.skipped:,} skipped"
        )
        return text + (f", {self.left_out:,} not published and left out" if self.left_out else "")


@dataclass(slots=True)
class ImportReport:
    """What an import did.

    faults: the first MAX_FAULTS_KEPT of fault_count; stopped: whether it ended at the first fault, as told.
    """

    dry_run: bool
    files: list[FileReport] = field(default_factory=list)
    faults: list[DraftFault] = field(default_factory=list)
    fault_count: int = 0
    stopped: bool = False

    def add_faults(self, faults: Iterable[DraftFault]) -> None:
        """Count faults, and keep the first ones."""
        for fault in faults:
            self.fault_count += 1
            if len(self.faults) < MAX_FAULTS_KEPT:
                self.faults.append(fault)

    @property
    def total(self) -> FileReport:
        """All files together."""
        total = FileReport("In all", readable=any(file.readable for file in self.files))
        for file in self.files:
            total.products += file.products
            total.created += file.created
            total.updated += file.updated
            total.unchanged += file.unchanged
            total.skipped += file.skipped
            total.left_out += file.left_out
            total.seconds += file.seconds
        return total

    @property
    def exit_code(self) -> int:
        """0: everything landed; 1: something was skipped; 2: no file held anything that could be read."""
        if not self.total.readable:
            return 2
        return 1 if self.fault_count else 0

    def fault_lines(self) -> Iterator[str]:
        """For standard error: `FILE:LINE: field: reason` for each fault kept, and how many more there are."""
        yield from fault_lines(self.faults)
        if self.fault_count > len(self.faults):
            yield f"and {self.fault_count - len(self.faults):,} more"

    def summary_lines(self) -> Iterator[str]:
        """For standard output: a line a file, one in all where there are several, and what follows from them."""
        readable = [file for file in self.files if file.readable]
        for file in [*readable, self.total] if len(readable) > 1 else readable:
            yield printable(f"{file.file}: {file.counts(dry_run=self.dry_run)}, {file.seconds:.1f} s")
        if self.stopped:
            yield "Stopped at the first fault; what was read before it is kept, nothing after it was read."
        if readable and not self.total.created and not self.total.updated:
            yield "Nothing would change." if self.dry_run else "Nothing changed."
        elif self.dry_run and readable:
            yield "This was a dry run: nothing was written."


def fault_lines(faults: Iterable[DraftFault]) -> Iterator[str]:
    """A line for each fault: `FILE:LINE: field: reason`, or `FILE: reason` where it is about the file as a whole."""
    for fault in faults:
        field = f"{fault.field}: " if fault.field else ""
        yield printable(f"{fault.source}: {field}{fault.reason}")
