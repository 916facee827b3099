"""Server-Sent Events over a real socket."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from app.http import event_stream
from app.http.operations import Refused
from tests.integration.http.live_server import LiveServer, live_server
from tests.waiting import PATIENCE_SECONDS, until

COMPLETE = "event: complete\ndata: \n\n"


def event(data: str) -> str:
    return f"event: next\ndata: {data}\n\n"


class Reading:
    """A response that is read as it comes."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._chunks = response.aiter_text()
        self.text = ""

    async def until_text(self, wanted: str) -> None:
        """Read until this is the whole text so far."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.text != wanted:
                self.text += await anext(self._chunks)

    async def rest(self) -> str:
        """Whatever comes until the end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return "".join([chunk async for chunk in self._chunks])


@asynccontextmanager
async def opened(live: LiveServer, query: str) -> AsyncIterator[Reading]:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:  # noqa: SIM117
        async with client.stream("POST", live.http, json={"query": query}) as response:
            yield Reading(response)


@pytest.fixture
async def live() -> AsyncIterator[LiveServer]:
    async with live_server() as live:
        yield live


async def test_answers_are_events_and_the_last_one_says_that_it_is_over(live: LiveServer) -> None:
    feed = live.operations.feed("subscription a")
    async with opened(live, "subscription a") as reading:
        feed.put_nowait(b'{"data":1}')
        await reading.until_text(event('{"data":1}'))
        feed.put_nowait(b'{"data":2}')
        await reading.until_text(event('{"data":1}') + event('{"data":2}'))
        feed.put_nowait(None)

        assert await reading.rest() == COMPLETE

    headers = reading.response.headers
    assert reading.response.status_code == 200
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert "content-length" not in headers
    await live.until_idle()


async def test_no_line_ends_with_a_carriage_return(live: LiveServer) -> None:
    live.operations.feed("subscription a").put_nowait(b'{"data":"\\r\\n"}')
    live.operations.feed("subscription a").put_nowait(None)

    async with opened(live, "subscription a") as reading:
        text = await reading.rest()

    assert text == event('{"data":"\\r\\n"}') + COMPLETE
    assert "\r" not in text


async def test_an_operation_that_is_refused_says_why_and_is_over(live: LiveServer) -> None:
    feed = live.operations.feed("subscription a")
    feed.put_nowait(b'{"data":1}')
    feed.put_nowait(Refused([{"message": "gone", "extensions": {"code": "NOT_FOUND"}}], 400))

    async with opened(live, "subscription a") as reading:
        text = await reading.rest()

    refusal = '{"errors":[{"message":"gone","extensions":{"code":"NOT_FOUND"}}]}'
    assert text == event('{"data":1}') + event(refusal) + COMPLETE
    await live.until_idle()


async def test_a_silent_stream_beats(live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "BEAT_SECONDS", 0.01)

    async with opened(live, "subscription a") as reading:
        await reading.until_text(":\n\n" * 3)
        live.operations.feed("subscription a").put_nowait(None)
        rest = await reading.rest()

    assert rest.replace(":\n\n", "") == COMPLETE


async def test_a_client_that_hangs_up_leaves_nothing_behind(live: LiveServer) -> None:
    async with opened(live, "subscription a"):
        await until(lambda: live.operations.open_now == ["subscription a"])

    await live.until_idle()


async def test_a_client_that_does_not_read_is_given_up_and_holds_little(
    live: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "SEND_SECONDS", 0.2)
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", live.port))
    body = json.dumps({"query": "subscription endless"})
    head = f"POST /graphql HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    await asyncio.get_running_loop().sock_sendall(raw, f"{head}\r\n\r\n{body}".encode())

    await until(lambda: live.operations.asked_for > 0)
    await live.until_idle()
    raw.close()

    assert live.operations.asked_for * len(live.operations.chunk) < 8_000_000  # what the two kernels hold


async def test_a_process_that_ends_ends_the_stream_without_completing_it(live: LiveServer) -> None:
    feed = live.operations.feed("subscription a")
    async with opened(live, "subscription a") as reading:
        feed.put_nowait(b'{"data":1}')
        await reading.until_text(event('{"data":1}'))

        live.closing.begin()
        rest = await reading.rest()

    assert rest == ""
    await live.until_idle()


async def test_open_streams_and_events_are_counted(live: LiveServer) -> None:
    def value(name: str) -> Any:
        return REGISTRY.get_sample_value(name, {"transport": "sse"}) or 0.0

    events, feed = value("cartograph_live_events_total"), live.operations.feed("subscription a")
    async with opened(live, "subscription a") as reading:
        feed.put_nowait(b'{"data":1}')
        await reading.until_text(event('{"data":1}'))
        during = value("cartograph_live_streams")
    await live.until_idle()

    assert (during, value("cartograph_live_streams")) == (1, 0)
    assert value("cartograph_live_events_total") == events + 1
