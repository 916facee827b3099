from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.http import body
from app.http.body import BadRequest, read_json


class Silence:
    """A client that sends what it has, and then nothing for as long as anybody waits."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = list(chunks)
        self.taken = 0

    async def __call__(self) -> Message:
        self.taken += 1
        if not self._chunks:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": self._chunks.pop(0), "more_body": True}


async def refused(client: Silence, **headers: str) -> BadRequest:
    given = {"content_type": "application/json", **headers}
    encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
    with pytest.raises(BadRequest) as refusal:
        await read_json(Request({"type": "http", "method": "POST", "headers": encoded}, client), 100)
    return refusal.value


@pytest.mark.parametrize("chunks", [(), (b"",), (b'{"query": ',), (b"{", b" ", b" ")])
async def test_a_body_that_never_ends_is_given_up_and_its_connection_closed(
    monkeypatch: pytest.MonkeyPatch, chunks: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(body, "READ_SECONDS", 0.0)

    refusal = await refused(Silence(*chunks))

    assert (refusal.status, refusal.headers) == (408, {"connection": "close"})


@pytest.mark.parametrize("length", ["101", "1000000000", "0101", "9" * 40])
async def test_a_body_that_is_announced_too_large_is_not_waited_for(length: str) -> None:
    client = Silence()

    refusal = await refused(client, content_length=length)

    assert (refusal.status, client.taken) == (413, 0)


async def test_a_body_is_refused_at_the_first_byte_too_many_whatever_was_announced() -> None:
    client = Silence(b" " * 60, b" " * 60, b" " * 60)

    refusal = await refused(client, content_length="10")

    assert (refusal.status, client.taken) == (413, 2)
