"""Malformed requests, sent to a real server through a socket.

Each is answered with a 4xx GraphQL-shaped JSON body (or a 200 with errors, where the request was well formed and plain
JSON was asked for), and the connection goes on to serve the next request.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.graphql.conftest import ServerProcess
from tests.graphql.raw_http import GOOD, STRICT, Connection, connected, head, request

MOST_BYTES = 50_000  # of an answer, which has at most 100 errors and repeats no long value
WORDS = "query ($v: String!) { products(query: $v) { nodes { id } } }"
NUMBER = "query ($v: Int!) { products(first: $v) { nodes { id } } }"
AMOUNT = "query ($v: Decimal!) { products(filter: {price: {min: $v}}) { nodes { id } } }"
FILTER = "query ($v: ProductFilter!) { products(filter: $v) { nodes { id } } }"
IDS = "query ($v: [ID!]!) { nodes(ids: $v) { id } }"

BODIES: dict[str, bytes] = {
    "nested arrays, 50,000": request(WORDS, '{"v": ' + "[" * 49_000 + "]" * 49_000 + "}"),
    "nested arrays, 900": request(WORDS, '{"v": ' + "[" * 900 + "]" * 900 + "}"),
    "nested arrays, 300": request(WORDS, '{"v": ' + "[" * 300 + "]" * 300 + "}"),
    "nested objects, 3,000": request(FILTER, '{"v": ' + '{"a": ' * 3_000 + "{}" + "}" * 3_000 + "}"),
    "nested objects, 300": request(FILTER, '{"v": ' + '{"a": ' * 300 + "{}" + "}" * 300 + "}"),
    "unused nested variable": request("{ shop { name } }", '{"v": ' + "[" * 900 + '"\\u0000"' + "]" * 900 + "}"),
    "integer of 5,000 digits": request(NUMBER, '{"v": ' + "9" * 5_000 + "}"),
    "negative integer of 5,000 digits": request(NUMBER, '{"v": -' + "9" * 5_000 + "}"),
    "decimal of 5,000 digits": request(AMOUNT, '{"v": ' + "9" * 5_000 + "}"),
    "exponent of 50,000 digits": request(AMOUNT, '{"v": "1e' + "9" * 50_000 + '"}'),
    "integer literal of 5,000 digits": request("{ products(first: " + "9" * 5_000 + ") { nodes { id } } }"),
    "decimal literal of 5,000 digits": request(
        "{ products(filter: {price: {min: " + "9" * 5_000 + "}}) { nodes { id } } }"
    ),
    "integer beyond 31 bits": request(NUMBER, '{"v": 2147483648}'),
    "integer beyond 64 bits": request(NUMBER, '{"v": 18446744073709551616}'),
    "float for an integer": request(NUMBER, '{"v": 1e999}'),
    "NaN": request(NUMBER, '{"v": NaN}'),
    "Infinity": request(NUMBER, '{"v": Infinity}'),
    "infinite decimal": request(AMOUNT, '{"v": "Infinity"}'),
    "signalling NaN": request(AMOUNT, '{"v": "sNaN"}'),
    "invalid UTF-8": b'{"query": "{ shop { name } } #\xff\xfe"}',
    "overlong UTF-8": b'{"query": "{ shop { name } } #\xc0\xaf"}',
    "UTF-8 of a surrogate": b'{"query": "{ shop { name } } #\xed\xa0\x80"}',
    "UTF-16": '{"query": "{ shop { name } }"}'.encode("utf-16"),
    "byte order mark alone": b"\xef\xbb\xbf",
    "NUL in a variable": request(WORDS, '{"v": "a\\u0000b"}'),
    "NUL in a key": request("{ shop { name } }", '{"a\\u0000b": 1}'),
    "raw NUL": b'{"query": "{ shop { name } }\x00"}',
    "NUL in the query": b'{"query": "{ shop { name } }\\u0000"}',
    "lone surrogate in a variable": request(WORDS, '{"v": "\\ud800"}'),
    "second surrogate alone": request(WORDS, '{"v": "\\udfff"}'),
    "surrogates the wrong way round": request(WORDS, '{"v": "\\udc00\\ud800"}'),
    "lone surrogate in the query": b'{"query": "{ shop { name } } #\\ud800"}',
    "lone surrogate in a literal": request('{ products(query: "\\ud800") { nodes { id } } }'),
    "lone surrogate in a braced literal": request('{ products(query: "\\u{d800}") { nodes { id } } }'),
    "NUL in a literal": request('{ products(query: "a\\u0000") { nodes { id } } }'),
    "NUL in a braced literal": request('{ products(query: "\\u{000}") { nodes { id } } }'),
    "beyond Unicode": request('{ products(query: "\\u{110000}") { nodes { id } } }'),
    "huge escape": request('{ products(query: "\\u{' + "f" * 10_000 + '}") { nodes { id } } }'),
    "selection 500 deep": request("{ a " * 500 + "{ b }" + "}" * 500),
    "selection 2,000 deep": request("{ a " * 2_000 + "{ b }" + "}" * 2_000),
    "list literal 2,000 deep": request("{ nodes(ids: " + "[" * 2_000 + "]" * 2_000 + ") { id } }"),
    "list literal 400 deep": request("{ nodes(ids: " + "[" * 400 + "]" * 400 + ") { id } }"),
    "object literal 400 deep": request("{ products(filter: " + "{a: " * 400 + "1" + "}" * 400 + ") { nodes { id } } }"),
    "type 900 deep": request("query ($v: " + "[" * 900 + "Int" + "]" * 900 + ") { shop { name } }"),
    "2,000 aliases": request("{ " + "".join(f"a{n}: shop {{ name }} " for n in range(1_000)) + "}"),
    "9,000 times one field": request("{ shop { " + "name " * 3_000 + "} }"),
    "3,000 conflicting fields": request("{ " + "".join("node(id: 1) { id } " for _ in range(900)) + "}"),
    "5,000 directives": request("{ shop { name " + "@include(if: true)" * 1_000 + "} }"),
    "unknown directives": request("{ shop { name " + "@x" * 900 + "} }"),
    "one megabyte of comment": request("#" + "x" * 1_000_000 + "\n{ shop { name } }"),
    "two megabytes of nothing": b" " * 2_000_000,
    "comments": request("#\n" * 9_000 + "{"),
    "400 fragments in a chain": request(
        "{ shop { ...F0 } } "
        + "".join(f"fragment F{n} on Shop {{ name ...F{n + 1} }} " for n in range(170))
        + "fragment F170 on Shop { name nonsense }"
    ),
    "fragments in a circle": request("{ shop { ...A } } fragment A on Shop { ...B } fragment B on Shop { ...A }"),
    "fragment in itself": request("{ shop { ...A } } fragment A on Shop { ...A }"),
    "500 unused variables": request("query (" + "".join(f"$v{n}: Int " for n in range(400)) + ") { shop { name } }"),
    "500 operations": request("".join(f"query q{n} {{ shop {{ nam }} }} " for n in range(300))),
    "operations of one name": request("query A { shop { name } } query A { shop { name } }"),
    "batch": json.dumps([{"query": "{ shop { name } }"}] * 10).encode(),
    "empty batch": b"[]",
    "null": b"null",
    "number": b"1",
    "string": b'"{ shop { name } }"',
    "true": b"true",
    "empty object": b"{}",
    "empty": b"",
    "blank": b"  \r\n ",
    "deep extensions": b'{"query": "{ shop { name } }", "extensions": {"a": ' + b"[" * 900 + b"]" * 900 + b"}}",
    "duplicate key": b'{"query": 5, "query": "{ shop { name } }"}',
    "duplicate key in variables": b'{"query": "{ shop { name } }", "variables": {"a": 1, "a": 1}}',
    "half of a body": b'{"query": "{ shop',
    "two bodies": b'{"query": "{ shop { name } }"}{"query": "{ shop { name } }"}',
    "trailing comma": b'{"query": "{ shop { name } }",}',
    "single quotes": b"{'query': '{ shop { name } }'}",
    "query is null": b'{"query": null}',
    "query is a number": b'{"query": 5}',
    "query is a list": b'{"query": ["{ shop { name } }"]}',
    "query is an object": b'{"query": {"shop": "name"}}',
    "query is empty": b'{"query": ""}',
    "query is blank": b'{"query": " \\n\\t,"}',
    "query of punctuation": b'{"query": "}{"}',
    "variables is a list": b'{"query": "{ shop { name } }", "variables": []}',
    "variables is text": b'{"query": "{ shop { name } }", "variables": "{}"}',
    "variables is a number": b'{"query": "{ shop { name } }", "variables": 1}',
    "operation name is a number": b'{"query": "{ shop { name } }", "operationName": 1}',
    "operation name is a list": b'{"query": "{ shop { name } }", "operationName": ["A"]}',
    "extensions is a list": b'{"query": "{ shop { name } }", "extensions": []}',
    "no such operation": b'{"query": "{ shop { name } }", "operationName": "A"}',
    "second query is a number": b'{"query": "{ shop { name } }", "query": 5}',
    "query twice": b'{"query": "{ shop { languages } }", "query": "{ shop { name } }"}',
    "the same query twice": b'{"query": "{ shop { name } }", "query": "{ shop { name } }"}',
    "query twice, once escaped": b'{"query": "{ shop { name } }", "\\u0071uery": "{ shop { name } }"}',
    "an unknown key twice": b'{"query": "{ shop { name } }", "x": 1, "x": 1}',
    "variables twice": b'{"query": "{ shop { name } }", "variables": {}, "variables": null}',
    "a variable twice": request(WORDS, '{"v": "a", "v": "b"}'),
    "a key twice in a variable": request(FILTER, '{"v": {"onSale": true, "onSale": false}}'),
    "a key twice far down": request(FILTER, '{"v": {"a": [[{"b": {"c": 1, "d": 2, "c": 3}}]]}}'),
    "a key twice in an unused variable": request("{ shop { name } }", '{"w": [0, {"": 1, "": 2}]}'),
    "a key twice in the extensions": b'{"query": "{ shop { name } }", "extensions": {"a": {"b": 1, "b": 1}}}',
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "block string without an end": request('{ products(query: """' + "a\\n" * 6_000 + ") { nodes { id } } }"),
    "subscription": request("subscription { orderUpdates { id } }"),
}


