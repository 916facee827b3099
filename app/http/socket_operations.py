"""The operations of one WebSocket: each is a task of its own, under the id that the client gave it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

from starlette.websockets import WebSocketDisconnect

from app import telemetry
from app.core.errors import CardDataNotAllowed, Unauthenticated
from app.core.ids import IdSource
from app.http import socket_protocol as protocol
from app.http.body import BadRequest
from app.http.caller import Caller
from app.http.card_check import refuse_card_data
from app.http.graphql_errors import card_data_error, request_error
from app.http.graphql_request import checked_request
from app.http.operations import Operations, Ready, Refused
from app.http.socket_protocol import Ended
from resolvers.shop_schema import OperationKind

MAX_OPERATIONS = 20  # of one socket at a time

_log = telemetry.logger(__name__)

Send = Callable[[str], Awaitable[None]]
CallerOf = Callable[[str], Awaitable[Caller]]


class Executor:
    """Executes for every socket of the process. A mutation that has begun is carried through, whoever waits for it."""

    def __init__(self, operations: Operations, ids: IdSource) -> None:
        self.operations = operations
        self.ids = ids
        self._mutations: set[asyncio.Task[bytes]] = set()

    async def mutate(self, ready: Ready) -> bytes:
        """The answer. Canceling the caller cancels the waiting, not the work."""
        work = asyncio.create_task(self.operations.execute(ready))
        self._mutations.add(work)
        work.add_done_callback(self._mutations.discard)
        return await asyncio.shield(work)

    async def finish(self) -> None:
        """Return once nothing is under way that nobody waits for."""
        await asyncio.gather(*self._mutations, return_exceptions=True)


class SocketOperations:
    """Begins, runs and stops operations. send: raises WebSocketDisconnect when the client is lost."""

    def __init__(self, executor: Executor, send: Send) -> None:
        self._executor = executor
        self._send = send
        self._by_id: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many are under way."""
        return len(self._by_id)

    async def begin(self, id_: str, payload: Mapping[str, Any], caller: CallerOf) -> None:
        """Begin one. caller: a request id to whoever asks; may raise Unauthenticated.

        Raises Ended where one with this id is under way.
        """
        if id_ in self._by_id:
            raise Ended(protocol.ID_IN_USE, f"Subscriber for {id_} already exists")
        if self.count >= MAX_OPERATIONS:
            message = f"One connection has at most {MAX_OPERATIONS} operations at a time."
            error = request_error(message, "THROTTLED", self._executor.ids.new_uuid().hex, retryable=True)
            await self._send(protocol.refusal(id_, [error]))
            return
        task = asyncio.create_task(self._run(id_, dict(payload), caller))
        self._by_id[id_] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self, id_: str) -> None:
        """End one without a word; its id is free at once. One that has ended already may be stopped, too."""
        task = self._by_id.pop(id_, None)
        if task is not None:
            task.cancel()

    async def stop_all(self) -> None:
        """End all; they have ended when this returns."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, id_: str, payload: dict[str, Any], caller: CallerOf) -> None:
        request_id = self._executor.ids.new_uuid().hex
        telemetry.request_id.set(request_id)  # of this task
        try:
            last = await self._answer(id_, payload, caller, request_id)
            self._free(id_)  # before the client hears of it: it may use the id again
            await self._send(last)
        except WebSocketDisconnect:
            pass
        finally:
            self._free(id_)

    async def _answer(self, id_: str, payload: dict[str, Any], caller: CallerOf, request_id: str) -> str:
        """Send every answer; returns the last message about the operation."""
        try:
            refuse_card_data(payload)
            asked_by = await caller(request_id)
            ready = await self._executor.operations.prepare(checked_request(payload), asked_by)
            if ready.kind is OperationKind.SUBSCRIPTION:
                await self._stream(id_, ready)
            elif ready.kind is OperationKind.MUTATION:
                await self._send(protocol.next_answer(id_, await self._executor.mutate(ready)))
            else:
                await self._send(protocol.next_answer(id_, await self._executor.operations.execute(ready)))
        except BadRequest as error:
            return protocol.refusal(id_, [request_error(error.message, error.code, request_id)])
        except CardDataNotAllowed as error:
            return protocol.refusal(id_, [card_data_error(error, request_id)])
        except Unauthenticated as error:
            return protocol.refusal(id_, [request_error(error.message, "UNAUTHENTICATED", request_id)])
        except Refused as refused:
            return protocol.refusal(id_, refused.errors)
        except WebSocketDisconnect:
            raise
        except Exception as error:  # noqa: BLE001  the last edge: nothing is above a task
            _log.error("unhandled_error", exc_info=error)
            message = "Something went wrong on our side."
            return protocol.refusal(id_, [request_error(message, "INTERNAL_SERVER_ERROR", request_id, retryable=True)])
        return protocol.completion(id_)

    async def _stream(self, id_: str, ready: Ready) -> None:
        with telemetry.LIVE_STREAMS.labels("websocket").track_inprogress():
            async with aclosing(self._executor.operations.stream(ready)) as answers:
                async for answer in answers:
                    await self._send(protocol.next_answer(id_, answer))
                    telemetry.LIVE_EVENTS.labels("websocket").inc()

    def _free(self, id_: str) -> None:
        if self._by_id.get(id_) is asyncio.current_task():
            del self._by_id[id_]
