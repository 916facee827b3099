"""The guide is read by people who then write files: each of its examples is imported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.terms_import.amounts import ShopFacts
from tests.unit.terms_import.test_terms_entries import imported

FACTS = ShopFacts("USD", frozenset({"USD", "EUR", "JPY"}), frozenset({"US", "CA", "DE"}))

GUIDE = (Path(__file__).parents[3] / "docs" / "guides" / "terms.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.partition(":")[0])
async def test_every_example_is_imported_whole(tmp_path: Path, example: str) -> None:
    _, report = await imported(tmp_path, example, facts=FACTS)

    assert report.faults == ()
    assert report.changed + report.unchanged == len(re.findall(r"^  - ", example, re.MULTILINE))


def test_every_section_has_an_example() -> None:
    assert [text.partition(":")[0] for text in EXAMPLES] == ["delivery", "taxes", "prices", "promotions"]
