"""What happens around every request: its id, its time, and an answer even when the code below breaks.

Plain ASGI: Starlette's `BaseHTTPMiddleware` costs more than a whole cached answer.
"""

from __future__ import annotations

import re
import time

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import telemetry
from app.core.card_data import has_card_number
from app.core.errors import OperationalError
from app.core.ids import IdSource

SLOW_SECONDS = 1.0  # such a request is worth a warning

_log = telemetry.logger(__name__)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_ROUTES = frozenset(
    {
        "/graphql",
        "/api/auth/login",
        "/api/auth/refresh",
        "/webhooks/stripe",
        "/livez",
        "/readyz",
        "/metrics",
        "/",
        "/graphql/schema.graphql",
    }
)
_STREAM = b"text/event-stream; charset=utf-8"
_PROBES = frozenset({"/livez", "/readyz", "/metrics"})  # asked every few seconds, by machines


class RequestScope:
    """Wraps the application. Takes the caller's `x-request-id` where it is sound, and sends it back."""

    def __init__(self, app: ASGIApp, ids: IdSource) -> None:
        self._app = app
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; other protocols pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _asked_id(scope) or self._ids.new_uuid().hex
        scope.setdefault("state", {})["request_id"] = request_id
        started, status, stream_began = time.perf_counter(), 0, 0.0

        async def send_with_id(message: Message) -> None:
            nonlocal status, stream_began
            if message["type"] == "http.response.start":
                status = message["status"]
                if (b"content-type", _STREAM) in message["headers"]:
                    stream_began = time.perf_counter()
                message = {**message, "headers": [*message["headers"], (b"x-request-id", request_id.encode())]}
            await send(message)

        logged_id = telemetry.request_id.set(request_id)
        try:
            try:
                await self._app(scope, receive, send_with_id)
            except Exception as error:  # noqa: BLE001  the last edge: nothing is above but the server
                _log.error("unhandled_error", path=scope["path"], exc_info=error)
                if status == 0:
                    await _apologise(error, request_id, send_with_id)
            seconds = (stream_began or time.perf_counter()) - started  # a stream lasts as long as its client wants
            route = scope["path"] if scope["path"] in _ROUTES else "other"
            telemetry.HTTP_SECONDS.labels(route, str(status)).observe(seconds)
            if scope["path"] not in _PROBES:
                note = _log.warning if seconds > SLOW_SECONDS else _log.info
                note("request", method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000, 1))
        finally:
            telemetry.request_id.reset(logged_id)


def _asked_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            asked = bytes(value).decode()
            return None if has_card_number(asked) else asked
    return None


async def _apologise(error: Exception, request_id: str, send: Send) -> None:
    outage = isinstance(error, OperationalError)
    code = "SERVICE_UNAVAILABLE" if outage else "INTERNAL_SERVER_ERROR"
    message = "The shop cannot answer this right now." if outage else "Something went wrong on our side."
    body = msgspec.json.encode(
        {"errors": [{"message": message, "extensions": {"code": code, "requestId": request_id, "retryable": True}}]}
    )
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if outage:
        headers.append((b"retry-after", str(OperationalError.retry_after_seconds).encode()))
    await send({"type": "http.response.start", "status": 503 if outage else 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
