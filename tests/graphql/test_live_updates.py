"""Live updates as clients get them: over sockets, from servers and a worker that are processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.bootstrap import Shop
from app.cache import keys
from app.core.changes import cart_changed
from app.core.ids import CartId, Kind, decode, encode
from app.devstack.ports import http_status, pick_port
from app.devstack.supervisor import Child
from app.http import live_connections
from tests.conftest import REPOSITORY, Servers
from tests.graphql.conftest import ServerProcess
from tests.shopkeeping import Api, Provider, Shopkeeper, Stocked
from tests.waiting import PATIENCE_SECONDS, until

PROTOCOL: Any = ["graphql-transport-ws"]
CART = "subscription ($id: ID!) { cartUpdated(id: $id) { version note state } }"
ATTEMPT = "subscription ($id: ID!) { checkoutAttemptUpdated(id: $id) { state order { status } } }"
NOBODYS = encode(Kind.CART, CartId(__import__("uuid").UUID(int=404)))


# ------------------------------------------------------------------------------------------------ processes


@contextmanager
def process(servers: Servers, folder: Path, *arguments: str, **settings: str) -> Iterator[Child]:
    """A `cartograph` command on the tests' shop."""
    environment = {**os.environ, **servers.environment(), "CARTOGRAPH_DATA_DIR": str(folder), **settings}
    command = [sys.executable, "-m", "app.cli", *arguments]
    log = folder / f"{arguments[0]}-{pick_port()}.log"
    child = servers.supervisor.spawn(arguments[0], command, log=log, env=environment, cwd=REPOSITORY)
    try:
        yield child
    finally:
        servers.supervisor.stop(child)


@asynccontextmanager
async def serving(servers: Servers, folder: Path, **settings: str) -> AsyncIterator[ServerProcess]:
    port = pick_port()
    with process(servers, folder, "serve", "--port", str(port), **settings) as child:

        def ready() -> bool:
            assert child.exit_code() is None, child.output()
            return http_status(port, "/readyz") == 200

        await until(ready)
        yield ServerProcess(child, port)


@pytest.fixture(scope="module")
async def other(servers: Servers, shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """A second server on the same shop."""
    async with serving(servers, tmp_path_factory.mktemp("other")) as server:
        yield server


@asynccontextmanager
async def api_of(server: ServerProcess) -> AsyncIterator[Api]:
    url = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS) as client:
        yield Api(client)


# ------------------------------------------------------------------------------------------------ clients


class Events:
    """An event stream, read answer by answer."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def event(self) -> tuple[str, Any]:
        """The next event's name and data; comments are skipped. Raises StopAsyncIteration at the stream's end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            name = ""
            async for line in self._lines:
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    return name, json.loads(value) if value else None
        raise StopAsyncIteration

    async def data(self) -> Any:
        name, answer = await self.event()
        assert name == "next", answer
        (value,) = answer["data"].values()
        return value


