from __future__ import annotations

import re

import pytest
from graphql import GraphQLError, parse

from resolvers.repetition import MAX_REPETITIONS, check_repetitions


@pytest.mark.parametrize(
    "document",
    [
        "{ " + "shop { name } " * MAX_REPETITIONS + "}",
        "{ " + "".join(f"a{number}: shop {{ name }} " for number in range(200)) + "}",
        "{ shop { " + " ".join(["name"] * MAX_REPETITIONS) + " } }",
        "{ "
        + "".join(f"a{number}: shop {{ name }} " for number in range(200))
        + "} fragment F on Query { shop { name } }",
        "query A { shop { name } } query B { shop { name } }",
    ],
)
def test_a_field_may_be_selected_50_times_in_one_place(document: str) -> None:
    check_repetitions(parse(document))

    assert MAX_REPETITIONS == 50


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("{ " + "shop { name } " * 51 + "}", "shop"),
        ("{ " + "a: shop { name } " * 51 + "}", "a"),
        ("{ shop { " + "name " * 51 + "} }", "name"),
        ("{ shop { name } } fragment F on Query { " + "shop { name } " * 51 + "}", "shop"),
        ("{ ... { " + "shop { name } " * 51 + "} }", "shop"),
        ("query A { shop { name } } query B { " + "shop { name } " * 51 + "}", "shop"),
    ],
)
def test_more_are_refused_wherever_they_are(document: str, name: str) -> None:
    with pytest.raises(GraphQLError, match=f"^The field {name} is selected 51 times in one place; 50 are allowed.$"):
        check_repetitions(parse(document))


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("{" + "...{shop{name}}" * 51 + "}", "shop"),
        ("{" + "...{...{shop{name}}}" * 51 + "}", "shop"),
        ("{...{" + "shop{name} " * 26 + "}...{" + "shop{name} " * 25 + "}}", "shop"),
        ("query {" + "...F " * 51 + "} fragment F on Query { shop { name } }", "...F"),
    ],
)
def test_fragments_are_looked_through(query: str, name: str) -> None:
    with pytest.raises(GraphQLError, match=f"The field {re.escape(name)} is selected 51 times"):
        check_repetitions(parse(query))
