"""One Redis or Valkey server, asked with little patience.

A dead or hung server costs a request 100 ms once, then nothing for a while: after a fault it counts as away for
AWAY_SECONDS before it is asked again, whoever asks. The library's own time-outs of 5 s and ten retries would stall
every page, and its pool answers the hundred-first command at once with an error, which a busy process would take for
an outage: here commands wait for their turn. See ADR-0004.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from app import telemetry
from app.core.clock import Clock

TIMEOUT_SECONDS = 0.1  # of one command; a local server answers in well under a millisecond
AWAY_SECONDS = 2.0
COMMANDS_AT_ONCE = 50  # and connections; the library has no more than 100

_log = telemetry.logger(__name__)
T = TypeVar("T")


class RedisAway(Exception):
    """The server did not answer in time, or did not a moment ago."""


class RedisServer:
    """The connections to one server. Safe for any number of tasks at once."""

    def __init__(self, client: Redis, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._away_until = 0.0
        self._turns = asyncio.Semaphore(COMMANDS_AT_ONCE)

    @classmethod
    def connect(cls, url: str, clock: Clock, *, timeout_seconds: float = TIMEOUT_SECONDS) -> RedisServer:
        """A server that is connected to when it is first asked. timeout_seconds: of one command."""
        client: Redis = Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
        )
        return cls(client, clock)

    def script(self, text: str) -> AsyncScript:
        """A Lua script, which is sent once and then called by its digest."""
        return self._client.register_script(text)

    async def ask(self, command: Callable[[Redis], Awaitable[T]], *, insist: bool = False) -> T:
        """What the server answers. insist: ask it even while it counts as away. Raises RedisAway."""
        async with self._turns:
            if self._is_away() and not insist:  # it may have failed while this command waited
                raise RedisAway
            try:
                return await command(self._client)
            except (TimeoutError, RedisError, OSError) as error:
                self._failed(error)
                raise RedisAway from error

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
            _log.warning("redis_away", cause=type(error).__name__, seconds=AWAY_SECONDS)
        self._away_until = self._clock.monotonic() + AWAY_SECONDS