class Socket:
    """A WebSocket with one subscription."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def data(self) -> Any:
        async with asyncio.timeout(PATIENCE_SECONDS):
            message = json.loads(await self.connection.recv())
        assert message["type"] == "next", message
        (value,) = message["payload"]["data"].values()
        return value


@asynccontextmanager
async def events(server: ServerProcess, query: str, accept: str = "text/event-stream", **variables: Any) -> Any:
    url, body = f"http://127.0.0.1:{server.port}/graphql", {"query": query, "variables": variables}
    async with (
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client,
        client.stream("POST", url, json=body, headers={"accept": accept}) as response,
    ):
        yield Events(response)


@asynccontextmanager
async def socket(server: ServerProcess, query: str, **variables: Any) -> AsyncIterator[Socket]:
    url = f"ws://127.0.0.1:{server.port}/graphql"
    async with connect(url, subprotocols=PROTOCOL, proxy=None) as connection:
        await connection.send('{"type": "connection_init"}')
        assert json.loads(await connection.recv()) == {"type": "connection_ack"}
        payload = {"query": query, "variables": variables}
        await connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        yield Socket(connection)


async def until_data(stream: Any, **wanted: Any) -> None:
    while True:
        value = await stream.data()
        if {name: value[name] for name in wanted} == wanted:
            return


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=20)


# ------------------------------------------------------------------------------------------------ who is told


@pytest.mark.parametrize("transport", [events, socket], ids=["event stream", "socket"])
async def test_a_change_made_through_one_server_is_seen_by_the_clients_of_another(
    server: ServerProcess, other: ServerProcess, api: Api, mug: Stocked, transport: Callable[..., Any]
) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))

    async with transport(server, CART, id=cart["id"]) as stream, api_of(other) as elsewhere:
        first = await stream.data()
        await elsewhere.cart_mutation("cartUpdate", cartId=cart["id"], note="from elsewhere")
        await until_data(stream, note="from elsewhere", version=cart["version"] + 1)

    assert first == {"version": cart["version"], "note": None, "state": "ACTIVE"}


async def test_what_the_worker_settles_is_seen_by_the_buyer_who_waits(
    server: ServerProcess,
    servers: Servers,
    api: Api,
    mug: Stocked,
    provider: Provider,
    shop: Shop,
    tmp_path: Path,
) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))
    waiting = await api.checkout(cart, pay="pm_card_threeDSecure2Required")

    async with (
        events(server, ATTEMPT, id=waiting["attempt"]["id"]) as attempts,
        socket(server, CART, id=cart["id"]) as carts,
    ):
        before = (await attempts.data())["state"], (await carts.data())["state"]
        await provider.answer_bank(waiting["clientSecret"], "succeed")
        with process(servers, tmp_path, "worker"):
            await until_data(attempts, state="SUCCEEDED", order={"status": "CONFIRMED"})
            await until_data(carts, state="COMPLETED")

    assert before == ("ACTION_REQUIRED", "IN_CHECKOUT")


async def test_clients_catch_up_after_their_server_has_lost_its_connection(
    server: ServerProcess, servers: Servers, api: Api, mug: Stocked
) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))
    channel = keys.channel(cart_changed(CartId(decode(cart["id"])[1])))
    async with Redis.from_url(servers.valkey.url) as admin, socket(server, CART, id=cart["id"]) as stream:
        await stream.data()

        await admin.client_kill_filter(_type="pubsub")
        await api.cart_mutation("cartUpdate", cartId=cart["id"], note="while it was away")

        await until_data(stream, note="while it was away")
        assert await admin.pubsub_numsub(channel) == [(channel.encode(), 1)]


async def test_a_client_that_hangs_up_is_forgotten_at_redis_too(
    server: ServerProcess, servers: Servers, api: Api, mug: Stocked
) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))
    channel = keys.channel(cart_changed(CartId(decode(cart["id"])[1])))
    async with Redis.from_url(servers.valkey.url) as admin:

        async def subscribers() -> int:
            return (await admin.pubsub_numsub(channel))[0][1]

        async with events(server, CART, id=cart["id"]) as stream, socket(server, CART, id=cart["id"]) as same:
            await stream.data()
            await same.data()
            during = await subscribers()

        async def nobody_is_left() -> bool:
            return await subscribers() == 0

        await until(nobody_is_left)

    assert during == 1


# ------------------------------------------------------------------------------------------------ negotiation


async def test_a_subscription_is_streamed_also_to_who_would_take_json(
    server: ServerProcess, api: Api, mug: Stocked
) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))

    async with events(server, CART, "application/json, text/event-stream", id=cart["id"]) as stream:
        assert (await stream.data())["version"] == cart["version"]

    assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"


async def test_a_query_of_who_takes_json_and_streams_is_answered_in_json(server: ServerProcess) -> None:
    accept = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"
    async with events(server, "{ shop { name } }", accept) as stream:
        body = await stream.response.aread()

    assert stream.response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert json.loads(body) == {"data": {"shop": {"name": "Cartograph"}}}


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("{ shop { name } }", {"data": {"shop": {"name": "Cartograph"}}}),
        ("mutation { cartCreate(input: {}) { userErrors { message } } }", {"data": {"cartCreate": {"userErrors": []}}}),
    ],
)
async def test_who_takes_streams_alone_gets_the_one_answer_of_a_query_as_an_event(
    server: ServerProcess, query: str, answer: Any
) -> None:
    async with events(server, query) as stream:
        heard = [await stream.event(), await stream.event()]
        with pytest.raises(StopAsyncIteration):
            await stream.event()

    assert stream.response.status_code == 200
    assert heard == [("next", answer), ("complete", None)]


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{ shop {", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        (CART, {}, "BAD_USER_INPUT"),
        (CART, {"id": "nonsense"}, "BAD_USER_INPUT"),
        (CART, {"id": NOBODYS}, "NOT_FOUND"),
    ],
)
async def test_who_takes_streams_alone_is_told_by_an_event_what_is_wrong(
    server: ServerProcess, query: str, variables: dict[str, Any], code: str
) -> None:
    async with events(server, query, **variables) as stream:
        (name, answer), last = await stream.event(), await stream.event()

    assert stream.response.status_code == 200
    assert name == "next"
    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
    assert last == ("complete", None)


async def test_a_subscription_without_a_stream_is_refused_with_the_ways_to_get_one(api: Api) -> None:
    answer = await api(CART, id=NOBODYS)

    assert answer.status == 406
    assert "text/event-stream" in answer.errors[0]["message"]
    assert "graphql-transport-ws" in answer.errors[0]["message"]


async def test_a_bad_access_token_is_a_status_whatever_is_accepted(server: ServerProcess) -> None:
    url, body = f"http://127.0.0.1:{server.port}/graphql", {"query": CART, "variables": {"id": NOBODYS}}
    headers = {"accept": "text/event-stream", "authorization": "Bearer nonsense"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(url, json=body, headers=headers)

    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_beyond_the_limit_of_connections_a_stream_is_refused(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_connections.LiveConnections, "is_full", True)
    answer = await http.post(
        "/graphql",
        json={"query": CART, "variables": {"id": NOBODYS}},
        headers={"accept": "text/event-stream"},
    )

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"


async def test_over_a_socket_errors_have_codes_and_the_socket_lives(server: ServerProcess) -> None:
    url = f"ws://127.0.0.1:{server.port}/graphql"
    asked = [("{ shop {", "GRAPHQL_PARSE_FAILED"), ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"), ("", "BAD_REQUEST")]
    async with connect(url, subprotocols=PROTOCOL, proxy=None) as connection:
        await connection.send('{"type": "connection_init"}')
        await connection.recv()
        codes = []
        for number, (query, _) in enumerate([*asked, ("{ shop { name } }", "")]):
            message = {"id": str(number), "type": "subscribe", "payload": {"query": query}}
            await connection.send(json.dumps(message))
            answer = json.loads(await connection.recv())
            codes += [error["extensions"]["code"] for error in answer["payload"] if answer["type"] == "error"]

    assert codes == [code for _, code in asked]
    assert answer["payload"] == {"data": {"shop": {"name": "Cartograph"}}}


# ------------------------------------------------------------------------------------------------ the end


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_server_with_open_streams_ends_at_once_when_it_is_told_to(
    servers: Servers, api: Api, mug: Stocked, tmp_path: Path, workers: str, number: signal.Signals
) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))
    async with (
        serving(servers, tmp_path, CARTOGRAPH_WORKERS=workers) as own,
        events(own, CART, id=cart["id"]) as stream,
        socket(own, CART, id=cart["id"]) as conversation,
    ):
        await stream.data()
        await conversation.data()

        own.child.send(number)
        with pytest.raises(StopAsyncIteration):
            await stream.event()
        with pytest.raises(ConnectionClosed):
            await conversation.data()
        await until(lambda: own.child.exit_code() is not None)

        assert own.child.exit_code() == 0
        assert conversation.connection.close_code == 1012
        assert "graceful shutdown exceeded" not in own.child.output()
        assert '"level": "error"' not in own.child.output()
