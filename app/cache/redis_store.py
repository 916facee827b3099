"""`CacheStore` on Redis or Valkey.

A dead or hung server costs a request 100 ms once, then nothing for a while: after a fault the cache counts as empty
for AWAY_SECONDS before it is asked again. The library's own time-outs of 5 s and ten retries would stall every page.
See ADR-0004.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app import telemetry
from app.cache import keys
from app.core.clock import Clock

TIMEOUT_SECONDS = 0.1  # of one command; a local server answers in well under a millisecond
AWAY_SECONDS = 2.0
TAGS_AT_ONCE = 1_000  # more take longer than TIMEOUT_SECONDS
TAG_SECONDS = 3_600  # longer than any entry lives: a version may be forgotten only when no entry refers to it

_log = telemetry.logger(__name__)


class RedisCache:
    """`CacheStore` on one server. Safe for any number of tasks at once."""

    def __init__(self, client: Redis, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._away_until = 0.0

    @classmethod
    def connect(cls, url: str, clock: Clock) -> RedisCache:
        """A cache that connects when first used."""
        client: Redis = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
        )
        return cls(client, clock)

    async def get_many(self, names: Sequence[str]) -> list[bytes | None]:
        """What is stored under each key; nothing where the server does not answer in time."""
        nothing: list[bytes | None] = [None] * len(names)
        if not names or self._is_away():
            return nothing
        try:
            return [answer if isinstance(answer, bytes) else None for answer in await self._client.mget(names)]
        except (TimeoutError, RedisError, OSError) as error:
            self._failed(error)
            return nothing

    async def put_many(self, entries: Mapping[str, bytes], *, seconds: int) -> None:
        """Store entries for so long."""
        if not entries or self._is_away():
            return
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                for key, value in entries.items():
                    pipe.set(key, value, ex=seconds)
                await pipe.execute()
        except (TimeoutError, RedisError, OSError) as error:
            self._failed(error)

    async def drop_tags(self, tags: Iterable[str]) -> None:
        """Give every tag a new version, which no stored entry carries; a thousand at a time."""
        names = [keys.tag_version(tag) for tag in tags]
        for start in range(0, len(names), TAGS_AT_ONCE):
            try:
                async with self._client.pipeline(transaction=False) as pipe:
                    for name in names[start : start + TAGS_AT_ONCE]:
                        pipe.set(name, secrets.token_bytes(8), ex=TAG_SECONDS)
                    await pipe.execute()
            except (RedisError, OSError, TimeoutError) as error:
                self._failed(error)
                _log.error("cache_tags_not_dropped", tags=len(names) - start)  # what carries them lives on, a minute
                return

    async def ping(self) -> bool:
        """Whether the server answers."""
        try:
            return bool(await self._client.ping())
        except (TimeoutError, RedisError, OSError):
            return False

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def _is_away(self) -> bool:
        return self._clock.monotonic() < self._away_until

    def _failed(self, error: Exception) -> None:
        telemetry.CACHE_FAULTS.inc()
        if not self._is_away():
            _log.warning("cache_away", cause=type(error).__name__, seconds=AWAY_SECONDS)
        self._away_until = self._clock.monotonic() + AWAY_SECONDS
