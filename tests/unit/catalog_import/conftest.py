"""Reading text as if it were a file, and the real files where a checkout has them beside it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from app.catalog_import.jsonl import read_jsonl
from app.catalog_import.lines import Lines
from app.catalog_import.reading import Currencies, Item, Rejection
from app.catalog_import.shopify_csv import read_shopify_csv
from app.core.money import Currency

CURRENCIES = Currencies(Currency("USD"), frozenset({"USD", "EUR", "JPY", "KWD"}))
REAL_FILES = Path(__file__).parents[4] / "shared" / "data"

Read = Callable[..., list[Item]]


def lines_of(content: bytes, name: str = "f") -> Lines:
    return Lines(io.BytesIO(content), name=name, size_bytes=len(content))


@pytest.fixture(scope="session")
def read_json() -> Read:
    """Reads JSON lines, given one by one."""

    def read(*rows: str | bytes) -> list[Item]:
        content = b"\n".join(row if isinstance(row, bytes) else row.encode() for row in rows)
        return list(read_jsonl(lines_of(content), currencies=CURRENCIES))

    return read


@pytest.fixture(scope="session")
def read_csv() -> Read:
    """Reads a Shopify export, priced in US dollars unless told otherwise."""

    def read(content: str | bytes, currency: str = "USD") -> list[Item]:
        raw = content if isinstance(content, bytes) else content.encode()
        return list(read_shopify_csv(lines_of(raw), currencies=Currencies(Currency(currency), CURRENCIES.allowed)))

    return read


@pytest.fixture(scope="session")
def faults() -> Callable[[list[Item]], list[str]]:
    """All faults of the items, as an import prints them."""

    def said(items: list[Item]) -> list[str]:
        found = [fault for item in items if isinstance(item, Rejection) for fault in item.faults]
        return [f"{fault.source}: {fault.field}: {fault.reason}" for fault in found]

    return said


@pytest.fixture(scope="session")
def real_files() -> Path:
    """The folder of real catalogues."""
    if not REAL_FILES.is_dir():
        pytest.skip(f"needs the real catalogues in {REAL_FILES}, which this checkout does not have")
    return REAL_FILES
