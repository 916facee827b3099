"""Documents are held against the schema as they are before they are executed."""

from __future__ import annotations

import pytest

from app.documents.domain import CheckedDocument
from resolvers.document_check import MAX_FAULTS, check_document
from resolvers.schema import build_schema
from resolvers.shop_schema import ShopSchema
from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def schema() -> ShopSchema:
    return build_schema()


def test_every_example_document_is_valid(schema: ShopSchema) -> None:
    texts = [path.read_text() for path in sorted((REPOSITORY / "docs" / "examples").glob("*.graphql"))]

    checked = [check_document(schema, text) for text in texts]

    assert len(checked) >= 10
    assert [each.faults for each in checked] == [()] * len(checked)
    assert all(each.operation_names for each in checked)


def test_all_operations_of_a_document_are_named(schema: ShopSchema) -> None:
    text = "query A { shop { name } } query B { ...F } fragment F on Query { shop { name } }"

    assert check_document(schema, text) == CheckedDocument(("A", "B"), ())
    assert check_document(schema, "{ shop { name } }") == CheckedDocument((), ())


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            "query A { shop { nme } }",
            ("Cannot query field 'nme' on type 'Shop'. (line 1, column 18)",),
        ),
        ("query A { shop", ("Syntax Error: Expected Name, found <EOF>. (line 1, column 15)",)),
        ("", ("Syntax Error: Unexpected <EOF>. (line 1, column 1)",)),
        ("fragment F on Query { shop { name } }", ("has no operation",)),
        (
            "{" + "a{" * 5_000,
            ("Syntax Error: Document is nested too deeply. Parsing aborted. (line 1, column 401)",),
        ),
    ],
)
def test_a_document_that_cannot_be_executed_says_why(schema: ShopSchema, text: str, faults: tuple[str, ...]) -> None:
    assert check_document(schema, text).faults == faults


def test_a_message_that_repeats_a_long_value_is_shortened(schema: ShopSchema) -> None:
    [fault] = check_document(schema, "{ products(first: 1." + "9" * 5_000 + ") { nodes { name } } }").faults

    assert fault.startswith("Int cannot represent non-integer value:")
    assert len(fault) < 400


def test_a_hopeless_document_gives_a_few_faults(schema: ShopSchema) -> None:
    text = "{ " + " ".join(f"wrong{number}" for number in range(500)) + " }"

    assert len(check_document(schema, text).faults) == MAX_FAULTS
