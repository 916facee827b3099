"""Requests that are not HTTP, or lie about their own size, sent through a socket to a real server.

Whatever is no HTTP is refused in JSON like everything else, and ends its connection: nobody knows where the next
request would begin. Whatever is HTTP leaves the connection usable.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from app.http.protocol import MAX_HEAD_BYTES, HttpProtocol
from tests.graphql.conftest import ServerProcess
from tests.graphql.raw_http import ANSWER_SECONDS, GOOD, Connection, connected, head

JSON = {"content_type": "application/json"}
CHUNKED = head("POST", "/graphql", **JSON, transfer_encoding="chunked")
BAD_DOCUMENT = {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "OPERATION_RESOLUTION_FAILURE"}
SIZE = str(len(GOOD))

NO_HTTP = {
    "length and chunks": head("POST", "/graphql", **JSON, content_length="5", transfer_encoding="chunked")
    + b"0\r\n\r\n",
    "two lengths": head("POST", "/graphql", **JSON, content_length=SIZE, Content_Length="31") + GOOD,
    "negative length": head("POST", "/graphql", **JSON, content_length="-1") + GOOD,
    "length with a sign": head("POST", "/graphql", **JSON, content_length=f"+{SIZE}") + GOOD,
    "length in words": head("POST", "/graphql", **JSON, content_length="thirty") + GOOD,
    "length of 40 digits": head("POST", "/graphql", **JSON, content_length="9" * 40) + GOOD,
    "chunk of no size": CHUNKED + b"zz\r\nhello\r\n",
    "chunk of negative size": CHUNKED + b"-2\r\nab\r\n",
    "chunk beyond 64 bits": CHUNKED + b"f" * 19 + b"\r\n",
    "chunk longer than its size": CHUNKED + b"2\r\nabcdef\r\n",
    "transfer encoding without chunks": head("POST", "/graphql", **JSON, transfer_encoding="gzip") + b"2\r\nab\r\n",
    "NUL in a header": b"GET /graphql HTTP/1.1\r\nhost: a\0b\r\n\r\n",
    "space after a header's name": b"GET /graphql HTTP/1.1\r\nhost : a\r\n\r\n",
    "folded header": b"GET /graphql HTTP/1.1\r\nhost: a\r\n folded: x\r\n\r\n",
    "header without a colon": b"GET /graphql HTTP/1.1\r\nhost\r\n\r\n",
    "lower-case method": b"get /graphql HTTP/1.1\r\nhost: a\r\n\r\n",
    "unknown method": b"BREW /graphql HTTP/1.1\r\nhost: a\r\n\r\n",
    "bytes in the target": b"GET /graphql?query=\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n",
    "spaces in the target": b"GET /graphql?query={ shop { name } } HTTP/1.1\r\nhost: a\r\n\r\n",
    "target of 70,000 characters": head("GET", "/graphql?query=" + "a" * 70_000),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 200,
    "nonsense": b"\x00\xff" * 100,
    "many headers": head("GET", "/graphql", **{f"x{number}": "y" * 20 for number in range(5_000)}),
    "one large header": head("GET", "/graphql", x="y" * 1_000_000),
    "a header that never ends": b"GET /graphql HTTP/1.1\r\nx: " + b"y" * 1_000_000,
    "trailers that never end": CHUNKED + b"0\r\n" + b"x: y\r\n" * 50_000,
}


@pytest.fixture
async def connection(server: ServerProcess) -> AsyncIterator[Connection]:
    async with connected(server.port) as connection:
        yield connection


@pytest.mark.parametrize("name", NO_HTTP)
async def test_what_is_no_http_is_refused_in_json_and_ends_its_connection(
    connection: Connection, server: ServerProcess, name: str
) -> None:
    answer = await connection.send(NO_HTTP[name])

    assert answer.status in (400, 431)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.codes() == {"BAD_REQUEST"}
    assert await connection.is_closed()
    async with connected(server.port) as another:
        assert await another.is_usable()
    assert "unhandled_error" not in server.child.output()
    assert "Traceback" not in server.child.output()


async def test_a_request_hidden_behind_another_ones_body_is_not_executed(connection: Connection) -> None:
    hidden = head("POST", "/graphql", **JSON, accept="application/json", content_length=SIZE) + GOOD
    outer = head("POST", "/graphql", **JSON, content_length=str(len(hidden)), transfer_encoding="chunked")

    answer = await connection.send(outer + b"0\r\n\r\n" + hidden)

    assert answer.status == 400
    assert await connection.is_closed()


async def test_a_body_longer_than_its_length_is_cut_there(connection: Connection, server: ServerProcess) -> None:
    answer = await connection.send(head("POST", "/graphql", **JSON, content_length="10") + GOOD)

    assert answer.status == 400
    assert answer.codes() == {"BAD_REQUEST"}
    async with connected(server.port) as another:
        assert await another.is_usable()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "x-gzip", "gzip, identity"])
async def test_a_compressed_body_is_refused_whether_or_not_it_is_one(connection: Connection, encoding: str) -> None:
    for body in (gzip.compress(GOOD), zlib.compress(GOOD), GOOD, gzip.compress(b"0" * 5_000_000), b""):
        answer = await connection.post(body, content_encoding=encoding)

        assert (answer.status, answer.codes()) == (415, {"BAD_REQUEST"})
        assert answer.headers["accept-encoding"] == "identity"
        assert await connection.is_usable()


async def test_a_compressed_body_that_does_not_say_so_is_no_json(connection: Connection) -> None:
    answer = await connection.post(gzip.compress(GOOD))

    assert (answer.status, answer.codes()) == (400, {"BAD_REQUEST"})
    assert await connection.is_usable()


@pytest.mark.parametrize(
    "target",
    [
        "/graphql?query=%ff%fe",
        "/graphql?query=%ED%A0%80",
        "/graphql?query=%C0%AF",
        "/graphql?query=%00",
        "/graphql?query={shop{name}}%00",
        "/graphql?query=%",
        "/graphql?query=%zz",
        "/graphql?%ff=%ff",
        "/graphql?query={shop{name}}&variables=%ff",
        "/graphql?query={shop{name}}&variables={%22a%22:%22%5cud800%22}",
        "/graphql?query={shop{name}}&variables={%22a%22:%22%5cu0000%22}",
        "/graphql?query={shop{name}}&extensions=%ED%A0%80",
        "/graphql?query={shop{name}}&operationName=%00",
        "/graphql?query={shop{name}}&operationName=%ff",
        "/graphql?query={shop{name}}&query={shop{languages}}",
        "/graphql?query={shop{name}}&query={shop{name}}",
        "/graphql?query=query($a:Int){shop{name}}&variables={}&variables={}",
        "/graphql?query={shop{name}}&operationName=A&operationName=B",
        "/graphql?query={shop{name}}&variables={%22a%22:1,%22a%22:2}",
        "/graphql?query=" + "{a" * 15_000,
        "/graphql?" + "&" * 30_000,
        "/graphql?" + "a=b&" * 10_000,
    ],
    ids=lambda target: target[8:60],
)
async def test_a_malformed_query_string_is_a_4xx_and_the_connection_goes_on(
    connection: Connection, target: str
) -> None:
    answer = await connection.get(target)

    assert 400 <= answer.status < 500
    assert answer.codes() <= {"BAD_REQUEST", "BAD_USER_INPUT", *BAD_DOCUMENT}
    assert await connection.is_usable()


# ------------------------------------------------------------------------------------------------ slow heads


class Hasty(HttpProtocol):
    """Gives a head no time at all beyond the packet that it begins in."""

    head_seconds = 0.0


@asynccontextmanager
async def listening(protocol: type[HttpProtocol], **options: Any) -> AsyncIterator[int]:
    """The port of a server in this process, for requests that are never complete."""

    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("no request was complete")

    config = Config(never, lifespan="off", log_config=None, **options)
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config=config, server_state=ServerState(), app_state={}), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_a_head_that_takes_too_long_is_refused() -> None:
    async with listening(Hasty) as port, connected(port) as connection:
        answer = await connection.send(b"POST /graphql HTTP/1.1\r\nhost: a")

        assert (answer.status, answer.codes()) == (408, {"BAD_REQUEST"})
        assert await connection.is_closed()


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with listening(HttpProtocol, timeout_keep_alive=0) as port, connected(port) as connection:
        assert await connection.is_closed()


async def test_a_head_in_many_packets_is_one_head(server: ServerProcess) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for byte in head("POST", "/graphql", **JSON, content_length=SIZE) + GOOD:
        writer.write(bytes([byte]))
        await writer.drain()
    async with asyncio.timeout(ANSWER_SECONDS):
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()
    await writer.wait_closed()


async def test_a_head_just_within_the_bounds_is_read(connection: Connection) -> None:
    answer = await connection.post(GOOD, x="y" * (MAX_HEAD_BYTES - 1_000))

    assert answer.status == 200
    assert await connection.is_usable()
