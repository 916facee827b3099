"""A server on a real socket whose operations a test writes the script of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uvicorn
from graphql import OperationType
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route, WebSocketRoute

from app.accounts.domain import Identity
from app.core.errors import Unauthenticated
from app.core.ids import RandomIds
from app.core.throttle import Bucket
from app.http.caller import Caller, CostBuckets
from app.http.closing import Closing
from app.http.event_stream import EventStream
from app.http.graphql_request import GraphQLRequest, read_request
from app.http.live_connections import LiveConnections
from app.http.operations import Ready, Refused
from app.http.socket_operations import Executor
from app.http.websocket import GraphQLSocket
from app.server import WEBSOCKETS
from tests.waiting import until

KINDS = {"mutation": OperationType.MUTATION, "subscription": OperationType.SUBSCRIPTION}


@dataclass(frozen=True)
class ScriptedReady:
    """`Ready`, with what was asked."""

    kind: OperationType
    query: str


@dataclass
class ScriptedOperations:
    """`Operations`: a document's first word is its kind, and its other words say what becomes of it.

    feeds: the answers of the subscription with this document; callers: who asked; asked_for: how many answers of the
    feed named `endless` the transport has asked for.
    """

    feeds: dict[str, asyncio.Queue[bytes | Exception | None]] = field(default_factory=dict)
    callers: list[Caller] = field(default_factory=list)
    open_now: list[str] = field(default_factory=list)
    carried_out: list[str] = field(default_factory=list)
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    asked_for: int = 0
    chunk: bytes = b'{"data": "' + b"x" * 60_000 + b'"}'

    def feed(self, query: str) -> asyncio.Queue[bytes | Exception | None]:
        return self.feeds.setdefault(query, asyncio.Queue())

    async def prepare(self, asked: GraphQLRequest, caller: Caller) -> Any:
        query = asked.document.text or ""
        self.callers.append(caller)
        if "refused" in query:
            raise Refused([{"message": "no", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}], 400)
        if "broken" in query:
            raise ZeroDivisionError
        return ScriptedReady(KINDS.get(query.split()[0], OperationType.QUERY), query)

    async def execute(self, ready: Any) -> bytes:
        self.open_now.append(ready.query)
        if "slow" in ready.query:
            await self.may_go_on.wait()
        self.carried_out.append(ready.query)
        self.open_now.remove(ready.query)
        return msgspec.json.encode({"data": {"asked": ready.query}})

    async def stream(self, ready: Any) -> AsyncGenerator[bytes, None]:
        self.open_now.append(ready.query)
        try:
            while "endless" in ready.query:
                self.asked_for += 1
                yield self.chunk
            while (answer := await self.feed(ready.query).get()) is not None:
                if isinstance(answer, Exception):
                    raise answer
                yield answer
        finally:
            self.open_now.remove(ready.query)


@dataclass(frozen=True)
class LiveServer:
    """Where it listens, and what a test steers it with."""

    port: int
    operations: ScriptedOperations
    closing: Closing
    connections: LiveConnections
    server: uvicorn.Server

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    async def until_idle(self) -> None:
        """Return once no operation is under way and no connection is counted."""
        await until(lambda: not self.operations.open_now and not self.connections._open)


class OneGoodToken:
    """`Authentication` that knows one token, a guest's."""

    async def by_header(self, header: str | None) -> Identity | None:
        if header not in (None, "Bearer good"):
            raise Unauthenticated("The access token has expired.")
        return None


@asynccontextmanager
async def live_server(*, limit: int = 100, **options: Any) -> AsyncIterator[LiveServer]:
    operations, closing, connections = ScriptedOperations(), Closing(), LiveConnections(limit=limit)
    scripted: Any = operations

    bucket = Bucket(1_000, 50)

    async def streamed(request: Request) -> EventStream:
        ready: Ready = await scripted.prepare(await read_request(request), Caller("id", None, ("nobody", bucket)))
        return EventStream(scripted.stream(ready), closing=closing, connections=connections)

    executor = Executor(scripted, RandomIds())
    authentication: Any = OneGoodToken()
    socket = GraphQLSocket(
        executor, authentication, buckets=CostBuckets(bucket, bucket), closing=closing, connections=connections
    )
    app = Starlette(routes=[Route("/graphql", streamed, methods=["POST"]), WebSocketRoute("/graphql", socket)])
    config = uvicorn.Config(app, port=0, http="httptools", log_config=None, lifespan="off", **{**WEBSOCKETS, **options})
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())  # `serve` would take the test run's signals
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield LiveServer(port, operations, closing, connections, server)
    closing.begin()
    operations.may_go_on.set()
    server.should_exit = True
    await serving
