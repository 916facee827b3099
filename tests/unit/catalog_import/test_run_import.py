from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from app.catalog.domain import DraftFault, ImportOutcome, ProductDraft
from app.catalog_import.report import ImportProgress, ImportReport
from app.catalog_import.run_import import BATCH_BYTES, ImportCatalog
from app.core.money import Currency


@dataclass
class Catalogue:
    """Remembers drafts by key, as the real one does by their content; refuses the names it is told to."""

    refused: frozenset[str] = frozenset()
    stored: dict[str, ProductDraft] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)

    async def write(self, drafts: Sequence[ProductDraft]) -> ImportOutcome:
        assert len({draft.key for draft in drafts}) == len(drafts)
        self.batches.append(len(drafts))
        faults = [DraftFault(draft.source, "sku", "is taken") for draft in drafts if draft.name in self.refused]
        wanted = {draft.key: draft for draft in drafts if draft.name not in self.refused}
        created = len(wanted.keys() - self.stored.keys())
        unchanged = sum(self.stored.get(key) == draft for key, draft in wanted.items())
        self.stored |= wanted
        return ImportOutcome(created, len(wanted) - created - unchanged, unchanged, tuple(faults))


class Stopwatch:
    """Half a second passes between any two looks at it."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def now(self) -> datetime:
        raise NotImplementedError

    def monotonic(self) -> float:
        self._seconds += 0.5
        return self._seconds


async def import_files(
    catalogue: Catalogue, *files: Path, dry_run: bool = False, strict: bool = False
) -> tuple[ImportReport, list[ImportProgress]]:
    seen: list[ImportProgress] = []
    importer = ImportCatalog(catalogue.write, frozenset({"USD"}), Currency("USD"), Stopwatch())
    report = await importer(files, dry_run=dry_run, strict=strict, report_progress=seen.append)
    return report, seen


@pytest.fixture
def json_file(tmp_path: Path) -> Path:
    rows = ['{"name": "A", "price": 1}', '{"name": "B"}', '{"name": "C", "price": 3}', '{"name": "D", "price": -4}']
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([*rows, '{"name": "E", "price": 5}']) + "\n")
    return path


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    path = tmp_path / "b.csv"
    path.write_text("Handle,Title,Variant Price,Published\nx,X,1,true\ny,Y,2,false\n")
    return path


async def test_good_rows_land_and_bad_ones_are_counted_and_named(json_file: Path, csv_file: Path) -> None:
    catalogue = Catalogue()

    report, seen = await import_files(catalogue, json_file, csv_file)

    assert [draft.name for draft in catalogue.stored.values()] == ["A", "C", "E", "X"]
    assert [(file.created, file.skipped, file.left_out, file.products) for file in report.files] == [
        (3, 2, 0, 5),
        (1, 0, 1, 2),
    ]
    assert list(report.fault_lines()) == [f"{json_file}:2: price: missing", f"{json_file}:4: price: -4 is negative"]
    assert [file.seconds for file in report.files] == [0.5, 0.5]
    assert report.exit_code == 1
    assert not report.stopped
    assert seen == [ImportProgress(str(json_file), 119, 119, 5), ImportProgress(str(csv_file), 60, 60, 2)]


async def test_importing_again_changes_nothing(json_file: Path, csv_file: Path) -> None:
    catalogue = Catalogue()
    await import_files(catalogue, json_file, csv_file)

    report, _ = await import_files(catalogue, json_file, csv_file)

    assert (report.total.created, report.total.updated, report.total.unchanged) == (0, 0, 4)
    assert list(report.summary_lines())[-1] == "Nothing changed."


async def test_strict_writes_what_stands_before_the_first_fault_and_nothing_after_it(
    json_file: Path, csv_file: Path
) -> None:
    catalogue = Catalogue()

    report, _ = await import_files(catalogue, json_file, csv_file, strict=True)

    assert [draft.name for draft in catalogue.stored.values()] == ["A"]
    assert [file.file for file in report.files] == [str(json_file)]
    assert report.fault_count == 1
    assert report.stopped
    assert report.exit_code == 1


async def test_strict_stops_after_the_batch_that_the_catalogue_finds_fault_with(tmp_path: Path, csv_file: Path) -> None:
    path = tmp_path / "many.jsonl"
    path.write_text("".join(f'{{"name": "{n}", "price": 1}}\n' for n in range(2_500)))
    catalogue = Catalogue(refused=frozenset({"7"}))

    report, _ = await import_files(catalogue, path, csv_file, strict=True)

    assert catalogue.batches == [1_000]
    assert (report.total.created, report.total.skipped, report.stopped) == (999, 1, True)
    assert list(report.fault_lines()) == [f"{path}:8: sku: is taken"]


async def test_what_the_catalogue_refuses_counts_as_skipped(json_file: Path) -> None:
    report, _ = await import_files(Catalogue(refused=frozenset({"C"})), json_file)

    assert (report.total.created, report.total.skipped, report.fault_count) == (2, 3, 3)


async def test_batches_hold_a_thousand_products_at_most_and_never_span_files(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    path.write_text("".join(f'{{"name": "{n}", "price": 1}}\n' for n in range(2_000)))
    other = tmp_path / "few.jsonl"
    other.write_text('{"name": "0", "price": 2}\n')
    catalogue = Catalogue()

    report, seen = await import_files(catalogue, path, other)

    assert catalogue.batches == [1_000, 1_000, 1]
    assert report.files[1].updated == 1  # the same product, with another price
    assert [progress.products for progress in seen] == [*range(200, 2_001, 200), 2_000, 1]


async def test_batches_of_large_products_are_smaller(tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    row = json.dumps({"name": "A", "price": 1, "description": f"<p>{' ' * 999_000}</p>"})
    path.write_text(f"{row}\n" * 20)
    catalogue = Catalogue()

    await import_files(catalogue, path)

    assert sum(catalogue.batches) == 20
    assert max(catalogue.batches) == -(-BATCH_BYTES // (len(row) + 1))


async def test_a_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    path.write_text("".join(f'{{"name": "{n}", "price": 1, "description": "{"x" * 5_000}"}}\n' for n in range(6_000)))

    async def write(drafts: Sequence[ProductDraft]) -> ImportOutcome:
        return ImportOutcome(len(drafts), 0, 0, ())

    importer = ImportCatalog(write, frozenset({"USD"}), Currency("USD"))
    tracemalloc.start()

    report = await importer([path], dry_run=False, strict=False, report_progress=lambda progress: None)

    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.total.created == 6_000
    assert peak_bytes < path.stat().st_size // 2  # two batches: one being written while the next is read


async def test_a_file_that_cannot_be_read_is_said_and_the_others_land(json_file: Path, tmp_path: Path) -> None:
    header = tmp_path / "header.csv"
    header.write_text("Handle,Title\n")
    catalogue = Catalogue()

    report, _ = await import_files(catalogue, tmp_path / "missing.csv", tmp_path, header, json_file)

    assert list(report.fault_lines())[:3] == [
        f"{tmp_path / 'missing.csv'}: no such file",
        f"{tmp_path}: is a directory",
        f"{header}: has a header and no products",
    ]
    assert [file.readable for file in report.files] == [False, False, False, True]
    assert len(catalogue.stored) == 3
    assert report.exit_code == 1


async def test_strict_reads_nothing_where_a_file_cannot_be_read(json_file: Path, tmp_path: Path) -> None:
    catalogue = Catalogue()

    report, _ = await import_files(catalogue, json_file, tmp_path / "missing.csv", strict=True)

    assert catalogue.batches == []
    assert list(report.fault_lines()) == [f"{tmp_path / 'missing.csv'}: no such file"]
    assert report.stopped
    assert report.exit_code == 2


async def test_nothing_readable_is_exit_code_two(tmp_path: Path) -> None:
    report, seen = await import_files(Catalogue(), tmp_path / "missing.csv")

    assert (report.exit_code, seen, list(report.summary_lines())) == (2, [], [])


async def test_a_dry_run_writes_through_the_same_door_and_says_so(json_file: Path) -> None:
    catalogue = Catalogue()

    report, _ = await import_files(catalogue, json_file, dry_run=True)

    assert catalogue.batches == [3]
    assert list(report.summary_lines())[-1] == "This was a dry run: nothing was written."


async def test_a_catalogue_that_fails_ends_the_import(json_file: Path) -> None:
    async def write(drafts: Sequence[ProductDraft]) -> ImportOutcome:
        raise ConnectionError

    importer = ImportCatalog(write, frozenset({"USD"}), Currency("USD"))

    with pytest.raises(ConnectionError):
        await importer([json_file], dry_run=False, strict=False, report_progress=lambda progress: None)
