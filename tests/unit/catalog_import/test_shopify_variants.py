from __future__ import annotations

from collections.abc import Callable

import pytest

from app.catalog.domain import ProductDraft, SelectedOption, VariantDraft
from app.catalog_import.reading import Item
from app.core.stock import StockPolicy

Read = Callable[..., list[Item]]
Faults = Callable[[list[Item]], list[str]]


def variants_of(items: list[Item]) -> tuple[VariantDraft, ...]:
    [draft] = items
    assert isinstance(draft, ProductDraft)
    return draft.variants


@pytest.mark.parametrize(
    ("cell", "currency", "minor"),
    [
        ("50", "USD", 5_000),
        ("9.9", "USD", 990),
        ("9.90", "USD", 990),
        ("0", "USD", 0),
        ('"1,299.50"', "USD", 129_950),
        ('"1,299"', "USD", 129_900),
        ('"12,345,678.00"', "USD", 1_234_567_800),
        ("1500.00", "JPY", 1_500),
        ("1.250", "KWD", 1_250),
    ],
)
def test_a_price_is_read_exactly(cell: str, currency: str, minor: int, read_csv: Read) -> None:
    [variant] = variants_of(read_csv(f"Handle,Title,Variant Price\na,A,{cell}\n", currency))

    assert (variant.price.minor, variant.price.currency) == (minor, currency)


@pytest.mark.parametrize(
    ("cell", "currency", "reason"),
    [
        ("", "USD", "missing"),
        ("-5", "USD", "-5 is negative"),
        ("$5", "USD", "'$5' is not a number such as 1299.00"),
        ('"9,99"', "USD", "'9,99' is not a number such as 1299.00"),
        ('"1.299,00"', "USD", "'1.299,00' is not a number such as 1299.00"),
        ('"1,299"', "KWD", "'1,299' is not a number such as 1299.00"),
        ("NaN", "USD", "'NaN' is not a number such as 1299.00"),
        ("1e3", "USD", "'1e3' is not a number such as 1299.00"),
        ("٣", "USD", "'٣' is not a number such as 1299.00"),
        ("9.999", "USD", "9.999 has more than 2 decimal places, which USD does not have"),
        ("99999999999999", "USD", "99999999999999 is out of range"),
    ],
)
def test_what_is_no_price_is_a_fault(cell: str, currency: str, reason: str, read_csv: Read, faults: Faults) -> None:
    assert faults(read_csv(f"Handle,Title,Variant Price\na,A,{cell}\n", currency)) == [f"f:2: Variant Price: {reason}"]


@pytest.mark.parametrize(("compare_at", "kept"), [("12", 1_200), ("10", None), ("8", None), ("0", None), ("", None)])
def test_a_compare_at_price_is_kept_only_above_the_price(compare_at: str, kept: int | None, read_csv: Read) -> None:
    [variant] = variants_of(read_csv(f"Handle,Title,Variant Price,Variant Compare At Price\na,A,10,{compare_at}\n"))

    assert (variant.compare_at and variant.compare_at.minor) == kept


@pytest.mark.parametrize(
    ("cells", "policy", "on_hand"),
    [
        (",7,deny", StockPolicy.UNTRACKED, 0),
        (",-7,continue", StockPolicy.UNTRACKED, 0),
        ("shopify,7,deny", StockPolicy.DENY, 7),
        ("shopify,7.0,", StockPolicy.DENY, 7),
        ("shopify,,DENY", StockPolicy.DENY, 0),
        ("shopify,7,continue", StockPolicy.BACKORDER, 7),
        ("shopify,-7,CONTINUE", StockPolicy.BACKORDER, 0),
    ],
)
def test_stock_is_counted_where_there_is_a_tracker(
    cells: str, policy: StockPolicy, on_hand: int, read_csv: Read
) -> None:
    header = "Handle,Title,Variant Price,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy"

    [variant] = variants_of(read_csv(f"{header}\na,A,1,{cells}\n"))

    assert (variant.stock_policy, variant.on_hand) == (policy, on_hand)


@pytest.mark.parametrize(
    ("column", "cell", "fault"),
    [
        ("Variant Inventory Qty", "-1", "-1 is not between 0 and 2147483647"),
        ("Variant Inventory Qty", "2147483648", "2147483648 is not between 0 and 2147483647"),
        ("Variant Inventory Qty", "many", "'many' is not a number such as 1299.00"),
        ("Variant Inventory Policy", "maybe", "'maybe' is neither deny nor continue"),
        ("Variant Grams", "-1", "-1 is not between 0 and 2147483647"),
        ("Variant Compare At Price", "-1", "-1 is negative"),
        ("Variant SKU", "x" * 65, "has 65 characters, 64 are the most"),
        ("Variant Image", "x", "'x' is not an http or https address"),
        ("Variant Requires Shipping", "perhaps", "'perhaps' is not true or false"),
    ],
)
def test_a_bad_value_in_any_row_keeps_the_product_out_and_names_the_row(
    column: str, cell: str, fault: str, read_csv: Read, faults: Faults
) -> None:
    items = read_csv(
        f"Handle,Title,Variant Price,Option1 Name,Option1 Value,Variant Inventory Tracker,{column}\n"
        f"a,A,1,Size,S,shopify,\na,,1,,M,shopify,{cell}\nb,B,1,,,,\n"
    )

    assert faults(items) == [f"f:3: {column}: {fault}"]
    assert [item.name for item in items if isinstance(item, ProductDraft)] == ["B"]


def test_title_with_default_title_means_no_options(read_csv: Read) -> None:
    header = "Handle,Title,Option1 Name,Option1 Value,Variant Price"

    [variant] = variants_of(read_csv(f"{header}\na,A,Title,Default Title,1\n"))

    assert variant.selected_options == ()


def test_options_named_title_with_other_values_are_options(read_csv: Read) -> None:
    variants = variants_of(
        read_csv("Handle,Title,Option1 Name,Option1 Value,Variant Price\na,A,Title,Volume 1,1\na,,,Volume 2,1\n")
    )

    assert [variant.selected_options for variant in variants] == [
        (SelectedOption("Title", "Volume 1"),),
        (SelectedOption("Title", "Volume 2"),),
    ]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (["a,A,1,Size,S,,", "a,,1,,S,,"], "f:2: variants: two have the same options: 'S'"),
        (["a,A,1,Size,S,,X", "a,,1,,M,,X"], "f:2: variants: two have the same sku: 'X'"),
        (["a,A,1,Size,S,,", "a,,1,,,,"], "f:3: Option1 Value: missing"),
        (["a,A,1,,S,,"], "f:2: Option1 Name: missing"),
        (["a,A,1,Size,S,Size,"], "f:2: Option2 Name: 'Size' names another option already"),
        (["a,A,1,,,,", "a,,1,,,,"], "f:2: variants: two have no options"),
        ([f"a,{'' if n else 'A'},1,Size,{n},," for n in range(101)], "f:2: variants: 101 of them, 100 are the most"),
    ],
)
def test_variants_that_cannot_be_told_apart_are_a_fault(
    rows: list[str], fault: str, read_csv: Read, faults: Faults
) -> None:
    header = "Handle,Title,Variant Price,Option1 Name,Option1 Value,Option2 Name,Variant SKU"

    assert faults(read_csv("\n".join([header, *rows]))) == [fault]
