from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from app.catalog_import.lines import MAX_LINE_BYTES, Line, Lines


def lines_of(content: bytes) -> Lines:
    return Lines(io.BytesIO(content), name="f.csv", size_bytes=len(content))


def test_line_ends_and_the_byte_order_mark_are_not_content() -> None:
    lines = lines_of(b"\xef\xbb\xbfone\r\ntwo\n\nfour")

    assert list(lines) == [Line(1, b"one"), Line(2, b"two"), Line(3, b""), Line(4, b"four")]
    assert lines.bytes_read == 17


def test_a_line_too_long_is_skipped_without_being_kept_and_counts_its_quotation_marks() -> None:
    content = b"a\n" + b'"' + b"x" * (3 * MAX_LINE_BYTES) + b'""\nb\n'
    lines = lines_of(content)

    assert list(lines) == [Line(1, b"a"), Line(2, None, quotes=3), Line(3, b"b")]
    assert lines.bytes_read == len(content)


def test_a_line_of_just_the_limit_is_read() -> None:
    longest = b"x" * MAX_LINE_BYTES

    assert list(lines_of(longest + b"\n" + longest)) == [Line(1, longest), Line(2, longest)]


def test_a_source_names_file_and_line() -> None:
    assert lines_of(b"").source(12) == "f.csv:12"


@given(st.lists(st.binary(max_size=20).map(lambda line: line.translate(None, b"\r\n"))))
def test_every_line_is_given_once_in_order(contents: list[bytes]) -> None:
    lines = list(lines_of(b"".join(b"%s\n" % content for content in [b"first", *contents])))

    assert [line.content for line in lines] == [b"first", *contents]
    assert [line.number for line in lines] == list(range(1, len(contents) + 2))