@pytest.fixture
async def connection(server: ServerProcess) -> AsyncIterator[Connection]:
    async with connected(server.port) as connection:
        yield connection


SURROGATES = [name for name in BODIES if "surrogate" in name and "UTF-8" not in name and "literal" not in name]


@pytest.mark.parametrize("name", BODIES)
async def test_a_malformed_body_is_a_4xx_and_the_connection_goes_on(
    connection: Connection, server: ServerProcess, name: str
) -> None:
    answer = await connection.post(BODIES[name])

    assert 400 <= answer.status < 500
    assert answer.headers["content-type"] == f"{STRICT}; charset=utf-8"
    assert answer.errors()
    assert "data" not in answer.json()
    assert len(answer.body) < MOST_BYTES
    assert await connection.is_usable()
    assert "unexpected_error" not in server.child.output()
    assert "unhandled_error" not in server.child.output()


@pytest.mark.parametrize("name", SURROGATES)
async def test_half_a_character_is_the_users_text_and_not_the_clients_json(connection: Connection, name: str) -> None:
    assert (await connection.post(BODIES[name])).codes() == {"BAD_USER_INPUT"}


REFUSED_IN_A_FIELD = {  # well formed, and executed: the error belongs to a field
    "decimal text of 50,000 digits": request(AMOUNT, '{"v": "' + "9" * 50_000 + '"}'),
    "tiny float": request(NUMBER, '{"v": 1e-999}'),
    "9,000 ids": request(IDS, json.dumps({"v": ["x"] * 9_000})),
    "one id of 90,000 characters": request(IDS, json.dumps({"v": ["x" * 90_000]})),
}


