"""What a document may be: each limit exactly, and fragments counted as often as they are spread."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from graphql import get_introspection_query, parse

from resolvers import limits
from resolvers.cost import MAX_COST
from resolvers.limits import check_limits
from resolvers.schema import build_schema
from resolvers.shop_schema import DocumentRefused, ShopSchema
from tests.examples import DOCUMENTS


@pytest.fixture(scope="module")
def schema() -> ShopSchema:
    return build_schema()


def refusal(text: str) -> str | None:
    try:
        check_limits(parse(text))
    except Exception as error:  # noqa: BLE001  whatever it is, the test names it
        return str(error).partition("\n")[0]
    return None


def nested(levels: int) -> str:
    return "{ " + "a { " * (levels - 1) + "a" + " }" * levels


def chain(length: int, *, field: str = "a") -> str:
    """Each fragment spreads the next one twice: 2^length fields."""
    middle = "".join(
        f"fragment F{n} on Query {{ q {{ ...F{n + 1} ...F{n + 1} }} }}"
        if field == "q"
        else f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}"
        for n in range(length)
    )
    return "{ ...F0 }" + middle + f"fragment F{length} on Query {{ a }}"


@pytest.mark.parametrize(
    ("noun", "most", "document"),
    [
        ("levels of fields", limits.MAX_DEPTH, nested),
        ("aliases", limits.MAX_ALIASES, lambda n: "{ a { " + " ".join(f"b{i}: b" for i in range(n)) + " } }"),
        ("directives", limits.MAX_DIRECTIVES, lambda n: "{ a { b " + "@skip(if: false) " * n + "} }"),
        ("operations", limits.MAX_OPERATIONS, lambda n: " ".join(f"query Q{i} {{ a }}" for i in range(n))),
        (
            "fragments",
            limits.MAX_FRAGMENTS,
            lambda n: "{ a }" + " ".join(f"fragment F{i} on Query {{ a }}" for i in range(n)),
        ),
        ("root fields", limits.MAX_ROOT_FIELDS, lambda n: "{ " + "a " * n + "}"),
        ("fields", limits.MAX_FIELDS, lambda n: "{ a { " + "b " * (n - 1) + "} }"),
    ],
)
def test_a_limit_allows_so_many_and_not_one_more(noun: str, most: int, document: object) -> None:
    assert callable(document)

    assert refusal(document(most)) is None
    assert refusal(document(most + 1)) == (
        f"The document has {most + 1} {noun}, its fragments spread; {most} are allowed."
    )


def test_what_a_fragment_has_counts_as_often_as_it_is_spread() -> None:
    fragment = "fragment F on A { b1: b b2: b b3: b @skip(if: false) }"
    spread = "{ " + "a { ...F } " * 11 + "}"

    assert refusal(spread + fragment) == "The document has 33 aliases, its fragments spread; 30 are allowed."


def test_a_fragment_adds_to_the_depth_of_where_it_is_spread() -> None:
    text = "{ " + "a { " * 10 + "...F" + " }" * 11 + " fragment F on A " + nested(6)

    assert refusal(text) == "The document has 16 levels of fields, its fragments spread; 15 are allowed."


@pytest.mark.parametrize("field", ["a", "q"])
@pytest.mark.parametrize("length", [12, 18, 48])
def test_a_chain_of_fragments_is_refused_by_what_it_stands_for(length: int, field: str) -> None:
    assert refusal(chain(length, field=field)) is not None


def test_fragments_in_a_circle_are_left_to_validation(schema: ShopSchema) -> None:
    text = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"

    with pytest.raises(DocumentRefused, match="Cannot spread fragment 'A' within itself via 'B'"):
        schema.prepare(text)


@pytest.mark.parametrize("text", ["{" + "a{" * 400 + "a" + "}" * 401, "{" + "...{" * 900 + "a" + "}" * 901])
def test_nesting_beyond_the_interpreters_stack_is_a_refusal(schema: ShopSchema, text: str) -> None:
    with pytest.raises(DocumentRefused):
        schema.prepare(text)


@pytest.mark.parametrize("options", [{}, {"input_value_deprecation": True, "specified_by_url": True}])
def test_the_introspection_of_the_tools_is_within_the_limits(schema: ShopSchema, options: dict[str, bool]) -> None:
    assert schema.prepare(get_introspection_query(**options)).operations != {}


def test_fields_of_one_name_are_compared_up_to_a_budget(schema: ShopSchema) -> None:
    repeated = "{ shop { " + "name " * 900 + "} }"

    with pytest.raises(DocumentRefused, match="Too many fields of one name: select each once"):
        schema.prepare(repeated)
    assert schema.prepare("{ shop { " + "name " * 100 + "} }").operations != {}


def test_a_trusted_document_is_held_to_no_limit_but_its_cost(schema: ShopSchema) -> None:
    text = "{ " + " ".join(f"s{n}: shop {{ name }}" for n in range(40)) + " }"

    with pytest.raises(DocumentRefused, match=r"aliases|root fields"):
        schema.prepare(text)
    assert schema.prepare(text, trusted=True).choose(None).plan.estimate({}) == 1


def test_what_is_kept_is_bounded_by_its_text(schema: ShopSchema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolvers.shop_schema.KEPT_CHARACTERS", 60)
    first = schema.prepare("{ shop { name } } # 1")

    assert schema.prepare("{ shop { name } } # 1") is first
    schema.prepare("{ shop { name } } # 2")
    schema.prepare("{ shop { name } } # 3")
    assert schema.prepare("{ shop { name } } # 1") is not first


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_an_example_uses_half_of_any_limit_at_most(
    schema: ShopSchema, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = document.read_text()
    variables = document.with_suffix(".json")
    for name in (each for each in vars(limits) if each.startswith("MAX_")):
        monkeypatch.setattr(limits, name, getattr(limits, name) // 2)

    check_limits(parse(text, max_lexical_tokens=limits.MAX_TOKENS))

    cost = (
        schema.prepare(text).choose(None).plan.estimate(json.loads(variables.read_text()) if variables.exists() else {})
    )
    assert cost <= MAX_COST // 2
