from __future__ import annotations

import pytest

from app.catalog_import.rows import Value, nearest_field, text_of


@pytest.mark.parametrize(
    ("unknown", "parent", "meant"),
    [
        ("prise", "", "price"),
        ("Price", "", "price"),
        ("compare_at_price", "", "compareAtPrice"),
        ("category", "", "categories"),
        ("title", "", "name"),
        ("quantity", "variants[3]", "stock"),
        ("title", "variants[3]", None),
        ("option", "variants[3]", "options"),
        ("titel", "seo", "title"),
        ("href", "images[0]", None),
        ("URL", "variants[0].image", "url"),
        ("xyzzy", "", None),
    ],
)
def test_an_unknown_field_is_told_the_nearest_one_of_its_object(unknown: str, parent: str, meant: str | None) -> None:
    assert nearest_field(unknown, parent) == meant


@pytest.mark.parametrize(
    ("value", "text"), [("8,5", "8,5"), (42, "42"), (8.5, "8.5"), (1e-7, "0.0000001"), (1e21, "1000000000000000000000")]
)
def test_numbers_are_written_out(value: Value, text: str) -> None:
    assert text_of(value) == text
