"""Read through the cache: what is there and valid is used, what is not is loaded once and stored.

An entry carries the versions that its tags had *before* it was loaded, and is valid while they are the same. A writer
gives a tag a new version after its commit, so a slow reader that stores what it read before the commit stores
something that is stale already: no order of events leaves an old value behind. Fresh for 60 s; up to 300 s old, and
said so, while the database fails. Parallel readers of one key in this process share one load. See ADR-0004.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import chain
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from app import telemetry
from app.cache import keys
from app.cache.store import CacheStore
from app.core import provenance
from app.core.clock import Clock
from app.core.errors import OperationalError
from app.core.freshness import Freshness, ReadSource

FRESH_SECONDS = 60
_REMEMBERED = 2_000  # entries that are asked for all the time, as they were decoded: twenty megabytes at most
_REMEMBERED_BYTES = 2_000  # a product has less; longer ones, such as facets, are decoded each time
STALE_SECONDS = 300  # a price may be five minutes old while the database is down; carts never use it

K = TypeVar("K")
V = TypeVar("V")


Moment = Annotated[float, msgspec.Meta(ge=0, lt=datetime(9999, 1, 1, tzinfo=UTC).timestamp())]  # since the epoch


class _Entry(msgspec.Struct, Generic[V], array_like=True):
    stored_at: Moment
    versions: list[bytes]  # of the entry's tags, in their order; empty for a tag that was never dropped
    value: V


_encoder = msgspec.msgpack.Encoder()


@cache  # of a few dozen types
def _decoder(value_type: type[V]) -> msgspec.msgpack.Decoder[_Entry[V]]:
    return msgspec.msgpack.Decoder(_Entry[value_type])  # type: ignore[valid-type]  # a type as a value


def _decoded(value_type: type[V], raw: bytes) -> _Entry[V] | None:
    """An entry; None for what is not ours, damaged, or of another shape."""
    try:
        return _decoder(value_type).decode(raw)  # type: ignore[arg-type]  # every type can be hashed
    except (msgspec.MsgspecError, ValueError):
        return None


_remembered: Callable[[Any, bytes], _Entry[Any] | None] = lru_cache(_REMEMBERED)(_decoded)


def _entry(value_type: type[V], raw: bytes) -> _Entry[V] | None:
    return _remembered(value_type, raw) if len(raw) <= _REMEMBERED_BYTES else _decoded(value_type, raw)


class Found(msgspec.Struct, Generic[V], frozen=True):
    """A value and how old it is. read_at: seconds since the epoch; age: since then, in seconds."""

    value: V
    read_at: float
    age: float
    source: ReadSource

    @property
    def freshness(self) -> Freshness:
        """As clients are told."""
        return Freshness(datetime.fromtimestamp(self.read_at, UTC), max(0, round(self.age * 1000)), self.source)


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
        _note([found])
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
        tags = {each: tags_of(each) for each in ids}
        tag_list = list(dict.fromkeys(chain.from_iterable(tags.values())))
        answers = await self._store.get_many([*map(key_of, tags), *map(keys.tag_version, tag_list)])
        versions = {tag: version or b"" for tag, version in zip(tag_list, answers[len(tags) :], strict=True)}
        now, notes = self._clock.now().timestamp(), provenance.current()
        fresh_seconds = FRESH_SECONDS if notes is None else min(FRESH_SECONDS, notes.max_age)
        valid: dict[K, Found[V]] = {}
        stale: dict[K, Found[V]] = {}
        for (each, its_tags), raw in zip(tags.items(), answers, strict=False):
            if raw is None:
                continue
            entry = _entry(value_type, raw)
            if entry is None or entry.versions != [versions[tag] for tag in its_tags]:
                continue
            age = now - entry.stored_at
            source = ReadSource.CACHE if age <= FRESH_SECONDS else ReadSource.STALE_CACHE
            (valid if age <= fresh_seconds else stale)[each] = Found(entry.value, entry.stored_at, age, source)
        missing = [each for each in tags if each not in valid]
        telemetry.count_cache_reads("hit", len(valid))
        if missing:
            telemetry.count_cache_reads("miss", len(missing))
            valid |= await self._load(missing, stale, key_of, tags, versions, load)
        _note(valid.values())
        return valid

    async def _load(
        self,
        missing: Sequence[K],
        stale: Mapping[K, Found[V]],
        key_of: Callable[[K], str],
        tags: Mapping[K, Sequence[str]],
        versions: Mapping[str, bytes],
        load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
    ) -> dict[K, Found[V]]:
        try:
            with provenance.noted(None):
                loaded = await load(missing)
        except OperationalError:
            if len(stale) < len(missing):  # some were never cached: half an answer would be a wrong one
                raise
            telemetry.count_cache_reads("stale", len(stale))
            return dict(stale)
        now = self._clock.now().timestamp()
        entries = {
            key_of(each): _encoder.encode(_Entry(now, [versions[tag] for tag in tags[each]], value))
            for each, value in loaded.items()
        }
        self._store.put_many(entries, seconds=STALE_SECONDS)
        return {each: Found(value, now, 0, self._source) for each, value in loaded.items()}


def _note(values: Iterable[Found[Any]]) -> None:
    notes = provenance.current()
    if notes is None:
        return
    for each in values:
        notes.add(each.read_at)
        if each.source is ReadSource.STALE_CACHE:
            notes.is_public = False
