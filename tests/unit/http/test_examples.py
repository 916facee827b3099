"""The example documents, which are the explorer's tabs: valid, in order, and with nothing to copy by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate
from graphql.language import OperationDefinitionNode

CHECKOUT = Path(__file__).resolve().parents[3]
DOCUMENTS = sorted((CHECKOUT / "docs" / "examples").glob("*.graphql"))
SCHEMA = build_schema((CHECKOUT / "schema.graphql").read_text())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_an_example_is_valid(document: Path) -> None:
    assert [error.message for error in validate(SCHEMA, parse(document.read_text()))] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_an_example_has_the_variables_that_it_declares(document: Path) -> None:
    (operation,) = parse(document.read_text()).definitions
    assert isinstance(operation, OperationDefinitionNode)
    declared = {variable.variable.name.value for variable in operation.variable_definitions or ()}

    given = document.with_suffix(".json")

    assert set(json.loads(given.read_text()) if given.exists() else {}) == declared


def test_the_first_example_has_no_variables_because_the_explorer_would_not_show_them() -> None:
    assert not DOCUMENTS[0].with_suffix(".json").exists()


def test_the_examples_say_where_in_the_order_they_are() -> None:
    for number, document in enumerate(DOCUMENTS, start=1):
        assert document.name.startswith(f"{number:02}-")
        assert document.read_text().startswith(f"# {number} of {len(DOCUMENTS)} · ")


def test_every_placeholder_is_one_that_the_explorer_fills_from_a_tab_before() -> None:
    source = (CHECKOUT / "web" / "src" / "remembered.js").read_text()
    giver_of = dict(re.findall(r"^  (\w+): '(\w+)',$", source, re.MULTILINE))
    operation = re.compile(r"^(?:query|mutation|subscription) (\w+)", re.MULTILINE)
    titles = [operation.findall(document.read_text())[0] for document in DOCUMENTS]

    for number, document in enumerate(DOCUMENTS):
        variables = document.with_suffix(".json")
        names = re.findall(r'"<(\w+)>"', variables.read_text()) if variables.exists() else []
        for name in names:
            assert name == "newKey" or giver_of[name] in titles[:number], f"{variables.name}: <{name}>"
