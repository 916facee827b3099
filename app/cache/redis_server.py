"""One Redis or Valkey server, asked with little patience.

A dead or hung server costs a request 100 ms once, a command or the worker a second, then nothing for a while: after a
fault it counts as away for AWAY_SECONDS before it is asked again, whoever asks. All commands of a process share one
connection: what tasks ask in one turn of the event loop goes out together, which costs a fifth of a connection for each
command. See ADR-0004.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hiredis import HiredisError, ReplyError

from app import telemetry
from app.cache.redis_pipe import Argument, RedisPipe, open_pipe
from app.core.clock import Clock

TIMEOUT_SECONDS = 0.1  # of one command; a local server answers in well under a millisecond
AWAY_SECONDS = 2.0

_log = telemetry.logger(__name__)
_FAULTS = (TimeoutError, OSError, HiredisError)


class RedisAway(Exception):
    """The server did not answer in time, or did not a moment ago."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, which is sent once and then called by its digest."""

    text: str
    digest: str

    @classmethod
    def of(cls, text: str) -> Script:
        """The script with this text."""
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())

    def call(self, names: Sequence[str], values: Sequence[Argument]) -> tuple[Argument, ...]:
        """The command that calls it."""
        return ("EVALSHA", self.digest, len(names), *names, *values)


class RedisServer:
    """The connection to one server. Safe for any number of tasks of one event loop at once."""

    def __init__(self, url: str, clock: Clock, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """A server that is connected to when it is first asked. timeout_seconds: of one command."""
        self._url = url
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._away_until = 0.0
        self._pipe: RedisPipe | None = None
        self._opening: asyncio.Task[RedisPipe] | None = None

    @property
    def is_away(self) -> bool:
        """Whether it has failed a moment ago, so that it is not asked."""
        return self._clock.monotonic() < self._away_until

    async def ask(self, *command: Argument, insist: bool = False) -> object:
        """What the server answers. insist: ask it even while it counts as away. Raises RedisAway."""
        return self._checked(await self._answer(command, insist=insist))

    async def ask_all(self, commands: Iterable[Sequence[Argument]], *, insist: bool = False) -> list[object]:
        """What the server answers to these commands, which go out together. Raises RedisAway."""
        try:
            pipe = await self._reached(insist=insist)
            answers = await asyncio.gather(*(pipe.send(*each) for each in commands))
        except _FAULTS as error:
            self._failed(error)
            raise RedisAway from error
        return [self._checked(each) for each in answers]

    async def run(self, script: Script, names: Sequence[str], values: Sequence[Argument]) -> object:
        """What a script answers. Raises RedisAway."""
        answer = await self._answer(script.call(names, values))
        if _is_unknown_script(answer):
            answer = await self._answer(("EVAL", script.text, len(names), *names, *values))
        return self._checked(answer)

    def tell(self, commands: Iterable[Sequence[Argument]]) -> bool:
        """Send commands soon, and wait for no answer. False where there is no connection now: nothing is sent."""
        pipe = self._pipe
        if pipe is None or pipe.is_broken:
            return False
        for each in commands:
            pipe.tell(*each).add_done_callback(self._heed)
        return True

    async def ping(self) -> bool:
        """Whether the server answers."""
        try:
            return await (await self._opened()).send("PING") == b"PONG"
        except _FAULTS:
            return False

    async def close(self) -> None:
        """Close the connection; what has been told is sent before."""
        if self._opening is not None:
            self._opening.cancel()
        if self._pipe is not None:
            self._pipe.close()

    async def _answer(self, command: Sequence[Argument], *, insist: bool = False) -> object:
        try:
            return await (await self._reached(insist=insist)).send(*command)
        except _FAULTS as error:
            self._failed(error)
            raise RedisAway from error

    async def _reached(self, *, insist: bool = False) -> RedisPipe:
        if self.is_away and not insist:
            raise RedisAway
        return await self._opened()

    async def _opened(self) -> RedisPipe:
        """The connection, a new one where the last one is broken: one for all that wait for it."""
        if self._pipe is not None and not self._pipe.is_broken:
            return self._pipe
        if self._opening is None:
            self._opening = asyncio.create_task(open_pipe(self._url, self._timeout_seconds))
            self._opening.add_done_callback(self._keep)
        return await asyncio.shield(self._opening)

    def _keep(self, opening: asyncio.Task[RedisPipe]) -> None:
        self._opening = None
        if not opening.cancelled() and opening.exception() is None:
            self._pipe = opening.result()

    def _heed(self, told: asyncio.Future[object]) -> None:
        error = None if told.cancelled() else told.exception() or told.result()
        if isinstance(error, Exception) and not _is_unknown_script(error):
            self._failed(error)

    def _checked(self, answer: object) -> object:
        if isinstance(answer, ReplyError):
            self._failed(answer)
            raise RedisAway from answer
        return answer

    def _failed(self, error: Exception) -> None:
        telemetry.CACHE_FAULTS.inc()
        if not self.is_away:
            _log.warning("redis_away", cause=type(error).__name__, seconds=AWAY_SECONDS)
        self._away_until = self._clock.monotonic() + AWAY_SECONDS


def _is_unknown_script(answer: object) -> bool:
    return isinstance(answer, ReplyError) and str(answer).startswith("NOSCRIPT")
