"""`PublicAnswers` in the cache.

An answer carries the version that the catalogue had *before* anything in it was read, and is valid while that is the
same: whatever is public is part of the catalogue, and each change of it gives the catalogue a new version after its
commit. It lives as long as the oldest thing in it may, so an answer is never older than what it was made from. See
ADR-0044.
"""

from __future__ import annotations

from math import ceil
from typing import Annotated

import msgspec

from app.cache import keys
from app.cache.read_through import FRESH_SECONDS, Moment
from app.cache.store import CacheStore
from app.core.clock import Clock
from app.core.public_answers import Lookup, PublicAnswer

MAX_KEPT_BYTES = 300_000  # of one; the schema as tools ask for it has two thirds of that

_VERSION = keys.tag_version(keys.CATALOG)


class _Entry(msgspec.Struct, array_like=True):
    read_at: Moment
    mark: bytes
    cost: Annotated[int, msgspec.Meta(ge=0)]
    body: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Entry)


class KeptAnswers:
    """`PublicAnswers` in a cache. Safe for any number of tasks at once."""

    def __init__(self, store: CacheStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, question: str) -> Lookup:
        """The answer, unless it is too old or something in the catalogue has changed since it was made."""
        raw, version = await self._store.get_many([_key(question), _VERSION])
        mark = version or b""
        entry = _decoded(raw) if raw is not None else None
        if entry is None or entry.mark != mark or self._seconds_left(entry.read_at) <= 0:
            return Lookup(question, mark, None)
        return Lookup(question, mark, PublicAnswer(entry.body, entry.cost))

    def keep(self, lookup: Lookup, answer: PublicAnswer, read_at: float) -> None:
        """Keep the answer that was made after this look-up, unless it is long."""
        read_at = min(read_at, self._clock.now().timestamp())
        seconds = ceil(self._seconds_left(read_at))
        if seconds > 0 and len(answer.body) <= MAX_KEPT_BYTES:
            entry = _encoder.encode(_Entry(read_at, lookup.mark, answer.cost, answer.body))
            self._store.put_many({_key(lookup.question): entry}, seconds=seconds)

    def _seconds_left(self, read_at: float) -> float:
        return read_at + FRESH_SECONDS - self._clock.now().timestamp()


def _key(question: str) -> str:
    return keys.entry("answer", question)


def _decoded(raw: bytes) -> _Entry | None:
    """An entry; None for what is not ours, damaged, or of another shape."""
    try:
        return _decoder.decode(raw)
    except msgspec.MsgspecError:
        return None
