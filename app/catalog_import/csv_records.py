"""Records of a CSV file (RFC 4180), one at a time, none larger than 1 MiB in memory.

A quoted field may hold line ends, so a record may take several lines: lines are gathered until no quotation mark is
open, and the standard library's reader then splits that one record. A record that cannot be split is reported alone,
and reading goes on behind it. Bytes that are not UTF-8 come out as lone surrogates, for the checks to find.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.catalog_import.lines import MAX_LINE_BYTES, Line

_QUOTED_FIELD = re.compile(r'(?:^|(?<=,))"(?:[^"]|"")*+("?)')  # a mark inside an unquoted field (5" pipe) opens nothing
_REST_OF_FIELD = re.compile(r'(?:[^"]|"")*+("?)')


@dataclass(frozen=True, slots=True)
class Record:
    """One record. line: its first line; fields: empty where it cannot be read, and then reason says why."""

    line: int
    fields: tuple[str, ...]
    reason: str | None = None


def read_records(lines: Iterable[Line]) -> Iterator[Record]:
    """All records; a line with nothing on it is none."""
    gathered = _Gathered(0)
    for line in lines:
        if not gathered.open:
            gathered = _Gathered(line.number)
        gathered.add(line)
        if not gathered.open and gathered.size_bytes:
            yield gathered.record()
    if gathered.open:
        yield Record(gathered.line, (), "a quotation mark opens here and nothing closes it; the rest was not read")


class _Gathered:
    """The lines of one record so far."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.open = False
        self.size_bytes = 0
        self._texts: list[str] = []

    def add(self, line: Line) -> None:
        if line.content is None:
            self.open ^= line.quotes % 2 == 1
            self.size_bytes += MAX_LINE_BYTES + 1
        else:
            text = line.content.decode(errors="surrogateescape")
            self.open = _open_after(text, self.open)
            self.size_bytes += len(line.content)
            self._texts.append(text)
        if self.size_bytes > MAX_LINE_BYTES:
            self._texts.clear()

    def record(self) -> Record:
        if self.size_bytes > MAX_LINE_BYTES:
            return Record(self.line, (), f"is longer than {MAX_LINE_BYTES} bytes")
        try:
            return Record(self.line, tuple(next(csv.reader(["\n".join(self._texts)]))))
        except csv.Error as error:
            bare = "new-line character" in str(error)  # the rest of that message is advice for programmers
            reason = "a carriage return stands alone outside quotation marks" if bare else str(error)
            return Record(self.line, (), f"is not valid CSV: {reason}")


def _open_after(text: str, open_before: bool) -> bool:
    if '"' not in text:
        return open_before
    position = 0
    if open_before:
        rest = _REST_OF_FIELD.match(text)
        if rest is None or not rest[1]:
            return True
        position = rest.end()
    return any(not field[1] for field in _QUOTED_FIELD.finditer(text, position))
