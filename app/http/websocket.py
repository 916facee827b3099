"""Operations over a WebSocket, by the `graphql-transport-ws` protocol.

connection_init -> connection_ack -> subscribe, any number of times -> next … complete, or error

Whoever breaks the protocol is sent away with the code that it has for that. A client that does not read holds one
answer for each of its operations, and is given up after a while; one that has vanished is found by the server's pings.
When the process ends, sockets are closed with 1012 and operations are not completed, by which a client knows to connect
again. Source: GraphQL over WebSocket Protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from app import telemetry
from app.core.errors import Unauthenticated
from app.http import socket_protocol as protocol
from app.http.authentication import Authentication
from app.http.caller import Caller, CostBuckets
from app.http.closing import Closing
from app.http.closing import refusal as closing_refusal
from app.http.first_to_end import first_to_end
from app.http.live_connections import LiveConnections
from app.http.socket_operations import Executor, SocketOperations
from app.http.socket_protocol import ClientMessage, Ended

INIT_SECONDS = 10.0  # for connection_init to come
IDLE_SECONDS = 300.0  # without a message and without an operation
SEND_SECONDS = 30.0  # for the client to take what has been sent before


class GraphQLSocket:
    """Answers WebSockets at /graphql. Cookies count for nothing here: any site's page may open a socket with them."""

    def __init__(
        self,
        executor: Executor,
        authentication: Authentication,
        *,
        buckets: CostBuckets,
        closing: Closing,
        connections: LiveConnections,
    ) -> None:
        self._executor = executor
        self._authentication = authentication
        self._buckets = buckets
        self._closing = closing
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One socket, from its handshake to its end."""
        socket = WebSocket(scope, receive, send)
        refusal = self._refusal()
        if refusal is not None:
            await socket.send_denial_response(refusal)
            return
        speaks = protocol.SUBPROTOCOL in scope["subprotocols"]
        await socket.accept(protocol.SUBPROTOCOL if speaks else None)
        if not speaks:
            await socket.close(protocol.WRONG_SUBPROTOCOL, f"Speak {protocol.SUBPROTOCOL}.")
            return
        with self._connections.one():
            await _Conversation(socket, self._caller_on(socket), self._executor, self._closing).hold()

    def _caller_on(self, socket: WebSocket) -> Callable[[str, str | None], Awaitable[Caller]]:
        header = socket.headers.get("authorization")

        async def caller(request_id: str, authorization: str | None) -> Caller:
            identity = await self._authentication.by_header(authorization or header)
            return self._buckets.caller(request_id, identity, socket)

        return caller

    def _refusal(self) -> Response | None:
        request_id = self._executor.ids.new_uuid().hex
        if self._closing.has_begun:
            refused = closing_refusal(request_id)
        elif self._connections.is_full:
            refused = self._connections.refusal(request_id)
        else:
            return None
        return Response(msgspec.json.encode({"errors": refused.errors}), 503, refused.headers, "application/json")


class _Conversation:
    """What is said on one socket."""

    def __init__(
        self,
        socket: WebSocket,
        caller: Callable[[str, str | None], Awaitable[Caller]],
        executor: Executor,
        closing: Closing,
    ) -> None:
        self._socket = socket
        self._caller = caller
        self._closing = closing
        self._operations = SocketOperations(executor, self._send)
        self._authorization: str | None = None
        self._initialised = False
        self._client_lost = asyncio.Event()

    async def hold(self) -> None:
        """Until the client, the protocol or the process ends it."""
        try:
            await first_to_end(self._read(), self._closing.wait(), self._client_lost.wait())
            end = Ended(protocol.RESTARTING, "The server restarts.") if self._closing.has_begun else None
        except Ended as ended:
            end = ended
        except WebSocketDisconnect:
            end = None
        try:
            if end is not None:
                await self._close(end)
        finally:
            await self._operations.stop_all()

    async def _close(self, end: Ended) -> None:
        telemetry.SOCKETS_CLOSED.labels(str(end.code)).inc()
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):  # it may be closed already
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.close(end.code, end.reason)

    async def _send(self, text: str) -> None:
        """Send a message once the client has taken the ones before. Raises WebSocketDisconnect when it is lost."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send_text(text)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            self._client_lost.set()
            raise WebSocketDisconnect from None

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        init_ends = loop.time() + INIT_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(loop.time() + IDLE_SECONDS if self._initialised else init_ends):
                    frame = await self._socket.receive()
            except TimeoutError:
                self._check_patience()
                continue
            if frame["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(frame["code"])
            if frame.get("text") is None:
                raise Ended(protocol.BAD_MESSAGE, "A message must be text.")
            await self._heed(protocol.read_message(frame["text"]))

    def _check_patience(self) -> None:
        if not self._initialised:
            raise Ended(protocol.INIT_TIMEOUT, "Connection initialisation timeout")
        if not self._operations.count:
            raise Ended(protocol.GOING_AWAY, "Nothing was asked for some time.")

    async def _heed(self, message: ClientMessage) -> None:
        if message.kind == "connection_init":
            await self._initialise(message.payload or {})
        elif message.kind == "ping":
            await self._send(protocol.pong(message.payload))
        elif message.kind == "subscribe":
            if not self._initialised:
                raise Ended(protocol.NOT_ACKNOWLEDGED, "Unauthorized")
            await self._operations.begin(message.id, message.payload, self._asked_by)
        elif message.kind == "complete":
            self._operations.stop(message.id)

    async def _initialise(self, payload: dict[str, object]) -> None:
        """A browser cannot send headers with a WebSocket, so the access token may come here."""
        if self._initialised:
            raise Ended(protocol.SECOND_INIT, "Too many initialisation requests")
        given = next((value for name, value in payload.items() if name.lower() == "authorization"), None)
        if given is not None and not isinstance(given, str):
            raise Ended(protocol.BAD_MESSAGE, "authorization must be text: Bearer, and the access token.")
        try:
            await self._caller("", given)
        except Unauthenticated as error:
            raise Ended(protocol.FORBIDDEN, f"Forbidden: {error.message}") from None
        self._authorization, self._initialised = given, True
        await self._send(protocol.acknowledgement())

    async def _asked_by(self, request_id: str) -> Caller:
        """The token is verified for every operation: it lives shorter than a socket."""
        return await self._caller(request_id, self._authorization)
