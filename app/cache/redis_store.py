"""`CacheStore` on Redis or Valkey. While the server is away, the cache counts as empty. See ADR-0004."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence

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
            answers = await self._server.ask("MGET", *names)
        except RedisAway:
            return [None] * len(names)
        assert isinstance(answers, list), "the server answers MGET with a list"
        return [answer if isinstance(answer, bytes) else None for answer in answers]

    def put_many(self, entries: Mapping[str, bytes], *, seconds: int) -> None:
        """Store entries for so long; nobody waits for it, and a server that is away stores nothing."""
        self._server.tell(("SET", name, value, "EX", seconds) for name, value in entries.items())

    async def drop_tags(self, tags: Iterable[str]) -> None:
        """Give every tag a new version, which no stored entry carries; a thousand at a time."""
        names = [keys.tag_version(tag) for tag in tags]
        for start in range(0, len(names), TAGS_AT_ONCE):
            batch = names[start : start + TAGS_AT_ONCE]
            try:
                await self._server.ask_all(
                    [("SET", name, secrets.token_bytes(8), "EX", TAG_SECONDS) for name in batch], insist=True
                )
            except RedisAway:
                _log.error("cache_tags_not_dropped", tags=len(names) - start)  # what carries them lives on, a minute
                return

    async def ping(self) -> bool:
        """Whether the server answers."""
        return await self._server.ping()
