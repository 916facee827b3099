"""One connection to a Redis or Valkey server that any number of tasks share.

What they ask in one turn of the event loop is one write, and the server answers in the order of the commands: so a
command costs a place in a queue instead of a connection of its own and two turns of the loop. One whose task is gone
keeps its place, and its answer is dropped. What nobody waits for rides with the next one that somebody does. Source:
Redis manual, Pipelining; RESP protocol specification.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias, cast

import hiredis
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
)

Argument: TypeAlias = str | bytes | int
# its own types know commands of one word alone
_packed = cast("Callable[[tuple[Argument, ...]], bytes]", hiredis.pack_command)
RIDE_SECONDS = 0.002  # within which a busy process asks something else
GRACE_SECONDS = 0.005  # for an answer that has come while the loop was busy, and is not read yet
_NOTHING = object()


class PipeBroken(ConnectionError):
    """The connection is closed, or makes no sense."""


class RedisPipe(asyncio.Protocol):
    """The connection. For one event loop; it breaks where what has gone out waits longer than `timeout_seconds`."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self._transport: asyncio.WriteTransport | None = None
        self._unsent: list[tuple[asyncio.Future[object], bytes]] = []
        self._unanswered: deque[tuple[asyncio.Future[object], float]] = deque()  # and when each was sent
        self._flushes_now = False
        self._flushes_later: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self.is_broken = False

    def send(self, *command: Argument) -> asyncio.Future[object]:
        """The answer, once it is there: bytes, a number, a list, None, or a ReplyError as a value.

        The future raises PipeBroken or TimeoutError where the connection ends before.
        """
        answer = self._enqueued(command)
        if not self._flushes_now:
            self._flushes_now = True
            self._loop.call_soon(self._flush)
        return answer

    def tell(self, *command: Argument) -> asyncio.Future[object]:
        """The same for whoever does not wait: it goes out with the next command that is sent, ahead of it.

        Where none is, or the connection is closed before, it goes out alone, after RIDE_SECONDS at most.
        """
        answer = self._enqueued(command)
        if not self._flushes_now and self._flushes_later is None:
            self._flushes_later = self._loop.call_later(RIDE_SECONDS, self._flush)
        return answer

    def close(self) -> None:
        """Send what has been asked, and wait for no answer."""
        self._flush()
        if self._transport is not None:
            self._transport.close()  # once all is written
        self._end(PipeBroken("the connection is closed"))

    # -------------------------------------------------------------------------------------------- the loop calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a connection."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Answers, or parts of them."""
        try:
            self._reader.feed(data)
            while (found := self._reader.gets()) is not _NOTHING:
                answer, _ = self._unanswered.popleft()
                if not answer.done():
                    answer.set_result(found)
        except (hiredis.ProtocolError, IndexError) as error:  # or an answer that nobody has asked for
            self._end(PipeBroken(str(error)))

    def connection_lost(self, exc: Exception | None) -> None:
        """The server has closed it, or the network."""
        self._end(exc if isinstance(exc, OSError) else PipeBroken("the server has closed the connection"))

    # --------------------------------------------------------------------------------------------

    def _enqueued(self, command: tuple[Argument, ...]) -> asyncio.Future[object]:
        answer: asyncio.Future[object] = self._loop.create_future()
        if self.is_broken:
            answer.set_exception(PipeBroken("the connection is closed"))
            return answer
        self._unsent.append((answer, _packed(command)))
        return answer

    def _flush(self) -> None:
        self._flushes_now = False
        if self._flushes_later is not None:
            self._flushes_later.cancel()
            self._flushes_later = None
        if not self._unsent or self._transport is None:
            return
        self._transport.write(b"".join(command for _, command in self._unsent))
        now = self._loop.time()
        self._unanswered.extend((answer, now) for answer, _ in self._unsent)
        self._unsent.clear()
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout_seconds, self._look_for_late_answers)

    def _look_for_late_answers(self, suspect: asyncio.Future[object] | None = None) -> None:
        self._watch = None
        if not self._unanswered:
            return
        first, since = self._unanswered[0]
        left = since + self._timeout_seconds - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look_for_late_answers)
        elif first is not suspect:
            self._watch = self._loop.call_later(GRACE_SECONDS, self._look_for_late_answers, first)
        else:
            self._end(TimeoutError(f"no answer in {self._timeout_seconds:g} s"))

    def _end(self, error: Exception) -> None:
        self.is_broken = True
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.abort()
        for answer, _ in (*self._unanswered, *self._unsent):
            if not answer.done():
                answer.set_exception(error)
        self._unanswered.clear()
        self._unsent.clear()


async def open_pipe(url: str, timeout_seconds: float) -> RedisPipe:
    """A pipe to the server with this address, as redis-py reads it. Raises OSError, TimeoutError or ReplyError."""
    pool = ConnectionPool.from_url(url)
    place = cast("AbstractConnection", pool.make_connection())  # type: ignore[no-untyped-call]
    async with asyncio.timeout(timeout_seconds):
        pipe = await _connected(place, timeout_seconds)
        try:
            for answer in await asyncio.gather(*(pipe.send(*each) for each in _greetings(place))):
                if isinstance(answer, hiredis.ReplyError):
                    raise answer
        except BaseException:
            pipe.close()
            raise
    return pipe


def _greetings(place: AbstractConnection) -> Iterator[tuple[Argument, ...]]:
    if place.username or place.password:
        yield ("AUTH", *filter(None, (place.username, place.password)))
    if place.db:
        yield ("SELECT", place.db)


async def _connected(place: AbstractConnection, timeout_seconds: float) -> RedisPipe:
    loop = asyncio.get_running_loop()
    if isinstance(place, Connection):
        security = place.ssl_context.get() if isinstance(place, SSLConnection) else None
        transport, pipe = await loop.create_connection(
            lambda: RedisPipe(timeout_seconds), place.host, place.port, ssl=security
        )
        handle = transport.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in cast("Mapping[int, int]", place.socket_keepalive_options).items():
            handle.setsockopt(socket.IPPROTO_TCP, option, value)
    else:
        assert isinstance(place, UnixDomainSocketConnection), "there is no other kind of address"
        _, pipe = await loop.create_unix_connection(lambda: RedisPipe(timeout_seconds), place.path)
    return pipe
