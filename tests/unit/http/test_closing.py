"""The process hears that it is to end before its server does, and lets the server hear it too."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from app.http.closing import Closing, RefuseWhenClosing


@pytest.fixture
def server_heard() -> Iterator[list[int]]:
    """The signals that the server's own handler has been called with."""
    heard: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda number, _: heard.append(number))
    yield heard
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_is_heard_and_goes_on_to_the_server(server_heard: list[int], number: signal.Signals) -> None:
    closing = Closing()

    with closing.on_signals():
        assert not closing.has_begun
        signal.raise_signal(number)
        await closing.wait()

    assert closing.has_begun
    assert server_heard == [number]


async def test_the_servers_handlers_are_back_afterwards(server_heard: list[int]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    closing = Closing()

    with closing.on_signals():
        during = signal.getsignal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)

    assert during is not before
    assert signal.getsignal(signal.SIGTERM) is before
    assert server_heard == [signal.SIGTERM]
    assert not closing.has_begun


async def test_where_no_server_handles_a_signal_it_is_left_alone(server_heard: list[int]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    with Closing().on_signals():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_in_another_thread_nothing_is_handled(server_heard: list[int]) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def enter() -> Any:
        with Closing().on_signals():
            return signal.getsignal(signal.SIGTERM)

    assert await asyncio.to_thread(enter) is before


async def answer(closing: Closing, path: str, kind: str = "http") -> list[Any]:
    """What is sent for a request; "passed" where it reaches the application."""
    sent: list[Any] = []

    async def app(*_: object) -> None:
        sent.append("passed")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "path": path, "state": {"request_id": "r-1"}}
    receive: Any = None
    await RefuseWhenClosing(app, closing)(scope, receive, send)
    return sent


@pytest.mark.parametrize("path", ["/graphql", "/readyz", "/api/auth/login", "/"])
async def test_after_the_end_has_begun_requests_are_sent_elsewhere(path: str) -> None:
    closing = Closing()
    before = await answer(closing, path)
    closing.begin()

    start, body = await answer(closing, path)

    assert before == ["passed"]
    assert start["status"] == 503
    assert {(b"retry-after", b"1"), (b"connection", b"close")} <= set(start["headers"])
    (error,) = msgspec.json.decode(body["body"])["errors"]
    assert error["extensions"] == {
        "code": "SERVICE_UNAVAILABLE",
        "requestId": "r-1",
        "retryable": True,
        "retryAfterMs": 1000,
    }


@pytest.mark.parametrize(("path", "kind"), [("/livez", "http"), ("/metrics", "http"), ("/graphql", "websocket")])
async def test_what_is_asked_until_the_end_is_answered_until_the_end(path: str, kind: str) -> None:
    closing = Closing()
    closing.begin()

    assert await answer(closing, path, kind) == ["passed"]
