from __future__ import annotations

import io

import pytest

from app.catalog_import.progress import shown_progress
from app.catalog_import.report import ImportProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_off_a_terminal_a_file_says_little_and_in_plain_lines() -> None:
    stream = io.StringIO()

    with shown_progress(stream) as report:
        for percent in range(0, 101, 5):
            report(ImportProgress("a.jsonl", percent * 20, 2_000, percent * 30))

    assert stream.getvalue().splitlines() == [
        "a.jsonl: 25 % read, 750 products",
        "a.jsonl: 50 % read, 1,500 products",
        "a.jsonl: 75 % read, 2,250 products",
        "a.jsonl: 100 % read, 3,000 products",
    ]


def test_on_a_terminal_each_file_has_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()

    with shown_progress(stream) as report:
        report(ImportProgress("a[b].jsonl", 500, 1_000, 10))
        report(ImportProgress("b.csv", 1_000, 1_000, 20))

    assert "a[b].jsonl" in stream.getvalue()
    assert "b.csv" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K")  # the last line is erased


def test_an_empty_file_divides_by_nothing() -> None:
    stream = io.StringIO()

    with shown_progress(stream) as report:
        report(ImportProgress("a.jsonl", 0, 0, 0))

    assert stream.getvalue() == ""
