"""HTTP as bytes on a socket, for what a well-behaved client never sends, and what every refusal has to look like."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

STRICT = "application/graphql-response+json"
ANSWER_SECONDS = 30.0  # nothing takes one; a machine may be busy
GOOD = b'{"query": "{ shop { name } }"}'
# what is nobody's business, and would show that an exception's own text went out
_INTERNAL = re.compile(
    r"Traceback|\.py\b|line \d+, in|site-packages|asyncpg|sqlalchemy|SELECT |INSERT |postgres|redis|strawberry"
    r"|graphql-core|graphql\.|msgspec|starlette|uvicorn|Error\(|Exception|NoneType|object at 0x|tsquery|codec|ordinal",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def errors(self) -> list[dict[str, Any]]:
        """Its errors, each of which has a message, a code and this request's id, and says nothing internal."""
        errors = self.json()["errors"]
        assert errors
        for error in errors:
            assert isinstance(error["message"], str)
            assert not _INTERNAL.search(error["message"]), error["message"]
            assert error["extensions"]["code"] != "INTERNAL_SERVER_ERROR", error
            assert error["extensions"]["requestId"] == self.headers["x-request-id"]
        return errors

    def codes(self) -> set[str]:
        """The codes of its errors."""
        return {error["extensions"]["code"] for error in self.errors()}


class Connection:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def post(self, body: bytes, *, path: str = "/graphql", **headers: str) -> RawAnswer:
        """The answer to a body as JSON. headers: with _ for -."""
        given = {"content_type": "application/json", "accept": STRICT, "content_length": str(len(body)), **headers}
        return await self.send(head("POST", path, **given) + body)

    async def get(self, target: str) -> RawAnswer:
        """The answer to a GET."""
        return await self.send(head("GET", target, accept=STRICT))

    async def send(self, raw: bytes) -> RawAnswer:
        """The next answer after these bytes."""
        async with asyncio.timeout(ANSWER_SECONDS):
            self._writer.write(raw)
            answer = await self._answer()
            await self._writer.drain()
        return answer

    async def is_closed(self) -> bool:
        """Whether the server says nothing more and closes; waits until it does either."""
        async with asyncio.timeout(ANSWER_SECONDS):
            return await self._reader.read(1) == b""

    async def is_usable(self) -> bool:
        """Whether the next request on this connection is answered."""
        answer = await self.post(GOOD)
        return (answer.status, answer.json()) == (200, {"data": {"shop": {"name": "Cartograph"}}})

    async def _answer(self) -> RawAnswer:
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        if headers.get("transfer-encoding") == "chunked" or "content-length" not in headers:
            raise AssertionError(f"an answer of unknown length: {first} {headers}")
        return RawAnswer(int(first.split()[1]), headers, await self._reader.readexactly(int(headers["content-length"])))


def head(method: str, target: str, **headers: str) -> bytes:
    """A request's head. headers: with _ for -."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"{method} {target} HTTP/1.1", "host: shop.test", *lines, "", ""]).encode("latin-1")


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    """A connection to a server on this machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):  # the server was faster
            await writer.wait_closed()


def request(query: str, variables: str = "{}") -> bytes:
    """A body whose variables are given as text, so that they may be anything."""
    return f'{{"query": {json.dumps(query)}, "variables": {variables}}}'.encode()
