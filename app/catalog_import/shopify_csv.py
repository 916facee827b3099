"""Read Shopify's product CSV: several rows a product, in the column sets of all its exports.

record -> cells of the columns that we use -> the rows of one product, gathered while the handle stays -> draft

Shopify gives a product's own values in its first row only; later rows hold a variant, a picture, or both. All rows of
a product follow one another. A record that cannot be read may belong to the product above it, so that one is rejected
too: landing without one of its variants would take it off sale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.catalog.domain import DraftFault
from app.catalog_import.csv_records import Record, read_records
from app.catalog_import.identity import Keys
from app.catalog_import.lines import Lines
from app.catalog_import.reading import Currencies, Item
from app.catalog_import.shopify_columns import Columns, Row
from app.catalog_import.shopify_product import MAX_ROWS, ProductRows, item_of


def read_shopify_csv(lines: Lines, *, currencies: Currencies) -> Iterator[Item]:
    """One item for every product below the header; none where the first record is no header of a product export."""
    records = read_records(lines)
    header = next(records, None)
    columns = Columns.find(header.fields) if header else None
    if columns is None:
        return
    keys = Keys()
    for product in _products(records, columns, lines):
        yield item_of(product, keys=keys, currencies=currencies)


def is_header(titles: Sequence[str]) -> bool:
    """Whether these are the column titles of a product export."""
    return Columns.find(titles) is not None


def _products(records: Iterator[Record], columns: Columns, lines: Lines) -> Iterator[ProductRows]:
    product: ProductRows | None = None
    for record in records:
        row = Row(record.line, columns, record.fields)
        reason = record.reason or _misfit(row)
        if reason is None and row.is_empty():
            continue
        if reason is not None and product is not None:
            reason += "; it may belong to the product above it, which is left out too"
        if product is None or (reason is None and _starts_another(row, product)):
            if product is not None:
                yield product
            product = ProductRows(columns, lines, record.line, "" if reason else row["handle"])
        if reason is None and len(product.rows) <= MAX_ROWS:
            product.rows.append(row)
        elif reason is not None and len(product.faults) < MAX_ROWS:
            product.faults.append(DraftFault(lines.source(record.line), "record", reason))
    if product is not None:
        yield product


def _starts_another(row: Row, product: ProductRows) -> bool:
    handle = row["handle"]
    if not handle:  # the row continues the product above it, or lacks the handle of its own
        return bool(row["title"])
    return handle != product.handle


def _misfit(row: Row) -> str | None:
    expected = len(row.columns.titles)
    if any(row.fields[expected:]):
        return f"has {len(row.fields)} fields under {expected} columns"
    return None
