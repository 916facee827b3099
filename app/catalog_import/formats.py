"""Recognise a file: by what it holds first, by the end of its name second.

A file that cannot be read at all gives one line that says why and what to do, never a fault a row.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.catalog_import.csv_records import read_records
from app.catalog_import.jsonl import read_jsonl
from app.catalog_import.lines import Line, Lines
from app.catalog_import.reading import Currencies, Item
from app.catalog_import.shopify_csv import is_header, read_shopify_csv
from app.core.errors import InvalidInput

_JSON_NAMES = (".jsonl", ".ndjson", ".json")
_CSV_NAMES = (".csv",)
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Reader(Protocol):
    """Reads one format."""

    def __call__(self, lines: Lines, *, currencies: Currencies) -> Iterator[Item]:
        """The products among the lines, read as they are asked for."""
        ...


class UnreadableFile(InvalidInput):
    """A file from which nothing can be imported; the message says why."""


@dataclass(frozen=True, slots=True)
class OpenCatalog:
    """An open file. items: one a product, read as they are asked for; lines: how far reading has come."""

    lines: Lines
    items: Iterator[Item]


@contextmanager
def open_catalog(path: Path, currencies: Currencies) -> Iterator[OpenCatalog]:
    """The products of a file in any format that we know.

    Raises UnreadableFile when it is missing, no file, empty or of no such format.
    """
    read = recognise(path)
    with path.open("rb") as stream:
        lines = Lines(stream, name=str(path), size_bytes=path.stat().st_size)
        yield OpenCatalog(lines, read(lines, currencies=currencies))


def recognise(path: Path) -> Reader:
    """The reader for a file.

    Raises UnreadableFile like `open_catalog`.
    """
    try:
        if path.is_dir():
            raise UnreadableFile("is a directory")
        if path.exists() and not path.is_file():
            raise UnreadableFile("is not a regular file")
        with path.open("rb") as stream:
            return _recognise(Lines(stream, name=str(path), size_bytes=0), path.suffix.casefold())
    except FileNotFoundError:
        raise UnreadableFile("no such file") from None
    except OSError as error:
        raise UnreadableFile(f"cannot be opened: {error.strerror}") from error


def _recognise(lines: Lines, suffix: str) -> Reader:
    first = next((line for line in lines if line.content is None or line.content.strip()), None)
    if first is None:
        raise UnreadableFile("is empty")
    start = (first.content or b"").lstrip()
    if start.startswith(_PACKED):
        raise UnreadableFile("is compressed or a spreadsheet: unpack it, or save it as CSV")
    if start.startswith(_WIDE):
        raise UnreadableFile("is UTF-16: save it as UTF-8")
    if start.startswith(b"["):
        raise UnreadableFile(f"is a JSON array: write one object a line, as with jq -c '.[]' {lines.name}")
    if start == b"{":
        raise UnreadableFile(f"is one JSON object on many lines: write it on one, as with jq -c . {lines.name}")
    if start.startswith(b"{") or (suffix in _JSON_NAMES and not _is_export(first)):
        return read_jsonl
    if _is_export(first):
        return read_shopify_csv
    if suffix in _CSV_NAMES:
        raise UnreadableFile(_no_export(start))
    raise UnreadableFile("is neither JSON Lines (.jsonl) nor Shopify's product CSV (.csv)")


def _is_export(first: Line) -> bool:
    return any(is_header(record.fields) for record in read_records([first]))


def _no_export(header: bytes) -> str:
    for separator, name in ((b";", "semicolons"), (b"\t", "tabs")):
        if separator in header and b"," not in header:
            return f"separates its columns by {name}: save it with commas"
    return "lacks the columns Handle and Title: the only CSV that can be imported is Shopify's product export"
