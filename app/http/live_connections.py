"""How many connections of one process may stay open for live updates, and how many do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.http.graphql_errors import request_error
from app.http.operations import Refused

RETRY_AFTER_SECONDS = 5
MAX_CONNECTIONS = 1_000  # of one process; one with a subscription takes about 55 kB


class LiveConnections:
    """Counts event streams and WebSockets. limit: how many there may be at once."""

    def __init__(self, *, limit: int = MAX_CONNECTIONS) -> None:
        self._limit = limit
        self._open = 0

    @property
    def is_full(self) -> bool:
        """Whether another one has to be refused."""
        return self._open >= self._limit

    def refusal(self, request_id: str) -> Refused:
        """What the client of one too many is told."""
        more = {"retryable": True, "retryAfterMs": RETRY_AFTER_SECONDS * 1000}
        error = request_error("Too many clients are connected: try again.", "SERVICE_UNAVAILABLE", request_id, **more)
        return Refused([error], 503, 503, {"retry-after": str(RETRY_AFTER_SECONDS)})

    @contextmanager
    def one(self) -> Iterator[None]:
        """A block for which there is one more."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
