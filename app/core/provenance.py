"""What the answer of a request was made from: whether another request may be given it, and how old it is.

Whoever answers opens notes; what reads for the answer, in whatever task, writes into them. What is read while the cache
loads a value is not noted: the cache notes the value instead. See ADR-0044.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import inf


@dataclass(slots=True)
class Provenance:
    """Notes on one answer. For one event loop.

    max_age: how old a value from the cache may be for it, in seconds, while the database answers. is_public: it has
    nothing but public data from the cache, no older than it may be. oldest: when the oldest of that was read from the
    database, in seconds since the epoch; infinite where nothing was. lookups: of the cache, by their outcome.
    """

    max_age: float = inf
    is_public: bool = True
    oldest: float = inf
    lookups: Counter[str] = field(default_factory=Counter)

    def add(self, read_at: float) -> None:
        """Note a value of the cache, read from the database at this time."""
        self.oldest = min(self.oldest, read_at)


_current: ContextVar[Provenance | None] = ContextVar("provenance", default=None)


@contextmanager
def noted(provenance: Provenance | None) -> Iterator[None]:
    """A block whose reads are noted there; None for nowhere."""
    token = _current.set(provenance)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Provenance | None:
    """The notes of the answer that is being made; None where nobody takes any."""
    return _current.get()


def is_for_this_request() -> None:
    """Note that the answer holds something for no other request: read past the cache, or of this moment."""
    notes = _current.get()
    if notes is not None:
        notes.is_public = False
