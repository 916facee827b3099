"""Ids in every place of the schema that takes one: malformed, of another kind, and of nothing there is."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest

from app.core.ids import INTEGER_KINDS, Kind, encode
from tests.graphql.positions import text_positions

POSITIONS = {
    name: position
    for name, position in text_positions().items()
    if position.type_name == "ID" and not name.endswith(".idempotencyKey")  # which the client makes up
}
ANY_KIND = {"Query.node.id", "Query.nodes.ids"}
OF_NOTHING = {kind: encode(kind, 2**31 - 1 if kind in INTEGER_KINDS else uuid.UUID(int=7)) for kind in Kind}
MALFORMED = (
    *(
        "",
        " ",
        "1",
        "prod",
        "prod_",
        "_2",
        "prod_0",
        "prod_l",
        "prod_I",
        "PROD_2",
        "Prod_2",
        "prod-2",
        "prod__2",
        "nobody_2",
    ),
    *(
        "prod_12",
        "prod_2 ",
        " prod_2",
        "prod_2\n",
        "prod_-2",
        "prod_²",
        "prod_4GmR59",
        "prod_" + "z" * 22,
        "prod_" + "2" * 400,
    ),
    *("cart_2", "cart_" + "1" * 21, "cart_" + "1" * 23, "cart_" + "z" * 22, "cart_" + "1" * 22 + "\t"),
    *(
        "UHJvZHVjdDox",
        "gid://shop/Product/1",
        "00000000-0000-0000-0000-000000000007",
        "prod_2,prod_3",
        "🛒_2",
        "prod_🛒",
    ),
)


async def ask(http: httpx.AsyncClient, name: str, text: str) -> dict[str, Any]:
    answer = await http.post(
        "/graphql",
        content=POSITIONS[name].body(json.dumps(text)[1:-1]),
        headers={"content-type": "application/json", "accept": "application/json"},
    )
    assert answer.status_code == 200
    return answer.json()


def codes(answer: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in answer.get("errors", [])]


def is_nothing(value: Any) -> bool:
    """Whether an answer has found no object: nulls, empty lists, and a payload that says so."""
    if isinstance(value, list):
        return all(each is None for each in value)
    if not isinstance(value, dict):
        return value is None
    if "nodes" in value:
        return is_nothing(value["nodes"])
    if "userErrors" in value:
        return value.get("cart", value.get("deletedId")) is None and value["userErrors"] != []
    return value["__typename"] == "CheckoutFailed"


@pytest.mark.parametrize("name", POSITIONS)
async def test_what_is_no_id_is_an_input_error_and_not_a_null(http: httpx.AsyncClient, name: str) -> None:
    for text in MALFORMED:
        assert codes(await ask(http, name, text)) == ["BAD_USER_INPUT"], text


@pytest.mark.parametrize("name", POSITIONS)
async def test_an_id_of_nothing_finds_nothing_and_one_of_another_kind_is_an_input_error(
    http: httpx.AsyncClient, name: str
) -> None:
    answers = {kind: await ask(http, name, text) for kind, text in OF_NOTHING.items()}

    taken = {kind for kind, answer in answers.items() if not codes(answer)}
    assert taken == set(Kind) if name in ANY_KIND else len(taken) == 1
    for kind, answer in answers.items():
        if kind not in taken:
            assert codes(answer) == ["BAD_USER_INPUT"]
            continue
        (found,) = answer["data"].values()
        below = found.get("products") if name.startswith("Category.products") else found
        assert is_nothing(below), (kind, answer)
