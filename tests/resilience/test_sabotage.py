"""The sabotages are up to date and told of; two are tried, the others by `python -m tests.resilience.sabotage`."""

from __future__ import annotations

import pytest

from tests.conftest import REPOSITORY
from tests.resilience.sabotage import SABOTAGES, Sabotage, sabotage

TRIED = ("each call of a charge has a key of its own", "a silent provider is taken for a refusal")


def test_the_readme_tells_of_every_sabotage() -> None:
    text = (REPOSITORY / "tests" / "resilience" / "README.md").read_text()
    rows = [
        line.split("|")[1].strip() for line in text.partition("## Sabotage")[2].splitlines() if line.startswith("|")
    ]

    assert rows[2:] == [each.name for each in SABOTAGES]


@pytest.mark.parametrize("each", SABOTAGES, ids=lambda each: each.name.replace(" ", "-"))
def test_what_a_sabotage_changes_is_there(each: Sabotage) -> None:
    assert (REPOSITORY / each.file).read_text().count(each.old) == 1


@pytest.mark.parametrize("name", TRIED)
def test_a_sabotage_is_noticed(name: str) -> None:
    [chosen] = [each for each in SABOTAGES if each.name == name]

    assert sabotage(chosen) is None
