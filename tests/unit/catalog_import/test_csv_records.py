from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog_import.csv_records import Record, read_records
from app.catalog_import.lines import MAX_LINE_BYTES, Lines

CELLS = st.text(st.sampled_from(list("ab,\"' \n;é")), max_size=6)


def records_of(content: str | bytes) -> list[Record]:
    raw = content if isinstance(content, bytes) else content.encode()
    return list(read_records(Lines(io.BytesIO(raw), name="f", size_bytes=len(raw))))


def test_a_quoted_field_may_hold_line_ends_commas_and_quotation_marks() -> None:
    assert records_of('a,"b, ""c""\r\nd"\r\ne,f\r\n') == [Record(1, ("a", 'b, "c"\nd')), Record(3, ("e", "f"))]


def test_an_inch_mark_in_an_unquoted_field_opens_nothing() -> None:
    assert records_of('5" pipe,x\n3"" y,"z"\n') == [Record(1, ('5" pipe', "x")), Record(2, ('3"" y', "z"))]


def test_blank_lines_are_no_records() -> None:
    assert records_of("\na\n\r\nb\n\n") == [Record(2, ("a",)), Record(4, ("b",))]


def test_bytes_that_are_not_utf8_come_out_as_surrogates() -> None:
    assert records_of(b"a\xff\n") == [Record(1, ("a\udcff",))]


def test_quotation_marks_that_nothing_closes_end_the_file() -> None:
    assert records_of('a\nb,"c\nd\n') == [
        Record(1, ("a",)),
        Record(2, (), "a quotation mark opens here and nothing closes it; the rest was not read"),
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("x" * (MAX_LINE_BYTES + 1), "is longer than 1048576 bytes"),
        (f'"{"x" * MAX_LINE_BYTES}\nmore\n"', "is longer than 1048576 bytes"),
        ('"' + "x\n" * MAX_LINE_BYTES + '"', "is longer than 1048576 bytes"),
        ("x" * 131_073, "is not valid CSV: field larger than field limit (131072)"),
        ("a\rb", "is not valid CSV: a carriage return stands alone outside quotation marks"),
    ],
)
def test_reading_goes_on_behind_a_record_that_cannot_be_read(bad: str, reason: str) -> None:
    records = records_of(f"a\n{bad}\nb\n")

    assert [records[0].fields, records[-1].fields] == [("a",), ("b",)]
    assert len(records) == 3
    assert records[1] == Record(2, (), reason)


@given(
    table=st.lists(st.lists(CELLS, min_size=2, max_size=4).filter(any), max_size=8),
    ends=st.sampled_from(["\n", "\r\n"]),
)
def test_whatever_a_spreadsheet_writes_is_read_back(table: list[list[str]], ends: str) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator=ends).writerows(table)

    assert [list(record.fields) for record in records_of(written.getvalue())] == table


@given(content=st.text(st.sampled_from(list('ab,"\n\r')), max_size=60))
def test_records_are_those_of_the_standard_library_where_it_can_read_the_file(content: str) -> None:
    mine = records_of(content)
    if any(record.reason for record in mine) or "\r" in content.replace("\r\n", ""):
        return

    expected = [row for row in csv.reader(io.StringIO(content.replace("\r\n", "\n"), newline="")) if row]
    assert [list(record.fields) for record in mine] == expected
