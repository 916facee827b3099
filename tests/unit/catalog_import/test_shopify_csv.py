from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from app.catalog.domain import ProductDraft
from app.catalog_import.reading import Item, LeftOut, Rejection

Read = Callable[..., list[Item]]
Faults = Callable[[list[Item]], list[str]]


def names(items: list[Item]) -> list[str]:
    return [item.name for item in items if isinstance(item, ProductDraft)]


def test_rows_belong_together_while_the_handle_stays(read_csv: Read) -> None:
    items = read_csv(
        "Handle,Title,Variant Price,Option1 Name,Option1 Value\r\n"
        "mug,Mug,1,Size,S\r\n"
        "mug,,2,,M\r\n"
        ",,3,,L\r\n"  # without a handle: the product above goes on
        ",,,,\r\n"
        "\r\n"
        "map,Map,4,,\r\n"
    )

    assert names(items) == ["Mug", "Map"]
    assert [len(item.variants) for item in items if isinstance(item, ProductDraft)] == [3, 1]
    assert [item.source for item in items if isinstance(item, ProductDraft)] == ["f:2", "f:7"]


def test_byte_order_mark_column_order_and_case_do_not_matter(read_csv: Read) -> None:
    [draft] = read_csv("\ufeffvariant price,TITLE,unknown,handle\n5,Mug,x,mug\n")

    assert isinstance(draft, ProductDraft)
    assert (draft.key, draft.name, draft.variants[0].price.minor) == ("mug", "Mug", 500)


def test_a_handle_that_comes_back_is_a_fault(read_csv: Read, faults: Faults) -> None:
    items = read_csv("Handle,Title,Variant Price\na,A,1\nb,B,1\na,,2\n")

    assert names(items) == ["A", "B"]
    assert "f:4: Handle: 'a' stands on line 2 already, away from these rows" in faults(items)


def test_a_title_without_a_handle_is_a_fault_of_its_own(read_csv: Read, faults: Faults) -> None:
    items = read_csv("Handle,Title,Variant Price\na,A,1\n,B,1\n,C,1\nd,D,1\n")

    assert names(items) == ["A", "D"]
    assert faults(items) == ["f:3: Handle: missing", "f:4: Handle: missing"]


def test_a_record_that_cannot_be_read_takes_the_product_above_it_along(read_csv: Read, faults: Faults) -> None:
    items = read_csv("Handle,Title,Variant Price\na,A,1\nb,B,1\nb,,2,surplus\nc,C,1\n")

    assert names(items) == ["A", "C"]
    assert faults(items) == [
        "f:4: record: has 4 fields under 3 columns; it may belong to the product above it, which is left out too"
    ]


def test_a_record_that_cannot_be_read_below_the_header_takes_nothing_along(read_csv: Read, faults: Faults) -> None:
    items = read_csv("Handle,Title,Variant Price\na,A,1,surplus\nb,B,1\n")

    assert names(items) == ["B"]
    assert faults(items) == ["f:2: record: has 4 fields under 3 columns"]


def test_empty_fields_beyond_the_header_and_missing_ones_at_its_end_do_no_harm(read_csv: Read) -> None:
    items = read_csv("Handle,Title,Variant Price,Vendor\na,A,1,,,,\nb,B,2\n")

    assert names(items) == ["A", "B"]


def test_a_product_of_more_than_a_thousand_rows_is_refused_without_being_kept(read_csv: Read, faults: Faults) -> None:
    rows = "".join(f"a,{'' if row else 'A'},{row}\n" for row in range(20_000))
    content = f"Handle,Title,Variant Price\n{rows}b,B,1\n".encode()
    tracemalloc.start()

    items = read_csv(content)

    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert faults(items) == ["f:2: record: more than 1000 of them for one product"]
    assert names(items) == ["B"]
    assert peak_bytes < 2_000_000


def test_a_thousand_broken_records_of_one_product_are_said_and_no_more(read_csv: Read, faults: Faults) -> None:
    items = read_csv("Handle,Title,Variant Price\na,A,1\n" + "a,,1,surplus\n" * 5_000)

    assert len(items) == 1
    assert len(faults(items)) == 1_000


def test_a_file_without_the_columns_gives_nothing(read_csv: Read) -> None:
    assert read_csv("name,price\nA,1\n") == []
    assert read_csv("") == []


CELLS = st.sampled_from(["", "a", "b", "Title", "Default Title", "S", "1", "-1", "9.99", "1,000.50", "x" * 70, "true"])
CELLS |= st.text(st.sampled_from(list("a1.,;-\"'\r\n\0\x1b<&é\u200b\ud800\udcff")), max_size=5)
HEADER = "Handle,Title,Body (HTML),Tags,Published,Status,Option1 Name,Option1 Value,Variant SKU,Variant Grams,"
HEADER += "Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,"
HEADER += "Variant Compare At Price,Image Src"


@given(rows=st.lists(st.lists(CELLS, max_size=16), max_size=6))
def test_no_cells_whatever_fail_otherwise_than_by_a_fault(rows: list[list[str]], read_csv: Read) -> None:
    written = io.StringIO()
    csv.writer(written).writerows([HEADER.split(","), *rows])

    for item in read_csv(written.getvalue().encode(errors="surrogatepass")):
        assert isinstance(item, ProductDraft | LeftOut) or (isinstance(item, Rejection) and item.faults)
