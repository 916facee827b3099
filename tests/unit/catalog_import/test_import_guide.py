"""The guide is read by people who then write files: its examples and its table are held to the code."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.catalog.domain import ProductDraft
from app.catalog_import.reading import Item
from app.catalog_import.rows import ProductRow
from app.catalog_import.shopify_columns import Columns

Read = Callable[..., list[Item]]
GUIDE = (Path(__file__).parents[3] / "docs" / "guides" / "import.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


def rows_of_table(header: str) -> list[list[str]]:
    table = GUIDE[GUIDE.index(header) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_every_json_example_is_a_product(read_json: Read) -> None:
    examples = blocks("jsonl")

    items = [item for example in examples for item in read_json(*example.splitlines())]

    assert len(examples) == 4
    assert [item.name for item in items if isinstance(item, ProductDraft)] == [
        "Trail Mug",
        "Trail Mug",
        "Coast Path Route Pack",
        "Engraved Compass",
        "Trail Mug",
    ]
    assert len(items) == 5


def test_the_csv_example_is_one_product_with_two_variants_and_two_pictures(read_csv: Read) -> None:
    [example] = blocks("csv")

    [draft] = read_csv(example)

    assert isinstance(draft, ProductDraft)
    assert [variant.sku for variant in draft.variants] == ["MUG-BLUE", "MUG-GREEN"]
    assert len(draft.images) == 2


def test_the_table_has_every_field_and_no_other() -> None:
    named = [name for row in rows_of_table("| field | type |") for name in re.findall(r"`(\w+)`", row[0])]

    assert sorted(named) == sorted(field.encode_name for field in msgspec.structs.fields(ProductRow))


def test_every_column_in_the_guide_is_read() -> None:
    exports, templates = set(), set()
    for export, template, _ in rows_of_table("| column | column of the template |"):
        names = re.findall(r"`([^`]+)`", export)
        exports |= set(names)
        templates |= set(names if template == "the same" else re.findall(r"`([^`]+)`", template))
    for names in (exports, templates):
        known = Columns.find(sorted(names))
        assert known is not None
        unread = {name for at, name in enumerate(sorted(names)) if at not in known.positions.values()}
        assert {name for name in unread if "metafields" not in name} == set()


def test_the_faults_in_the_guide_are_the_ones_that_are_said(read_json: Read, read_csv: Read) -> None:
    said = blocks("text")[0].splitlines()
    items = [
        *read_json('{"name": "A", "price": 12.999}'),
        *read_json('{"name": "A", "prise": 1}'),
        *read_csv("Handle,Title\na,A\n"),
    ]

    faults = [item.faults[0] for item in items if not isinstance(item, ProductDraft)]
    assert [line.partition(": ")[2] for line in said] == [f"{fault.field}: {fault.reason}" for fault in faults]
