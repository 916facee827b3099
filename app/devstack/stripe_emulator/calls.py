"""What the API was asked: counts per endpoint and the latest requests, for a test to look at."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

_KEPT_REQUESTS = 10_000  # more than any one test makes


@dataclass(frozen=True, slots=True)
class CallEntry:
    """One request.

    endpoint: method and path, `:id` in the place of ids. status: None where the connection was cut.
    fault: the mode of the script that hit it.
    """

    request_id: str
    at: float
    endpoint: str
    path: str
    status: int | None
    idempotency_key: str | None
    is_replayed: bool
    fault: str | None


class CallLog:
    """Requests since the start or the last `clear`."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._replayed: Counter[str] = Counter()
        self._entries: deque[CallEntry] = deque(maxlen=_KEPT_REQUESTS)

    def add(self, entry: CallEntry) -> None:
        """Count and keep a request."""
        self._counts[entry.endpoint] += 1
        self._replayed[entry.endpoint] += entry.is_replayed
        self._entries.append(entry)

    def counts(self) -> dict[str, int]:
        """Requests per endpoint, whatever became of them."""
        return dict(self._counts)

    def replayed(self) -> dict[str, int]:
        """How many of them were answered from an idempotency key."""
        return {endpoint: count for endpoint, count in self._replayed.items() if count}

    def entries(self) -> list[CallEntry]:
        """The latest requests, oldest first."""
        return list(self._entries)

    def clear(self) -> None:
        """Start counting again."""
        self._counts.clear()
        self._replayed.clear()
        self._entries.clear()
