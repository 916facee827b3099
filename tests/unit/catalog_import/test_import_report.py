from __future__ import annotations

from app.catalog.domain import DraftFault
from app.catalog_import.report import FileReport, ImportReport


def test_the_summary_has_a_line_a_file_and_one_in_all() -> None:
    report = ImportReport(
        dry_run=False,
        files=[
            FileReport("a.jsonl", products=3_300, created=3_291, skipped=9, seconds=4.12),
            FileReport("b.csv", products=20, updated=2, unchanged=15, left_out=3, seconds=0.04),
        ],
    )

    assert list(report.summary_lines()) == [
        "a.jsonl: 3,291 created, 0 updated, 0 unchanged, 9 skipped, 4.1 s",
        "b.csv: 0 created, 2 updated, 15 unchanged, 0 skipped, 3 not published and left out, 0.0 s",
        "In all: 3,291 created, 2 updated, 15 unchanged, 9 skipped, 3 not published and left out, 4.2 s",
    ]


def test_one_file_needs_no_line_for_all() -> None:
    report = ImportReport(dry_run=False, files=[FileReport("a.jsonl", products=2, created=2)])

    assert list(report.summary_lines()) == ["a.jsonl: 2 created, 0 updated, 0 unchanged, 0 skipped, 0.0 s"]


def test_an_import_without_effect_says_that_nothing_changed() -> None:
    files = [FileReport("a.jsonl", products=2, unchanged=2)]

    assert list(ImportReport(dry_run=False, files=files).summary_lines())[-1] == "Nothing changed."
    assert list(ImportReport(dry_run=True, files=files).summary_lines())[-1] == "Nothing would change."


def test_a_dry_run_speaks_of_what_would_be() -> None:
    report = ImportReport(dry_run=True, files=[FileReport("a.jsonl", products=2, created=1, updated=1)])

    assert list(report.summary_lines()) == [
        "a.jsonl: 1 would be created, 1 would be updated, 0 unchanged, 0 skipped, 0.0 s",
        "This was a dry run: nothing was written.",
    ]


def test_faults_are_shown_up_to_fifty_and_then_counted() -> None:
    report = ImportReport(dry_run=False)

    report.add_faults(DraftFault(f"a.jsonl:{line}", "price", "missing") for line in range(1, 1_053))
    shown = list(report.fault_lines())

    assert report.fault_count == 1_052
    assert len(report.faults) == 50
    assert shown[0] == "a.jsonl:1: price: missing"
    assert shown[49:] == ["a.jsonl:50: price: missing", "and 1,002 more"]


def test_a_fault_of_a_whole_file_has_no_field() -> None:
    report = ImportReport(dry_run=False)

    report.add_faults([DraftFault("a.csv", "", "is empty")])

    assert list(report.fault_lines()) == ["a.csv: is empty"]


def test_nothing_from_a_file_reaches_the_terminal_as_a_command() -> None:
    report = ImportReport(dry_run=False, files=[FileReport("a\x1b[2J.jsonl", products=1, created=1)])

    report.add_faults([DraftFault("a.jsonl:1", "tags\r", "\x1b]0;owned\x07 \u202e")])

    assert list(report.fault_lines()) == [r"a.jsonl:1: tags\r: \x1b]0;owned\x07 \u202e"]
    assert next(iter(report.summary_lines())).startswith(r"a\x1b[2J.jsonl: ")


def test_the_exit_code_tells_all_from_some_from_nothing() -> None:
    landed = ImportReport(dry_run=False, files=[FileReport("a.jsonl", products=1, left_out=1)])
    some = ImportReport(dry_run=False, files=[FileReport("a.jsonl", skipped=1), FileReport("b", readable=False)])
    nothing = ImportReport(dry_run=False, files=[FileReport("b", readable=False)])
    for report in (some, nothing):
        report.add_faults([DraftFault("b", "", "no such file")])

    assert [report.exit_code for report in (landed, some, nothing)] == [0, 1, 2]
