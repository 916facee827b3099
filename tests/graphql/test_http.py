"""GraphQL over HTTP: media types, methods, statuses and headers. Source: GraphQL over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.bootstrap import Shop

SCHEMA = Path(__file__).resolve().parents[2] / "schema.graphql"
JSON, GRAPHQL = "application/json", "application/graphql-response+json"
NAME = {"query": "{ shop { name } }"}
NAMED = {"data": {"shop": {"name": "Cartograph"}}}
BAD_DOCUMENTS = {
    "syntax": ({"query": "{ shop { name }"}, "GRAPHQL_PARSE_FAILED"),
    "unknown field": ({"query": "{ shop { nam } }"}, "GRAPHQL_VALIDATION_FAILED"),
    "no selection": ({"query": "{ shop }"}, "GRAPHQL_VALIDATION_FAILED"),
    "undefined variable": ({"query": "{ node(id: $id) { id } }"}, "GRAPHQL_VALIDATION_FAILED"),
    "unknown operation": ({**NAME, "operationName": "Other"}, "OPERATION_RESOLUTION_FAILURE"),
    "only a fragment": ({"query": "fragment F on Shop { name }"}, "OPERATION_RESOLUTION_FAILURE"),
    "only a definition": ({"query": "type Shop { name: String }"}, "OPERATION_RESOLUTION_FAILURE"),
    "only a comment": ({"query": "# { shop { name } }"}, "GRAPHQL_PARSE_FAILED"),
    "missing variable": ({"query": "query ($id: ID!) { node(id: $id) { id } }"}, "BAD_USER_INPUT"),
    "wrong variable": (
        {"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": {"a": 1}}},
        "BAD_USER_INPUT",
    ),
}


async def post(http: httpx.AsyncClient, body: Any, **headers: str) -> httpx.Response:
    return await http.post(
        "/graphql", json=body, headers={name.replace("_", "-"): each for name, each in headers.items()}
    )


def codes(answer: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in answer.json()["errors"]]


# ------------------------------------------------------------------------------------------------ media types


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        ("APPLICATION/JSON", JSON),
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", JSON),
        (f"{JSON};q=0.5, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL};q=0.1, {JSON};q=0.2", JSON),
        (f"{GRAPHQL}; charset=utf-8", GRAPHQL),
        (f"{GRAPHQL};q=0, */*", JSON),
        (f"text/html, {GRAPHQL};q=0.9", GRAPHQL),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        ("text/event-stream, multipart/mixed, application/json", JSON),
        (f"{JSON};q=nonsense, {GRAPHQL};q=0.1", GRAPHQL),
        (f",,{JSON},", JSON),
    ],
)
async def test_the_answer_has_the_media_type_that_the_client_likes_best(
    http: httpx.AsyncClient, accept: str, expected: str
) -> None:
    answer = await post(http, NAME, accept=accept)

    assert (answer.status_code, answer.json()) == (200, NAMED)
    assert answer.headers["content-type"] == f"{expected}; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "accept",
    ["text/plain", "image/png, text/html", "text/event-stream;q=0", f"{JSON};q=0", "nonsense"],
)
async def test_a_client_that_takes_neither_type_is_told_which_there_are(http: httpx.AsyncClient, accept: str) -> None:
    answer = await post(http, NAME, accept=accept)

    assert answer.status_code == 406
    assert answer.headers["content-type"] == f"{JSON}; charset=utf-8"
    assert list(answer.json()) == ["errors"]
    assert JSON in answer.json()["errors"][0]["message"]
    assert GRAPHQL in answer.json()["errors"][0]["message"]


async def test_no_accept_header_is_plain_json(http: httpx.AsyncClient) -> None:
    request = http.build_request("POST", "/graphql", json=NAME)
    del request.headers["accept"]

    answer = await http.send(request)

    assert answer.headers["content-type"] == f"{JSON}; charset=utf-8"
    assert answer.json() == NAMED


# ------------------------------------------------------------------------------------------------ statuses


@pytest.mark.parametrize("name", BAD_DOCUMENTS)
async def test_a_request_that_cannot_be_executed_has_no_data_and_a_status_by_media_type(
    http: httpx.AsyncClient, name: str
) -> None:
    body, code = BAD_DOCUMENTS[name]

    strict = await post(http, body, accept=GRAPHQL)
    plain = await post(http, body, accept=JSON)

    assert (strict.status_code, plain.status_code) == (400, 200)
    for answer in (strict, plain):
        assert set(codes(answer)) == {code}
        assert "data" not in answer.json()


@pytest.mark.parametrize("accept", [JSON, GRAPHQL])
async def test_partial_data_is_a_200(http: httpx.AsyncClient, accept: str) -> None:
    answer = await post(http, {"query": '{ shop { name } node(id: "nonsense") { id } }'}, accept=accept)

    assert answer.status_code == 200
    assert answer.json()["data"] == {"shop": {"name": "Cartograph"}, "node": None}
    assert codes(answer) == ["BAD_USER_INPUT"]
    assert answer.json()["errors"][0]["path"] == ["node"]
    assert answer.json()["errors"][0]["locations"] == [{"line": 1, "column": 17}]


@pytest.mark.parametrize("accept", [JSON, GRAPHQL])
async def test_an_error_in_a_field_that_cannot_be_null_leaves_data_null_with_a_200(
    http: httpx.AsyncClient, accept: str
) -> None:
    answer = await post(http, {"query": "{ products(first: 0) { nodes { id } } }"}, accept=accept)

    assert answer.status_code == 200
    assert answer.json()["data"] is None
    assert codes(answer) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("query", "hidden"),
    [
        ("{ shop }", "name"),
        ("{ shop { nam } }", "name"),
        ("{ sho { name } }", "shop"),
        ('{ product(bi: {slug: "x"}) { id } }', "by"),
        ('{ product(by: {slag: "x"}) { id } }', "slug"),
        ("{ products(sort: PRICE) { nodes { id } } }", "PRICE_ASC"),
        ("query ($f: ProductFilte) { products(filter: $f) { nodes { id } } }", "ProductFilter"),
        ("{ shop @skp(if: true) { name } }", "skip"),
        ("{ node(id: 1) { ... on Produc { id } } }", "Product"),
    ],
)
async def test_no_error_tells_what_there_is_instead(http: httpx.AsyncClient, query: str, hidden: str) -> None:
    answer = await post(http, {"query": query})

    messages = [error["message"] for error in answer.json()["errors"]]
    assert messages != []
    for message in messages:
        assert "did you mean" not in message.lower()
        assert hidden not in message.replace("'", " ").split()


async def test_operation_name_chooses_one_of_several(http: httpx.AsyncClient) -> None:
    document = "query A { shop { name } } query B { shop { currency } } query C { nonsense: __typename }"

    answers = [await post(http, {"query": document, "operationName": name}) for name in "ABC"]

    assert [answer.json()["data"] for answer in answers] == [
        {"shop": {"name": "Cartograph"}},
        {"shop": {"currency": "USD"}},
        {"nonsense": "Query"},
    ]


@pytest.mark.parametrize(
    "more", [{"operationName": None}, {"variables": None}, {"extensions": None}, {"extensions": {}}, {"id": 1}]
)
async def test_null_and_unknown_members_of_a_request_are_fine(http: httpx.AsyncClient, more: dict[str, Any]) -> None:
    assert (await post(http, {**NAME, **more})).json() == NAMED


# ------------------------------------------------------------------------------------------------ methods


async def test_a_query_can_be_sent_by_get(http: httpx.AsyncClient) -> None:
    parameters = {
        "query": "query A($by: ProductBy!) { product(by: $by) { name } } query B { shop { name } }",
        "variables": json.dumps({"by": {"slug": "trail-mug"}}),
        "operationName": "A",
    }

    answer = await http.get("/graphql", params=parameters, headers={"accept": GRAPHQL})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{GRAPHQL}; charset=utf-8"
    assert answer.json() == {"data": {"product": {"name": "Trail Mug"}}}


async def carts(shop: Shop) -> int:
    async with shop.database.read_fresh() as connection:
        return (await connection.execute(text("SELECT count(*) FROM cart"))).scalar_one()


async def test_a_mutation_by_get_is_a_405_and_changes_nothing(http: httpx.AsyncClient, shop: Shop) -> None:
    before = await carts(shop)

    answer = await http.get("/graphql", params={"query": "mutation { cartCreate(input: {}) { cart { id } } }"})

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert list(answer.json()) == ["errors"]
    assert await carts(shop) == before


async def test_a_query_beside_a_mutation_can_be_sent_by_get_if_it_is_named(http: httpx.AsyncClient, shop: Shop) -> None:
    document = "mutation M { cartCreate(input: {}) { cart { id } } } query Q { shop { name } }"
    before = await carts(shop)

    query = await http.get("/graphql", params={"query": document, "operationName": "Q"})
    mutation = await http.get("/graphql", params={"query": document, "operationName": "M"})

    assert (query.status_code, query.json()) == (200, NAMED)
    assert mutation.status_code == 405
    assert await carts(shop) == before


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"query": ""},
        {"query": " "},
        {"query": "{ shop { name } }", "variables": "{"},
        {"query": "{ shop { name } }", "variables": "[]"},
        {"query": "{ shop { name } }", "variables": "1"},
        {"query": "{ shop { name } }", "extensions": "x"},
        {"query": "{ shop { name } }\0"},
        {"query": "query ($q: String) { products(query: $q) { nodes { id } } }", "variables": '{"q": "a\\u0000"}'},
        {"query": "query ($q: String) { products(query: $q) { nodes { id } } }", "variables": '{"q": "\\ud800"}'},
    ],
)
async def test_a_malformed_get_is_a_400(http: httpx.AsyncClient, parameters: dict[str, str]) -> None:
    answer = await http.get("/graphql", params=parameters, headers={"accept": JSON})

    assert answer.status_code == 400
    assert list(answer.json()) == ["errors"]


@pytest.mark.parametrize(
    "raw", ["query=%ff%fe", "query=%ED%A0%80", "query={shop{name}}&variables=%ED%A0%80", "query=%00", "%"]
)
async def test_a_query_string_that_is_no_text_is_answered(http: httpx.AsyncClient, raw: str) -> None:
    answer = await http.get(f"/graphql?{raw}", headers={"accept": GRAPHQL})

    assert answer.status_code == 400
    assert list(answer.json()) == ["errors"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
async def test_any_other_method_is_a_405_that_names_the_right_ones(http: httpx.AsyncClient, method: str) -> None:
    answer = await http.request(method, "/graphql", json=NAME)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
    assert list(answer.json()) == ["errors"]


# ------------------------------------------------------------------------------------------------ bodies


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        GRAPHQL,
        "application/jsonp",
        "application",
        "",
        "*/*",
    ],
)
async def test_a_body_that_does_not_say_it_is_json_is_a_415(http: httpx.AsyncClient, content_type: str) -> None:
    answer = await http.post("/graphql", content=json.dumps(NAME), headers={"content-type": content_type})

    assert answer.status_code == 415
    assert list(answer.json()) == ["errors"]


@pytest.mark.parametrize(
    "content_type", [JSON, "application/json; charset=utf-8", "Application/JSON;x=y", " application/json "]
)
async def test_json_may_carry_parameters(http: httpx.AsyncClient, content_type: str) -> None:
    answer = await http.post("/graphql", content=json.dumps(NAME), headers={"content-type": content_type})

    assert answer.json() == NAMED


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "nonsense"])
async def test_a_compressed_body_is_a_415_that_says_so(http: httpx.AsyncClient, encoding: str) -> None:
    headers = {"content-type": JSON, "content-encoding": encoding}

    answer = await http.post("/graphql", content=json.dumps(NAME), headers=headers)

    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "identity"


async def test_a_body_may_have_100_000_bytes_and_no_more(http: httpx.AsyncClient) -> None:
    def of_size(size: int) -> bytes:
        body = json.dumps({**NAME, "extensions": {"x": ""}}).encode()
        return body.replace(b'"x": ""', b'"x": "' + b"y" * (size - len(body)) + b'"')

    headers = {"content-type": JSON}
    fits = await http.post("/graphql", content=of_size(100_000), headers=headers)
    too_large = await http.post("/graphql", content=of_size(100_001), headers=headers)

    assert fits.json() == NAMED
    assert too_large.status_code == 413
    assert list(too_large.json()) == ["errors"]


async def test_a_query_may_have_20_000_characters_and_no_more(http: httpx.AsyncClient) -> None:
    query = "{ shop { name } } #"

    fits = await post(http, {"query": query.ljust(20_000, "é")})
    too_long = await post(http, {"query": query.ljust(20_001, "é")})

    assert fits.json() == NAMED
    assert too_long.status_code == 413
    assert list(too_long.json()) == ["errors"]


# ------------------------------------------------------------------------------------------------ request ids


@pytest.mark.parametrize("request_id", ["abcdefgh", "A-1_b.2-deadbeef", "x" * 64])
async def test_a_sound_request_id_is_sent_back_and_named_in_errors(http: httpx.AsyncClient, request_id: str) -> None:
    answer = await post(http, {"query": "{"}, x_request_id=request_id)

    assert answer.headers["x-request-id"] == request_id
    assert answer.json()["errors"][0]["extensions"]["requestId"] == request_id


@pytest.mark.parametrize(
    "request_id",
    [
        b"",
        b"short",
        b"x" * 65,
        b"with space",
        b"<script>alert(1)</script>",
        b"abcdefgh\xff",
        b'{"a": 1}',
        b"a/b/c/d/e/f",
    ],
)
async def test_any_other_request_id_is_replaced(http: httpx.AsyncClient, request_id: bytes) -> None:
    answer = await http.post("/graphql", json={"query": "{"}, headers=[(b"x-request-id", request_id)])

    own = answer.headers["x-request-id"]
    assert len(own) == 32
    assert int(own, 16) > 0
    assert answer.json()["errors"][0]["extensions"]["requestId"] == own


async def test_every_request_gets_an_id_of_its_own(http: httpx.AsyncClient) -> None:
    answers = [await post(http, NAME) for _ in range(3)] + [await http.get("/livez"), await http.get("/nowhere")]

    assert len({answer.headers["x-request-id"] for answer in answers}) == 5


# ------------------------------------------------------------------------------------------------ around the endpoint


async def test_the_schema_can_be_downloaded_and_is_the_one_in_the_repository(http: httpx.AsyncClient) -> None:
    answer = await http.get("/graphql/schema.graphql")

    assert answer.status_code == 200
    assert answer.text == SCHEMA.read_text(encoding="utf-8")


async def test_the_process_lives_and_is_ready(http: httpx.AsyncClient) -> None:
    assert [((await http.get(path)).status_code, (await http.get(path)).text) for path in ("/livez", "/readyz")] == [
        (200, "ok\n")
    ] * 2


async def test_metrics_count_errors_by_their_code(http: httpx.AsyncClient) -> None:
    async def count() -> float:
        lines = (await http.get("/metrics")).text.splitlines()
        label = 'cartograph_graphql_errors_total{code="GRAPHQL_PARSE_FAILED"} '
        return sum(float(line.removeprefix(label)) for line in lines if line.startswith(label))

    before = await count()
    await post(http, {"query": "{"})

    assert await count() == before + 1
