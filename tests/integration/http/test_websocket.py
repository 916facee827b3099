"""`graphql-transport-ws` over a real socket: every message, and every code with which a socket ends."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.core.errors import Unauthenticated
from app.http import socket_operations, websocket
from app.http.operations import Refused
from app.server import MAX_MESSAGE_BYTES
from tests.integration.http.live_server import LiveServer, OneGoodToken, live_server
from tests.waiting import PATIENCE_SECONDS, until

PROTOCOL: Any = ["graphql-transport-ws"]
INIT = {"type": "connection_init"}
ACK = {"type": "connection_ack"}


class Client:
    """One socket, spoken to in messages."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, *messages: Any) -> None:
        for message in messages:
            await self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def subscribe(self, id_: str, query: str) -> None:
        await self.say({"id": id_, "type": "subscribe", "payload": {"query": query}})

    async def hear(self) -> Any:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return json.loads(await self.connection.recv())

    async def end(self) -> tuple[int | None, str | None]:
        """The code and reason with which the server ends the socket; what it says before is skipped."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    await self.connection.recv()
                except ConnectionClosed:
                    return self.connection.close_code, self.connection.close_reason


@pytest.fixture
async def live() -> AsyncIterator[LiveServer]:
    async with live_server() as live:
        yield live


@pytest.fixture
async def silent(live: LiveServer) -> AsyncIterator[Client]:
    """A client that has said nothing yet."""
    async with connect(live.ws, subprotocols=PROTOCOL, proxy=None) as connection:
        yield Client(connection)


@pytest.fixture
async def client(silent: Client) -> Client:
    """A client that the server has acknowledged."""
    await silent.say(INIT)
    assert await silent.hear() == ACK
    return silent


# ------------------------------------------------------------------------------------------------ operations


async def test_a_query_is_answered_once(client: Client) -> None:
    await client.subscribe("1", "query a")

    assert await client.hear() == {"id": "1", "type": "next", "payload": {"data": {"asked": "query a"}}}
    assert await client.hear() == {"id": "1", "type": "complete"}


async def test_a_subscription_gives_its_answers_until_it_ends(live: LiveServer, client: Client) -> None:
    await client.subscribe("1", "subscription a")
    for answer in (b'{"data": 1}', b'{"data": 2}', None):
        live.operations.feed("subscription a").put_nowait(answer)

    heard = [await client.hear() for _ in range(3)]

    assert [message.get("payload") for message in heard] == [{"data": 1}, {"data": 2}, None]
    assert [message["type"] for message in heard] == ["next", "next", "complete"]


async def test_operations_do_not_wait_for_each_other(live: LiveServer, client: Client) -> None:
    await client.subscribe("slow", "query slow")
    await client.subscribe("open", "subscription a")
    await client.subscribe("quick", "query quick")

    first = [await client.hear() for _ in range(2)]
    live.operations.may_go_on.set()
    second = [await client.hear() for _ in range(2)]

    assert [message["id"] for message in first] == ["quick"] * 2
    assert [message["id"] for message in second] == ["slow"] * 2


async def test_an_id_may_be_used_again_as_soon_as_its_operation_is_complete(client: Client) -> None:
    for round_ in range(20):
        await client.subscribe("same", f"query {round_}")
        assert (await client.hear())["payload"] == {"data": {"asked": f"query {round_}"}}
        assert (await client.hear())["type"] == "complete"


async def test_a_client_may_stop_a_subscription_and_use_its_id_at_once(live: LiveServer, client: Client) -> None:
    await client.subscribe("1", "subscription a")
    await until(lambda: live.operations.open_now == ["subscription a"])

    await client.say({"id": "1", "type": "complete"})
    await client.subscribe("1", "subscription b")
    await until(lambda: live.operations.open_now == ["subscription b"])
    live.operations.feed("subscription a").put_nowait(b'{"data": "late"}')
    live.operations.feed("subscription b").put_nowait(b'{"data": "b"}')

    assert (await client.hear())["payload"] == {"data": "b"}


async def test_stopping_what_is_not_there_is_no_fault(client: Client) -> None:
    await client.say({"id": "gone", "type": "complete"}, {"type": "ping"})

    assert await client.hear() == {"type": "pong"}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "query refused"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query broken"}, "INTERNAL_SERVER_ERROR"),
        ({"query": ""}, "BAD_REQUEST"),
        ({}, "BAD_REQUEST"),
        ({"query": "query a", "variables": []}, "BAD_REQUEST"),
    ],
)
async def test_what_cannot_be_executed_is_an_error_of_its_operation_alone(
    client: Client, payload: dict[str, Any], code: str
) -> None:
    await client.say({"id": "1", "type": "subscribe", "payload": payload})
    refused = await client.hear()
    await client.subscribe("1", "query a")

    assert (refused["id"], refused["type"]) == ("1", "error")
    assert [error["extensions"]["code"] for error in refused["payload"]] == [code]
    assert (await client.hear())["type"] == "next"


async def test_a_subscription_that_fails_later_ends_with_its_errors(live: LiveServer, client: Client) -> None:
    await client.subscribe("1", "subscription a")
    feed = live.operations.feed("subscription a")
    feed.put_nowait(b'{"data": 1}')
    feed.put_nowait(Refused([{"message": "gone", "extensions": {"code": "NOT_FOUND"}}], 400))

    heard = [await client.hear() for _ in range(2)]

    assert [message["type"] for message in heard] == ["next", "error"]
    await until(lambda: not live.operations.open_now)


async def test_beyond_twenty_operations_the_next_is_refused_and_the_others_live(
    live: LiveServer, client: Client
) -> None:
    for number in range(socket_operations.MAX_OPERATIONS):
        await client.subscribe(str(number), f"subscription {number}")

    await client.subscribe("more", "subscription more")
    refused = await client.hear()
    await client.say({"id": "0", "type": "complete"})
    await client.subscribe("more", "subscription more")
    live.operations.feed("subscription more").put_nowait(b'{"data": 1}')

    assert (refused["id"], refused["payload"][0]["extensions"]["code"]) == ("more", "THROTTLED")
    assert (await client.hear())["payload"] == {"data": 1}
    await until(lambda: len(live.operations.open_now) == socket_operations.MAX_OPERATIONS)


async def test_a_mutation_is_carried_through_when_its_client_is_gone(live: LiveServer, client: Client) -> None:
    await client.subscribe("1", "mutation slow")
    await client.subscribe("2", "query slow")
    await until(lambda: len(live.operations.open_now) == 2)

    await client.connection.close()
    await until(lambda: not live.connections._open)
    live.operations.may_go_on.set()
    await until(lambda: "mutation slow" in live.operations.carried_out)

    assert live.operations.carried_out == ["mutation slow"]


# ------------------------------------------------------------------------------------------------ the conversation


@pytest.mark.parametrize("payload", [{"payload": {"n": 1}}, {}], ids=["with payload", "without"])
async def test_a_ping_is_answered_with_its_payload(client: Client, payload: dict[str, Any]) -> None:
    await client.say({"type": "ping", **payload}, {"type": "pong", **payload})

    assert await client.hear() == {"type": "pong", **payload}


async def test_a_ping_is_answered_before_the_connection_is_initialised(silent: Client) -> None:
    await silent.say({"type": "ping"}, INIT)

    assert [await silent.hear(), await silent.hear()] == [{"type": "pong"}, ACK]


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
async def test_the_access_token_may_come_with_the_initialisation(live: LiveServer, silent: Client, name: str) -> None:
    await silent.say({**INIT, "payload": {name: "Bearer good", "more": 1}})
    assert await silent.hear() == ACK
    await silent.subscribe("1", "query a")

    assert (await silent.hear())["type"] == "next"
    (caller,) = live.operations.callers
    assert caller.budget[0] == "address:127.0.0.1"
    assert len(caller.request_id) == 32


async def test_the_access_token_may_come_with_the_handshake(live: LiveServer) -> None:
    headers = {"authorization": "Bearer bad"}
    async with connect(live.ws, subprotocols=PROTOCOL, additional_headers=headers, proxy=None) as connection:
        client = Client(connection)
        await client.say(INIT)

        assert await client.end() == (4403, "Forbidden: The access token has expired.")


async def test_an_access_token_that_expires_later_is_noticed_by_the_next_operation(
    live: LiveServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def expired(*_: object) -> None:
        raise Unauthenticated("The access token has expired.")

    monkeypatch.setattr(OneGoodToken, "by_header", expired)
    await client.subscribe("1", "query a")

    refused = await client.hear()

    assert [error["extensions"]["code"] for error in refused["payload"]] == ["UNAUTHENTICATED"]


@pytest.mark.parametrize("id_", ["x" * 255, "é", " "])
async def test_ids_are_the_clients(client: Client, id_: str) -> None:
    await client.subscribe(id_, "query a")

    assert (await client.hear())["id"] == id_


# ------------------------------------------------------------------------------------------------ how a socket ends


SUBSCRIBE = {"id": "1", "type": "subscribe", "payload": {"query": "subscription a"}}
UNREADABLE: dict[str, Any] = {
    "no JSON": "{",
    "no object": "[]",
    "text": '"ping"',
    "null": "null",
    "binary": b'{"type": "ping"}',
    "a key twice": '{"type": "ping", "type": "pong"}',
    "nested": '{"type": "ping", "payload": ' + '{"a": ' * 9_000 + "{}" + "}" * 9_000 + "}",
    "half a surrogate pair": '{"type": "ping", "payload": {"a": "\\ud800"}}',
    "NUL": '{"type": "ping", "payload": {"a": "\\u0000"}}',
    "no type": {"payload": {}},
    "a strange type": {"type": "start"},
    "a type that is no text": {"type": ["ping"]},
    "a payload that is no object": {"type": "ping", "payload": [1]},
    "subscribe without id": {**SUBSCRIBE, "id": ""},
    "subscribe with a number for an id": {**SUBSCRIBE, "id": 1},
    "subscribe with a long id": {**SUBSCRIBE, "id": "x" * 256},
    "subscribe without payload": {"id": "1", "type": "subscribe"},
    "complete without id": {"type": "complete"},
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_message_that_is_none_ends_the_socket_with_4400(live: LiveServer, client: Client, name: str) -> None:
    await client.say(UNREADABLE[name])

    code, reason = await client.end()

    assert code == 4400
    assert reason
    await live.until_idle()


async def test_text_that_is_not_utf8_ends_the_socket_with_1007(live: LiveServer, client: Client) -> None:
    await client.connection.send(b'{"type": "\xff"}', text=True)

    assert (await client.end())[0] == 1007
    await live.until_idle()


async def test_a_message_that_is_too_large_ends_the_socket_with_1009(live: LiveServer, client: Client) -> None:
    await client.say({"type": "ping", "payload": {"a": "x" * MAX_MESSAGE_BYTES}})

    assert (await client.end())[0] == 1009
    await live.until_idle()


async def test_an_operation_before_the_acknowledgement_ends_the_socket_with_4401(
    live: LiveServer, silent: Client
) -> None:
    await silent.say(SUBSCRIBE)

    assert await silent.end() == (4401, "Unauthorized")
    assert live.operations.callers == []


@pytest.mark.parametrize("payload", [{"authorization": "Bearer bad"}, {"authorization": "good"}])
async def test_a_bad_access_token_ends_the_socket_with_4403(silent: Client, payload: dict[str, Any]) -> None:
    await silent.say({**INIT, "payload": payload})

    assert (await silent.end())[0] == 4403


async def test_an_access_token_that_is_no_text_ends_the_socket_with_4400(silent: Client) -> None:
    await silent.say({**INIT, "payload": {"authorization": 1}})

    assert (await silent.end())[0] == 4400


@pytest.mark.parametrize("offered", [None, ["graphql-ws"], ["other", "graphql-ws"]])
async def test_another_subprotocol_ends_the_socket_with_4406(live: LiveServer, offered: Any) -> None:
    async with connect(live.ws, subprotocols=offered, proxy=None) as connection:
        assert connection.subprotocol is None
        assert (await Client(connection).end())[0] == 4406


async def test_the_right_subprotocol_may_be_one_of_several(live: LiveServer) -> None:
    offered: Any = ["graphql-ws", *PROTOCOL]
    async with connect(live.ws, subprotocols=offered, proxy=None) as connection:
        assert connection.subprotocol == "graphql-transport-ws"


async def test_a_client_that_never_initialises_is_sent_away_with_4408(
    monkeypatch: pytest.MonkeyPatch, live: LiveServer
) -> None:
    monkeypatch.setattr(websocket, "INIT_SECONDS", 0.05)
    async with connect(live.ws, subprotocols=PROTOCOL, proxy=None) as connection:
        assert await Client(connection).end() == (4408, "Connection initialisation timeout")


async def test_pings_do_not_put_the_initialisation_off(monkeypatch: pytest.MonkeyPatch, live: LiveServer) -> None:
    monkeypatch.setattr(websocket, "INIT_SECONDS", 0.2)
    async with connect(live.ws, subprotocols=PROTOCOL, proxy=None) as connection:
        client = Client(connection)

        async def ping() -> None:
            while True:
                await client.say({"type": "ping"})
                await asyncio.sleep(0.01)

        pinging = asyncio.ensure_future(ping())
        assert (await client.end())[0] == 4408
        await asyncio.wait([pinging])
        assert isinstance(pinging.exception(), ConnectionClosed)


async def test_a_second_use_of_an_id_ends_the_socket_with_4409(live: LiveServer, client: Client) -> None:
    await client.say(SUBSCRIBE, SUBSCRIBE)

    assert await client.end() == (4409, "Subscriber for 1 already exists")
    await live.until_idle()


async def test_a_second_initialisation_ends_the_socket_with_4429(client: Client) -> None:
    await client.say(INIT)

    assert await client.end() == (4429, "Too many initialisation requests")


async def test_a_client_without_operations_is_sent_away_in_the_end(
    monkeypatch: pytest.MonkeyPatch, live: LiveServer
) -> None:
    monkeypatch.setattr(websocket, "IDLE_SECONDS", 0.05)
    async with connect(live.ws, subprotocols=PROTOCOL, proxy=None) as connection:
        client = Client(connection)
        await client.say(INIT, SUBSCRIBE)
        await client.hear()
        for number in range(3):  # while it subscribes to something, it may be silent
            await asyncio.sleep(0.1)
            live.operations.feed("subscription a").put_nowait(msgspec.json.encode({"data": number}))
            assert (await client.hear())["payload"] == {"data": number}
        live.operations.feed("subscription a").put_nowait(None)

        assert (await client.end())[0] == 1001


@pytest.mark.parametrize("code", [1000, 4499], ids=["closed", "terminated"])
async def test_a_client_that_leaves_leaves_nothing_behind(live: LiveServer, client: Client, code: int) -> None:
    await client.say(SUBSCRIBE)
    await until(lambda: bool(live.operations.open_now))

    await client.connection.close(code)

    await live.until_idle()


async def test_a_client_that_vanishes_leaves_nothing_behind(live: LiveServer, client: Client) -> None:
    await client.say(SUBSCRIBE)
    await until(lambda: bool(live.operations.open_now))

    client.connection.transport.abort()

    await live.until_idle()


async def test_a_client_that_answers_no_ping_leaves_nothing_behind() -> None:
    async with live_server(ws_ping_interval=0.05, ws_ping_timeout=0.05) as live:
        _, writer = await _raw_handshake(live)
        writer.write(_frame(json.dumps(INIT)) + _frame(json.dumps(SUBSCRIBE)))
        await until(lambda: bool(live.operations.open_now))

        await live.until_idle()
        writer.close()


async def test_a_client_that_does_not_read_is_given_up_and_holds_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "SEND_SECONDS", 0.2)
    async with live_server() as live:
        _, writer = await _raw_handshake(live, receive_buffer=4_096)
        endless = {"id": "1", "type": "subscribe", "payload": {"query": "subscription endless"}}
        writer.transport.pause_reading()
        writer.write(_frame(json.dumps(INIT)) + _frame(json.dumps(endless)))

        await until(lambda: live.operations.asked_for > 0)
        await live.until_idle()
        writer.transport.abort()

    assert live.operations.asked_for * len(live.operations.chunk) < 8_000_000  # what the two kernels hold


# ------------------------------------------------------------------------------------------------ the process ends


async def test_a_process_that_ends_closes_with_1012_and_completes_nothing(live: LiveServer, client: Client) -> None:
    await client.say(SUBSCRIBE)
    await until(lambda: bool(live.operations.open_now))

    live.closing.begin()
    with pytest.raises(ConnectionClosed):
        await client.hear()

    assert client.connection.close_code == 1012
    await live.until_idle()


async def test_a_process_that_ends_takes_no_new_socket(live: LiveServer) -> None:
    live.closing.begin()

    with pytest.raises(InvalidStatus) as refusal:
        await connect(live.ws, subprotocols=PROTOCOL, proxy=None)

    assert refusal.value.response.status_code == 503
    assert refusal.value.response.headers["retry-after"] == "1"
    assert json.loads(refusal.value.response.body)["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"


async def test_beyond_the_limit_of_connections_the_next_is_refused() -> None:
    async with live_server(limit=1) as live:
        async with connect(live.ws, subprotocols=PROTOCOL, proxy=None):
            with pytest.raises(InvalidStatus) as refusal:
                await connect(live.ws, subprotocols=PROTOCOL, proxy=None)
        await live.until_idle()
        async with connect(live.ws, subprotocols=PROTOCOL, proxy=None) as connection:
            await Client(connection).say(INIT)
            assert await Client(connection).hear() == ACK

    assert refusal.value.response.status_code == 503


# ------------------------------------------------------------------------------------------------ metrics


async def test_open_streams_and_events_are_counted(live: LiveServer, client: Client) -> None:
    def value(name: str) -> float:
        return REGISTRY.get_sample_value(name, {"transport": "websocket"}) or 0.0

    events = value("cartograph_live_events_total")
    await client.say(SUBSCRIBE)
    live.operations.feed("subscription a").put_nowait(b'{"data": 1}')
    await client.hear()
    during = value("cartograph_live_streams")
    await client.connection.close()
    await live.until_idle()

    assert during == 1
    assert value("cartograph_live_streams") == 0
    assert value("cartograph_live_events_total") == events + 1


# ------------------------------------------------------------------------------------------------ a client of our own


async def _raw_handshake(
    live: LiveServer, *, receive_buffer: int | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that answers nothing by itself, as a library's would."""
    raw = sockets.socket()
    if receive_buffer is not None:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, receive_buffer)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", live.port))
    reader, writer = await asyncio.open_connection(sock=raw)
    writer.write(
        b"GET /graphql HTTP/1.1\r\nHost: shop.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    )
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    return reader, writer


def _frame(text: str) -> bytes:
    """A text frame as a client sends it, under a mask of zeros."""
    size = len(text)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return b"\x81" + length + b"\0\0\0\0" + text.encode()