@pytest.mark.parametrize("name", REFUSED_IN_A_FIELD)
async def test_a_value_that_a_field_refuses_is_its_error(connection: Connection, name: str) -> None:
    answer = await connection.post(REFUSED_IN_A_FIELD[name])

    assert (answer.status, answer.codes()) == (200, {"BAD_USER_INPUT"})
    assert answer.json()["data"] is None
    assert len(answer.body) < MOST_BYTES
    assert await connection.is_usable()


ANSWERED = {  # well formed, however odd: there are no errors
    "10,000 spaces": request(" " * 10_000 + "{ shop { name } }"),
    "escaped query": b'{"query": "\\u007b shop { name } }"}',
    "emoji everywhere": request(WORDS, json.dumps({"v": "🛒" * 5_000})),
    "escaped emoji": request(WORDS, '{"v": "\\ud83d\\uded2"}'),
    "unused variable": request("{ shop { name } }", '{"unused": [1, {"a": null}]}'),
    "block string": request('{ products(query: """' + "a\n" * 6_000 + '""") { nodes { id } } }'),
    "backslash before u0000": request('{ products(query: "\\\\") { nodes { id } } }'),
    "byte order mark in the query": request("\ufeff{ shop { name } }"),
    "carriage returns": request("{\r shop\r\n { name }\r}"),
    "90,000 bytes of variable": request(WORDS, json.dumps({"v": "x" * 90_000})),
}


