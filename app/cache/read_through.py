"""Read through the cache: what is there and valid is used, what is not is loaded once and stored.

An entry carries the versions that its tags had *before* it was loaded, and is valid while they are the same. A writer
gives a tag a new version after its commit, so a slow reader that stores what it read before the commit stores
something that is stale already: no order of events leaves an old value behind. Fresh for 60 s; up to 300 s old, and
said so, while the database fails. Parallel readers of one key in this process share one load. See ADR-0004.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from app import telemetry
from app.cache import keys
from app.cache.store import CacheStore
from app.core.clock import Clock
from app.core.errors import OperationalError
from app.core.freshness import Freshness, ReadSource

FRESH_SECONDS = 60
STALE_SECONDS = 300  # a price may be five minutes old while the database is down; carts never use it

K = TypeVar("K")
V = TypeVar("V")


class _Entry(msgspec.Struct, Generic[V], array_like=True):
    stored_at: float  # seconds since the epoch
    versions: list[bytes]  # of the entry's tags, in their order; empty for a tag that was never dropped
    value: V


_encoder = msgspec.msgpack.Encoder()


@cache  # of a few dozen types
def _decoder(value_type: type[V]) -> msgspec.msgpack.Decoder[_Entry[V]]:
    return msgspec.msgpack.Decoder(_Entry[value_type])  # type: ignore[valid-type]  # a type as a value


@dataclass(frozen=True, slots=True)
class Found(Generic[V]):
    """A value and how old it is."""

    value: V
    freshness: Freshness


class ReadThrough:
    """Reads values of one type by key. Safe for any number of tasks at once."""

    def __init__(self, store: CacheStore, clock: Clock, *, source: ReadSource = ReadSource.PRIMARY) -> None:
        self._store = store
        self._clock = clock
        self._source = source
        self._loads: dict[str, asyncio.Future[Any]] = {}

    def just_read(self) -> Freshness:
        """The freshness of what has this moment been read past the cache."""
        return Freshness(self._clock.now(), 0, self._source)

    async def get(
        self, key: str, tags: Sequence[str], value_type: type[V], load: Callable[[], Awaitable[V]]
    ) -> Found[V]:
        """The value under this key, loaded where the cache has none. Raises what `load` raises."""
        under_way = self._loads.get(key)
        if under_way is None:
            return await self._get_alone(key, tags, value_type, load)
        try:
            found: Found[V] = await asyncio.shield(under_way)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not under_way.cancelled() or (task and task.cancelling()):  # this task itself was
                raise
            return await self.get(key, tags, value_type, load)
        return found

    async def _get_alone(
        self, key: str, tags: Sequence[str], value_type: type[V], load: Callable[[], Awaitable[V]]
    ) -> Found[V]:
        future: asyncio.Future[Found[V]] = asyncio.get_running_loop().create_future()
        self._loads[key] = future

        async def load_one(_: Sequence[None]) -> Mapping[None, V]:
            return {None: await load()}

        try:
            result = (await self.get_many([None], lambda _: key, lambda _: tags, value_type, load_one))[None]
        except asyncio.CancelledError:
            future.cancel()  # whoever waits takes the load over
            raise
        except Exception as error:
            future.set_exception(error)
            future.exception()  # whoever waits sees it; if nobody does, it is not an unhandled one
            raise
        else:
            future.set_result(result)
            return result
        finally:
            del self._loads[key]

    async def get_many(
        self,
        ids: Sequence[K],
        key_of: Callable[[K], str],
        tags_of: Callable[[K], Sequence[str]],
        value_type: type[V],
        load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
    ) -> dict[K, Found[V]]:
        """The values of these ids in two round trips at most; ids that `load` does not know are absent."""
        tag_list = list(dict.fromkeys(tag for each in ids for tag in tags_of(each)))
        answers = await self._store.get_many(
            [*(key_of(each) for each in ids), *(keys.tag_version(tag) for tag in tag_list)]
        )
        versions = {tag: version or b"" for tag, version in zip(tag_list, answers[len(ids) :], strict=True)}
        now = self._clock.now().timestamp()
        valid: dict[K, Found[V]] = {}
        stale: dict[K, Found[V]] = {}
        for each, raw in zip(ids, answers, strict=False):
            found = _found(raw, [versions[tag] for tag in tags_of(each)], value_type, now)
            if found is not None:
                kept = valid if found.freshness.source is ReadSource.CACHE else stale
                kept[each] = found
        missing = [each for each in ids if each not in valid]
        telemetry.count_cache_reads("hit", len(valid))
        if missing:
            telemetry.count_cache_reads("miss", len(missing))
            valid |= await self._load(missing, stale, key_of, tags_of, versions, load)
        return valid

    async def _load(
        self,
        missing: Sequence[K],
        stale: Mapping[K, Found[V]],
        key_of: Callable[[K], str],
        tags_of: Callable[[K], Sequence[str]],
        versions: Mapping[str, bytes],
        load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
    ) -> dict[K, Found[V]]:
        try:
            loaded = await load(missing)
        except OperationalError:
            if len(stale) < len(missing):  # some were never cached: half an answer would be a wrong one
                raise
            telemetry.count_cache_reads("stale", len(stale))
            return dict(stale)
        now = self._clock.now()
        entries = {
            key_of(each): _encoder.encode(_Entry(now.timestamp(), [versions[tag] for tag in tags_of(each)], value))
            for each, value in loaded.items()
        }
        self._store.put_many(entries, seconds=STALE_SECONDS)
        fresh = self.just_read()
        return {each: Found(value, fresh) for each, value in loaded.items()}


def _found(raw: bytes | None, versions: list[bytes], value_type: type[V], now: float) -> Found[V] | None:
    if raw is None:
        return None
    try:
        entry = _decoder(value_type).decode(raw)  # type: ignore[arg-type]  # every type can be hashed
        if entry.versions != versions:
            return None
        age = now - entry.stored_at
        source = ReadSource.CACHE if age <= FRESH_SECONDS else ReadSource.STALE_CACHE
        freshness = Freshness(datetime.fromtimestamp(entry.stored_at, UTC), max(0, round(age * 1000)), source)
        return Found(entry.value, freshness)
    except (msgspec.MsgspecError, ValueError, OverflowError, OSError):  # not ours, damaged, or of another shape
        return None
