from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from app.catalog.domain import ProductDraft
from app.catalog_import.formats import UnreadableFile, open_catalog, recognise
from app.catalog_import.jsonl import read_jsonl
from app.catalog_import.reading import Currencies
from app.catalog_import.shopify_csv import read_shopify_csv
from app.core.money import Currency

CURRENCIES = Currencies(Currency("USD"), frozenset({"USD"}))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("products.jsonl", b'{"name": "A", "price": 1}\n'),
        ("products.ndjson", b'\xef\xbb\xbf\r\n{"name": "A", "price": 1}'),
        ("products.json", b"broken\n"),
        ("products.csv", b'{"name": "A", "price": 1}\n'),
        ("products", b'  {"name": "A", "price": 1}'),
    ],
)
def test_json_lines_are_known_by_an_opening_brace_or_their_name(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)

    assert recognise(tmp_path / name) is read_jsonl


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("shop.csv", b"Handle,Title,Variant Price\r\n"),
        ("SHOP.CSV", b'\xef\xbb\xbf"Title","URL handle"\n'),
        ("shop.txt", b"Handle,Title\n"),
        ("shop.json", b"Handle,Title\n"),
    ],
)
def test_an_export_is_known_by_its_columns(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)

    assert recognise(tmp_path / name) is read_shopify_csv


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.jsonl", b"", "is empty"),
        ("a.csv", b"\xef\xbb\xbf\n \n", "is empty"),
        ("a.txt", b"hello", "is neither JSON Lines (.jsonl) nor Shopify's product CSV (.csv)"),
        ("a.json", b'[\n{"name": "A"}]', "is a JSON array: write one object a line, as with jq -c '.[]' "),
        ("a.json", b'{\n"name": "A"}', "is one JSON object on many lines: write it on one, as with jq -c . "),
        ("a.csv", b"name,price\n", "lacks the columns Handle and Title: the only CSV that can be imported is"),
        ("a.csv", b"Handle;Title;Vendor\n", "separates its columns by semicolons: save it with commas"),
        ("a.csv", b"Handle\tTitle\n", "separates its columns by tabs: save it with commas"),
        ("a.csv", "Handle,Title".encode("utf-16"), "is UTF-16: save it as UTF-8"),
        ("a.xlsx", b"PK\x03\x04...", "is compressed or a spreadsheet: unpack it, or save it as CSV"),
        ("a.jsonl.gz", gzip.compress(b"{}"), "is compressed or a spreadsheet: unpack it, or save it as CSV"),
    ],
)
def test_a_file_of_no_known_format_says_so_in_one_line(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UnreadableFile) as caught, open_catalog(tmp_path / name, CURRENCIES):
        pass
    assert caught.value.message.startswith(reason)
    assert "\n" not in caught.value.message


def test_what_is_no_file_says_so(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for path, reason in [
        (tmp_path, "is a directory"),
        (tmp_path / "missing.csv", "no such file"),
        (tmp_path / "pipe", "is not a regular file"),
        (tmp_path / ("x" * 300), "cannot be opened: File name too long"),
    ]:
        with pytest.raises(UnreadableFile) as caught:
            recognise(path)
        assert caught.value.message == reason


def test_an_open_catalog_gives_products_and_how_far_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"name": "A", "price": 1}\n' * 2)

    with open_catalog(path, CURRENCIES) as catalog:
        first = next(catalog.items)
        assert isinstance(first, ProductDraft)
        assert first.source == f"{path}:1"
        assert (catalog.lines.bytes_read, catalog.lines.size_bytes) == (26, 52)
