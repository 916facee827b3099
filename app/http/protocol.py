"""HTTP/1.1 as the server reads it: uvicorn's protocol, with bounds for a request's head and answers that are JSON.

What no parser can read never reaches the application, so its refusal is written here. uvicorn itself bounds neither how
large a head may be nor how long it may take, and answers in plain text.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.core.ids import RandomIds
from app.http.graphql_errors import request_error

LINGER_SECONDS = 2.0  # after a refusal: closing on a client that still sends would take the answer from it
MAX_HEAD_BYTES = 65_536  # request line and headers; what the usual gateways let through is less


class HttpProtocol(HttpToolsProtocol):
    """One connection. A request that cannot be read ends it: nobody knows where the next one would begin."""

    head_seconds = 10.0  # from a head's first byte to its last

    _head_bytes: int | None = 0  # so far; None while no head is being read
    _header_bytes = 0
    _is_refused = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection that says nothing is closed like one that says nothing more."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """No deadline is left behind."""
        self._head_is_over()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A head that arrives at once, as nearly all do, costs nothing more."""
        if self._is_refused:
            return
        super().data_received(data)
        if self._head_bytes is None or self._is_refused:
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's head is too large.")
        elif self._deadline is None:
            self._deadline = self.loop.call_later(
                self.head_seconds, self._refuse, HTTPStatus.REQUEST_TIMEOUT, "The request's head took too long."
            )

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head_bytes, self._header_bytes = 0, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Counts headers, and the trailers of a body in chunks."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEAD_BYTES:
            raise ValueError("too many headers")  # the parser stops at it
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head is complete."""
        self._head_is_over()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """The answer to what is not HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _head_is_over(self) -> None:
        self._head_bytes = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever uvicorn declares
        if cycle is not None and cycle.response_started and not cycle.response_complete:
            self.transport.close()  # in the middle of another answer there is no place for this one
            return
        if cycle is not None:
            cycle.disconnected = True  # whatever it still answers is for nobody
            cycle.message_event.set()
        self.pipeline.clear()
        request_id = RandomIds().new_uuid().hex
        body = msgspec.json.encode({"errors": [request_error(message, "BAD_REQUEST", request_id)]})
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            "content-type: application/json; charset=utf-8",
            f"content-length: {len(body)}",
            f"x-request-id: {request_id}",
            "connection: close",
        ]
        self._head_is_over()
        self._is_refused = True
        self.transport.write("\r\n".join([*lines, "", ""]).encode("ascii") + body)
        self.transport.write_eof()
        self.flow.resume_reading()
        self._deadline = self.loop.call_later(LINGER_SECONDS, self.transport.close)
