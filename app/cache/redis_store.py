"""`CacheStore` on Redis or Valkey. While the server is away, the cache counts as empty. See ADR-0004."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from redis.asyncio import Redis

from app import telemetry
from app.cache import keys
from app.cache.redis_server import RedisAway, RedisServer

TAGS_AT_ONCE = 1_000  # more take longer than a command may
TAG_SECONDS = 3_600  # longer than any entry lives: a version may be forgotten only when no entry refers to it

_log = telemetry.logger(__name__)


class RedisCache:
    """`CacheStore` on one server. Safe for any number of tasks at once."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    async def get_many(self, names: Sequence[str]) -> list[bytes | None]:
        """What is stored under each key; nothing where the server does not answer in time."""
        if not names:
            return []
        try:
            answers = await self._server.ask(lambda redis: redis.mget(names))
        except RedisAway:
            return [None] * len(names)
        return [answer if isinstance(answer, bytes) else None for answer in answers]

    async def put_many(self, entries: Mapping[str, bytes], *, seconds: int) -> None:
        """Store entries for so long."""
        if not entries:
            return
        try:
            await self._server.ask(partial(_set_all, entries=entries, seconds=seconds))
        except RedisAway:
            return

    async def drop_tags(self, tags: Iterable[str]) -> None:
        """Give every tag a new version, which no stored entry carries; a thousand at a time."""
        names = [keys.tag_version(tag) for tag in tags]
        for start in range(0, len(names), TAGS_AT_ONCE):
            versions = {name: secrets.token_bytes(8) for name in names[start : start + TAGS_AT_ONCE]}
            try:
                await self._server.ask(partial(_set_all, entries=versions, seconds=TAG_SECONDS), insist=True)
            except RedisAway:
                _log.error("cache_tags_not_dropped", tags=len(names) - start)  # what carries them lives on, a minute
                return

    async def ping(self) -> bool:
        """Whether the server answers."""
        return await self._server.ping()


async def _set_all(redis: Redis, *, entries: Mapping[str, bytes], seconds: int) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        for key, value in entries.items():
            pipe.set(key, value, ex=seconds)
        await pipe.execute()
