"""Lines of a file, one at a time, none longer than 1 MiB in memory, with the count of bytes read for a progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

MAX_LINE_BYTES = 1_048_576  # a product with 100 variants and a 50,000-character description takes about a tenth of it
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # spreadsheets put it in front of UTF-8


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end. content is None where it is too long; quotes: how many `"` a line too long has."""

    number: int
    content: bytes | None
    quotes: int = 0


class Lines:
    """The lines of an open file. name: what messages call the file. size_bytes: of the whole file."""

    def __init__(self, stream: IO[bytes], *, name: str, size_bytes: int) -> None:
        self._stream = stream
        self._number = 0
        self.name = name
        self.size_bytes = size_bytes
        self.bytes_read = 0

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        """The next line, numbered from 1."""
        raw = self._read()
        if not raw:
            raise StopIteration
        self._number += 1
        if self._number == 1:
            raw = raw.removeprefix(_BYTE_ORDER_MARK)
        if len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
            return Line(self._number, None, quotes=self._skip(raw))
        return Line(self._number, raw.rstrip(b"\r\n"))

    def source(self, number: int) -> str:
        """Where a line is, for messages: `products.jsonl:12`."""
        return f"{self.name}:{number}"

    def _read(self) -> bytes:
        raw = self._stream.readline(MAX_LINE_BYTES + 1)
        self.bytes_read += len(raw)
        return raw

    def _skip(self, raw: bytes) -> int:
        quotes = raw.count(b'"')
        while raw and not raw.endswith(b"\n"):
            raw = self._read()
            quotes += raw.count(b'"')
        return quotes
