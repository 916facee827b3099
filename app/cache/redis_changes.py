"""`ChangeFeed` through the channels of Redis or Valkey.

Each process has one subscribed connection, and a channel on it for every object that somebody watches. That the server
confirms a subscription is a tick like any other: what changed before it was not heard. So a watcher that comes late,
and all of them after a lost connection, read once more, and nothing is missed. What cannot be announced while the
server is away is kept and announced when it is back. See ADR-0013.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable
from contextlib import aclosing, asynccontextmanager
from itertools import islice
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app import telemetry
from app.cache import keys
from app.core.changes import Change

CONNECT_SECONDS = 1.0
SILENCE_SECONDS = 15.0  # without a word from the server; then it is asked, and given up after as long again
FIRST_TICK_SECONDS = 0.25  # how long a watcher waits for the server to confirm before it reads for the first time
PAUSE_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)  # between attempts to reach the server
MAX_UNANNOUNCED = 10_000  # changes; beyond, watchers hear of the newest ones when the server is back
ANNOUNCED_AT_ONCE = 500
CLOSE_SECONDS = 1.0  # for what is still to be announced when the process ends

_FAULTS = (RedisError, OSError, TimeoutError, RuntimeError)  # the last is uvloop's for a transport that is closed
_log = telemetry.logger(__name__)


class RedisChanges:
    """`ChangeFeed` on one server. Safe for any number of tasks at once; connects when first used."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._confirmed: set[str] = set()
        self._wanted = asyncio.Event()  # the watched channels may not be the subscribed ones
        self._unannounced: dict[Change, None] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @classmethod
    def connect(cls, url: str) -> RedisChanges:
        """A feed that connects when first used. Reading waits for ever: that nothing happens is no fault."""
        client: Redis = Redis.from_url(
            url,
            socket_timeout=None,
            socket_connect_timeout=CONNECT_SECONDS,
            retry=Retry(NoBackoff(), 0, supported_errors=()),  # the loops below reconnect, and say so
        )
        return cls(client)

    # -------------------------------------------------------------------------------------------- announcing

    def announce(self, changes: Iterable[Change]) -> None:
        """Tell every watcher, soon."""
        self._keep(self._unannounced | dict.fromkeys(changes))
        self._keep_running("announce", self._announce_all)

    def _keep(self, unannounced: dict[Change, None]) -> None:
        excess = max(0, len(unannounced) - MAX_UNANNOUNCED)
        telemetry.CHANGES_ANNOUNCED.labels("dropped").inc(excess)
        self._unannounced = dict(islice(unannounced.items(), excess, None))

    async def _announce_all(self) -> None:
        failures = 0
        while self._unannounced:
            batch = dict(islice(self._unannounced.items(), ANNOUNCED_AT_ONCE))
            for change in batch:  # before they are sent: what changes again meanwhile is to be announced again
                del self._unannounced[change]
            try:
                async with asyncio.timeout(CONNECT_SECONDS), self._client.pipeline(transaction=False) as pipe:
                    for change in batch:
                        pipe.publish(keys.channel(change), b"")
                    await pipe.execute()
            except _FAULTS as error:
                self._keep(batch | self._unannounced)
                failures += 1
                await self._pause(failures, error, "changes_not_announced")
            else:
                failures = 0
                telemetry.CHANGES_ANNOUNCED.labels("announced").inc(len(batch))

    # -------------------------------------------------------------------------------------------- watching

    @asynccontextmanager
    async def watch(self, change: Change) -> AsyncIterator[AsyncIterator[None]]:
        """Ticks of one object."""
        channel, tick = keys.channel(change), asyncio.Event()
        self._watchers.setdefault(channel, set()).add(tick)
        if channel in self._confirmed:
            tick.set()
        self._wanted.set()
        self._keep_running("listen", self._listen)
        try:
            async with aclosing(_ticks(tick)) as ticks:
                yield ticks
        finally:
            self._watchers[channel].discard(tick)
            if not self._watchers[channel]:
                del self._watchers[channel]
                self._wanted.set()

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                async with self._client.pubsub() as connection, asyncio.TaskGroup() as tasks:
                    async with asyncio.timeout(CONNECT_SECONDS):
                        await connection.subscribe(keys.CHANNELS)
                    tasks.create_task(self._subscribe(connection))
                    while True:
                        self._heard(await _next_message(connection))
                        failures = 0
            except* _FAULTS as fault:
                failures += 1
                self._confirmed.clear()
                self._wanted.set()
                await self._pause(failures, fault.exceptions[0], "changes_not_heard")

    async def _subscribe(self, connection: PubSub) -> None:
        """Be subscribed to what is watched and to nothing else, again and again."""
        subscribed: set[str] = set()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if gone := subscribed - self._watchers.keys():
                self._confirmed -= gone
                subscribed -= gone
                await connection.unsubscribe(*gone)
            if new := self._watchers.keys() - subscribed:
                subscribed |= new
                await connection.subscribe(*new)

    def _heard(self, message: dict[str, Any]) -> None:
        if message["type"] not in ("subscribe", "message"):
            return
        channel = message["channel"].decode()
        if channel in self._watchers:
            self._confirmed.add(channel)
            for tick in self._watchers[channel]:
                tick.set()

    # -------------------------------------------------------------------------------------------- both

    def _keep_running(self, name: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        task = self._tasks.get(name)
        if task is None or task.done():
            nobody = contextvars.Context()  # not the request that happens to be the first: its id is not ours to log
            self._tasks[name] = asyncio.get_running_loop().create_task(work(), name=f"changes: {name}", context=nobody)

    async def _pause(self, failures: int, error: Exception, event: str) -> None:
        telemetry.CACHE_FAULTS.inc()
        if failures == 1:
            _log.warning(event, cause=type(error).__name__)
        await asyncio.sleep(PAUSE_SECONDS[min(failures, len(PAUSE_SECONDS)) - 1])

    async def close(self) -> None:
        """End every connection, once what is still to be announced has been, or after CLOSE_SECONDS."""
        announcing = self._tasks.pop("announce", None)
        if announcing is not None:
            await asyncio.wait([announcing], timeout=CLOSE_SECONDS)
        for task in filter(None, (announcing, self._tasks.pop("listen", None))):
            task.cancel()
            await asyncio.wait([task])
        if self._unannounced:
            _log.error("changes_never_announced", changes=len(self._unannounced))
        await self._client.aclose()


async def _ticks(tick: asyncio.Event) -> AsyncGenerator[None, None]:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FIRST_TICK_SECONDS):
            await tick.wait()
    while True:
        tick.clear()
        yield
        await tick.wait()


async def _next_message(connection: PubSub) -> dict[str, Any]:
    """The next message. Raises TimeoutError when the server does not even answer a ping."""
    message: dict[str, Any] | None = await connection.get_message(timeout=SILENCE_SECONDS)
    if message is None:
        await connection.ping()
        message = await connection.get_message(timeout=SILENCE_SECONDS)
    if message is None:
        raise TimeoutError
    return message