@pytest.mark.parametrize("name", ANSWERED)
async def test_an_odd_request_that_is_well_formed_is_executed(connection: Connection, name: str) -> None:
    answer = await connection.post(ANSWERED[name])

    assert answer.status == 200
    assert "errors" not in answer.json()
    assert await connection.is_usable()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/json" + "x" * 8_000}, 415),
        ({"authorization": "Bearer \xff\xfe"}, 401),
        ({"authorization": "Bearer " + "x" * 8_000}, 401),
        ({"accept": "text/plain"}, 406),
        ({"accept": ",;=,;q=" * 500}, 406),
        ({"cookie": "a=" + "x" * 8_000}, 200),
        ({"x_request_id": "\xff" * 20}, 200),
        ({"x_forwarded_for": "\xff, 999.1.1.1, ::::, " * 100}, 200),
    ],
)
async def test_odd_headers_are_answered(connection: Connection, headers: dict[str, str], status: int) -> None:
    answer = await connection.post(GOOD, **headers)

    assert answer.status == status
    assert list(answer.json()) == (["data"] if status == 200 else ["errors"])
    assert await connection.is_usable()


async def test_a_chunked_body_is_bounded_like_any_other(connection: Connection) -> None:
    start = head("POST", "/graphql", content_type="application/json", transfer_encoding="chunked")
    good = b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD)
    large = (b"4000\r\n" + b" " * 0x4000 + b"\r\n") * 7 + b"0\r\n\r\n"

    answers = [await connection.send(start + body) for body in (good, large, good)]

    assert [answer.status for answer in answers] == [200, 413, 200]


@pytest.mark.parametrize("expect", [{}, {"expect": "100-continue"}], ids=["", "100-continue"])
async def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(
    connection: Connection, expect: dict[str, str]
) -> None:
    start = head("POST", "/graphql", content_type="application/json", content_length="1000000000", **expect)

    answer = await connection.send(start)

    assert (answer.status, answer.codes()) == (413, {"BAD_REQUEST"})


async def test_two_requests_in_one_packet_are_two_answers_in_order(connection: Connection) -> None:
    def one(query: str) -> bytes:
        body = request(query)
        return head("POST", "/graphql", content_type="application/json", content_length=str(len(body))) + body

    first = await connection.send(one("{ shop { name } }") + one("{") + one("{ shop { currency } }"))
    second, third = await connection.send(b""), await connection.send(b"")

    assert first.json() == {"data": {"shop": {"name": "Cartograph"}}}
    assert second.codes() == {"GRAPHQL_PARSE_FAILED"}
    assert third.json() == {"data": {"shop": {"currency": "USD"}}}


async def test_a_client_that_goes_away_in_the_middle_of_its_body_harms_nobody(server: ServerProcess) -> None:
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head("POST", "/graphql", content_type="application/json", content_length="900") + b"{")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with connected(server.port) as connection:
        assert await connection.is_usable()
    assert server.child.exit_code() is None
    assert "unhandled_error" not in server.child.output()
