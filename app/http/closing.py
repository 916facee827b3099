"""The process is told to end: streams are let go at once, and whoever still asks is sent elsewhere.

The server waits for every connection before it shuts the application down, and a stream never ends by itself. So the
application hears of the signal too, before the server acts on it. See ADR-0013.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.fault_points import FaultPoint, reached
from app.http.graphql_errors import request_error
from app.http.operations import Refused

RETRY_AFTER_SECONDS = 1
_ANSWERED_TO_THE_END = frozenset({"/livez", "/metrics"})


class Closing:
    """Whether the process is about to end, and a way to wait for it."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        """Whether nothing new may begin."""
        return self._begun.is_set()

    def begin(self) -> None:
        """From now on, nothing new begins."""
        self._begun.set()
        reached(FaultPoint.DRAINING)

    async def wait(self) -> None:
        """Return once it has begun."""
        await self._begun.wait()

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Begin when the server's own handler of SIGTERM or SIGINT is called, and just before it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def begin_and_go_on(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.begin)
            servers_own = handlers[signal.Signals(number)]
            if callable(servers_own):
                servers_own(number, frame)

        for number, handler in handlers.items():
            if callable(handler):  # what is not would end the process before anything could be let go
                signal.signal(number, begin_and_go_on)
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)


def refusal(request_id: str) -> Refused:
    """What a client is told that comes too late."""
    more = {"retryable": True, "retryAfterMs": RETRY_AFTER_SECONDS * 1000}
    error = request_error("This server is going away: try again.", "SERVICE_UNAVAILABLE", request_id, **more)
    return Refused([error], 503, 503, {"retry-after": str(RETRY_AFTER_SECONDS)})


class RefuseWhenClosing:
    """Wraps the application: 503 for every request that comes after the end has begun."""

    def __init__(self, app: ASGIApp, closing: Closing) -> None:
        self._app = app
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; a WebSocket is refused where it is answered."""
        if scope["type"] != "http" or not self._closing.has_begun or scope["path"] in _ANSWERED_TO_THE_END:
            await self._app(scope, receive, send)
            return
        refused = refusal(scope["state"]["request_id"])
        body = msgspec.json.encode({"errors": refused.errors})
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"retry-after", str(RETRY_AFTER_SECONDS).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})
