"""An operation's answers as Server-Sent Events, one connection for one operation.

A `next` event for each answer, `complete` after the last, a comment now and then so that nobody in between takes the
connection for dead. The next answer is asked for once the client has taken the one before: a client that does not read
holds one answer, and is given up after a while. When the process ends, the stream ends without `complete`, by which a
client knows to connect again. Source: GraphQL over Server-Sent Events, distinct connections mode; HTML, Server-sent
events.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import msgspec
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from app import telemetry
from app.http.closing import Closing
from app.http.first_to_end import first_to_end
from app.http.hang_up import hung_up
from app.http.live_connections import LiveConnections
from app.http.operations import Operations, Ready, Refused

BEAT_SECONDS = 15.0  # gateways close what has been silent for a minute
SEND_SECONDS = 30.0  # for the client to take what has been sent before

_NEXT = b"event: next\ndata: %b\n\n"
_COMPLETE = b"event: complete\ndata: \n\n"
_BEAT = b":\n\n"

Put = Callable[[Message], Awaitable[None]]


class EventStreams:
    """Opens event streams, as many as the process has room for."""

    def __init__(self, operations: Operations, *, closing: Closing, connections: LiveConnections) -> None:
        self._operations = operations
        self._closing = closing
        self._connections = connections

    def open(self, ready: Ready) -> EventStream:
        """The response that streams this subscription's answers. Raises Refused where there are too many."""
        if self._connections.is_full:
            raise self._connections.refusal(ready.caller.request_id)
        return EventStream(self._operations.stream(ready), closing=self._closing, connections=self._connections)


class EventStream(StreamingResponse):
    """The response. answers: JSON; it is closed when the stream ends, however it ends."""

    def __init__(self, answers: AsyncGenerator[bytes, None], *, closing: Closing, connections: LiveConnections) -> None:
        headers = {"cache-control": "no-store", "vary": "Accept", "x-accel-buffering": "no"}
        super().__init__(answers, 200, headers, "text/event-stream")
        self._answers = answers
        self._closing = closing
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write until the answers, the client or the process ends."""

        async def put(message: Message) -> None:
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)

        gauge = telemetry.LIVE_STREAMS.labels("sse")
        with self._connections.one(), gauge.track_inprogress():
            async with aclosing(self._answers):
                try:
                    await put({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    await first_to_end(self._write(put), _beat(put), hung_up(receive), self._closing.wait())
                    await put({"type": "http.response.body", "body": b"", "more_body": False})
                except TimeoutError:
                    telemetry.LIVE_GIVEN_UP.labels("sse").inc()

    async def _write(self, put: Put) -> None:
        try:
            async for answer in self._answers:
                await put(_event(answer))
                telemetry.LIVE_EVENTS.labels("sse").inc()
        except Refused as refused:
            await put(_event(msgspec.json.encode({"errors": refused.errors})))
        await put(_body(_COMPLETE))


def single_event(answer: bytes) -> bytes:
    """The text of a stream with one answer, whose operation is over then."""
    return _NEXT % answer + _COMPLETE


async def _beat(put: Put) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        await put(_body(_BEAT))


def _event(answer: bytes) -> Message:
    return _body(_NEXT % answer)


def _body(content: bytes) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": True}
