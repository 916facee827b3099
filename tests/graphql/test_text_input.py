"""Text that cannot be stored, and text that is merely odd, in every place where the API takes text."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.graphql.positions import text_positions

POSITIONS = text_positions()
UNSTORABLE = {
    "NUL": "a\\u0000b",
    "NUL alone": "\\u0000",
    "lone surrogate": "a\\ud800b",
    "low surrogate": "\\udc00",
    "wrong way round": "\\udc00\\ud800",
    "before a pair": "\\ud83d\\ud83d\\uded2",
}
ODD = {
    "nothing": "",
    "spaces": " \u3000\u00a0\t",
    "controls and emoji": "\x01\u202e🛒\ufffe\uffff\u2028\x7f",
    "very long": "x" * 90_000,
    "very long in four bytes a letter": "🛒" * 22_000,
    "very many digits": "9" * 90_000,
    "a very large exponent": "1e" + "9" * 9,
    "a very small one": "1e-" + "9" * 9,
    "not a number": "NaN",
    "accents upon accents": "a" + "\u0301" * 40_000,
    "SQL": "'; DROP TABLE cart; -- \\",
    "a pattern": "%_*?.[a-",
    "operators of a search": '"a (b & !| c:* <-> -',
    "quotes": '"' * 5_000,
    "minus signs": "- " * 5_000,
    "minus signs between others": "-&" * 250,
    "words": "a " * 40_000,
    "an id": "prod_2",
    "a date beyond its calendar": "9999-12-31T23:59:59-23:59",
    "beginnings of a suggestion": " Did you mean " * 6_000,
    "markup": "<script>alert(1)</script>",
    "a template": "${jndi:ldap://x} {{7*7}} %s %(a)s {0}",
    "a header": "a\r\nset-cookie: b=c",
}
MOST_BYTES = 4_000  # of an answer: none repeats a long text


async def post(http: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await http.post(
        "/graphql", content=body, headers={"content-type": "application/json", "accept": "application/json"}
    )


def codes(answer: httpx.Response) -> set[str]:
    return {error["extensions"]["code"] for error in answer.json().get("errors", [])}


def test_the_schema_has_text_in_places_of_every_kind() -> None:
    assert len(POSITIONS) >= 100
    assert {"ID", "String", "Cursor", "Decimal", "DateTime", "CountryCode"} <= {
        each.type_name for each in POSITIONS.values()
    }
    assert {name.partition(".")[0] for name in POSITIONS} >= {
        "Query",
        "Mutation",
        "Product",
        "Category",
        "Cart",
        "Order",
    }


@pytest.mark.parametrize("name", POSITIONS)
async def test_text_that_cannot_be_stored_is_a_400_wherever_it_stands(http: httpx.AsyncClient, name: str) -> None:
    for kind, escaped in UNSTORABLE.items():
        answer = await post(http, POSITIONS[name].body(escaped))

        assert answer.status_code == 400, kind
        assert list(answer.json()) == ["errors"]
        assert codes(answer) == {"BAD_USER_INPUT"}, kind


@pytest.mark.parametrize("name", POSITIONS)
async def test_any_other_text_is_taken_or_refused_and_never_a_fault_of_ours(http: httpx.AsyncClient, name: str) -> None:
    for kind, text in ODD.items():
        answer = await post(http, POSITIONS[name].body(json.dumps(text, ensure_ascii=False)[1:-1]))

        assert answer.status_code == 200, kind
        assert codes(answer) <= {"BAD_USER_INPUT"}, (kind, answer.text[:500])
        assert len(answer.content) < MOST_BYTES, (kind, answer.text[:500])


@pytest.mark.parametrize("name", POSITIONS)
@pytest.mark.parametrize(
    "value", [None, 1, -1, 1.5, 10**30, True, [], {}, [[]], {"a": 1}], ids=lambda value: json.dumps(value)
)
async def test_what_is_no_text_is_taken_or_refused_and_never_a_fault_of_ours(
    http: httpx.AsyncClient, name: str, value: Any
) -> None:
    answer = await post(http, POSITIONS[name].body("@").replace(b'"@"', json.dumps(value).encode()))

    assert answer.status_code == 200
    assert codes(answer) <= {"BAD_USER_INPUT"}, answer.text[:500]
    assert len(answer.content) < MOST_BYTES


@pytest.mark.parametrize(
    "literal",
    ['"a\\u0000b"', '"\\u{0}"', '"\\u{00000}"', '"\\ud800"', '"\\u{dfff}"', '"\\udc00\\ud800"', '"""a\0b"""', '"a\0b"'],
)
async def test_text_that_cannot_be_stored_is_refused_in_literals_too(http: httpx.AsyncClient, literal: str) -> None:
    query = f"{{ products(query: {literal}) {{ nodes {{ id }} }} }}"

    answer = await http.post("/graphql", json={"query": query}, headers={"accept": "application/graphql-response+json"})

    assert answer.status_code == 400
    assert codes(answer) <= {"BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED"}


async def test_a_backslash_before_u0000_is_no_nul(http: httpx.AsyncClient) -> None:
    answer = await post(http, POSITIONS["Query.products.query"].body("C:\\\\u0000"))

    assert codes(answer) == set()
    assert answer.json()["data"]["products"]["nodes"] == []
