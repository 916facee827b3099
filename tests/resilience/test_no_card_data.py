"""I10 over real transports: card numbers through every door of a running server, then a witness that finds none."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from app.bootstrap import build_shop
from app.core.card_data import MASK, has_card_number
from app.core.money import Currency
from app.documents.domain import digest
from app.http import body as http_body
from app.seed.demo import demo_drafts
from app.seed.logins import DEMO_CUSTOMERS
from app.settings import load_settings
from app.web import build_app
from tests.cards import PUBLISHED, SPELLINGS, spelled
from tests.conftest import Servers
from tests.graphql.positions import text_positions
from tests.resilience import card_witness
from tests.serving import ServerProcess, serving
from tests.shopkeeping import Api
from tests.waiting import PATIENCE_SECONDS, until

DATABASE = "cards"
VISA = PUBLISHED["Visa"]
STRICT = {"accept": "application/graphql-response+json"}
PROTOCOL: Any = ["graphql-transport-ws"]
POSITIONS = text_positions()
SEARCH = "query Search($words: String) { products(query: $words) { nodes { id } } }"
SUGGEST = "subscription Watch($id: ID!) { cartUpdated(cartId: $id) { id } }"
NOT_ALLOWED = {"CARD_DATA_NOT_ALLOWED"}


@dataclass(frozen=True, slots=True)
class House:
    """A running server, and whatever it may have kept something in."""

    process: ServerProcess
    client: httpx.AsyncClient
    database_url: str
    redis_url: str
    logs: tuple[Path, ...]

    async def card_numbers(self) -> list[str]:
        """What the witness finds in all of it."""
        metrics = (await self.client.get("/metrics")).text
        return await card_witness.card_numbers_anywhere(
            database_url=self.database_url, redis_url=self.redis_url, logs=self.logs, metrics=metrics
        )


def settings_of(servers: Servers, database: str) -> dict[str, str]:
    return {**servers.environment(database), "REDIS_URL": servers.valkey.url.removesuffix("0") + "4"}


@pytest.fixture(scope="module")
async def house(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    servers.postgres.create_database(DATABASE)
    own = settings_of(servers, DATABASE)
    shop = build_shop(load_settings(own))
    await shop.migrate()
    await shop.store_products(list(demo_drafts(Currency("USD"), image_base_url="")))
    for email, password, name in DEMO_CUSTOMERS:
        await shop.accounts.add_customer(email, password, name)
    folder = tmp_path_factory.mktemp("cards")
    async with (
        serving(servers, folder, **{name: own[name] for name in ("DATABASE_URL", "REDIS_URL")}) as process,
        httpx.AsyncClient(base_url=process.url, trust_env=False, timeout=PATIENCE_SECONDS) as client,
    ):
        yield House(process, client, own["DATABASE_URL"], own["REDIS_URL"], (folder / "server.log",))
    await shop.close()
    servers.postgres.drop_database(DATABASE)


def refusal(answer: httpx.Response) -> dict[str, Any]:
    """The one error of an answer that says nothing of the number."""
    assert not tells(answer)
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "CARD_DATA_NOT_ALLOWED"
    assert error["extensions"]["requestId"] == answer.headers["x-request-id"]
    return error


async def until_closed(connection: ClientConnection) -> list[str]:
    """What the server says before it closes a socket for a fault of the client's."""
    heard: list[str] = []
    try:
        async for message in connection:
            heard.append(str(message))
    except ConnectionClosedError:
        return heard
    raise AssertionError("it was closed without a fault")


def tells(answer: httpx.Response) -> bool:
    """Whether an answer has a card number, or a good part of the one that was sent."""
    text = f"{answer.text} {json.dumps(dict(answer.headers))}"
    return has_card_number(text) or "42424242" in re.sub(r"\W", "", text)


# ------------------------------------------------------------------------------------------------ every argument


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_argument_of_the_schema_takes_one_in_a_variable(house: House, spelling: str) -> None:
    escaped = json.dumps(spelled(spelling))[1:-1]

    for name, position in POSITIONS.items():
        answer = await house.client.post(
            "/graphql", content=position.body(escaped), headers={"content-type": "application/json", **STRICT}
        )

        assert answer.status_code == 400, name
        assert refusal(answer)["extensions"]["position"][:2] == ["variables", "v"], name

    assert await house.card_numbers() == []


@pytest.mark.parametrize("number", ["4242424242424242", "4242424242424242.0", "4.242424242424242e15"])
async def test_no_argument_takes_one_as_a_number(house: House, number: str) -> None:
    for name, position in POSITIONS.items():
        body = position.body("@").replace(b'"@"', number.encode())
        answer = await house.client.post("/graphql", content=body, headers={"content-type": "application/json"})

        assert answer.status_code == 200, name  # for those who read no body of another status
        assert refusal(answer)["extensions"]["position"][:2] == ["variables", "v"], name


# ------------------------------------------------------------------------------------------------ every other door


def posted(**members: Any) -> Callable[[httpx.AsyncClient], Any]:
    return lambda client: client.post("/graphql", json=members, headers=STRICT)


def fetched(**parameters: str) -> Callable[[httpx.AsyncClient], Any]:
    return lambda client: client.get("/graphql", params=parameters, headers=STRICT)


DOORS: dict[str, tuple[Callable[[httpx.AsyncClient], Any], list[str]]] = {
    "a literal": (posted(query=f'{{ products(query: "{VISA}") {{ nodes {{ id }} }} }}'), ["query"]),
    "an escaped literal": (
        posted(query='{ products(query: "\\u00342\\u{34}2424242424242") { nodes { id } } }'),
        ["query"],
    ),
    "a number": (posted(query=f"{{ products(first: {VISA}) {{ nodes {{ id }} }} }}"), ["query"]),
    "a block": (posted(query='{ products(query: """4242 4242\n  4242 4242""") { nodes { id } } }'), ["query"]),
    "a comment": (posted(query=f"{{ shop {{ name }} }} # {VISA}"), ["query"]),
    "an alias": (posted(query=f"{{ card_{VISA}: shop {{ name }} }}"), ["query"]),
    "a default": (
        posted(query=f'query ($a: String = "{VISA}") {{ products(query: $a) {{ nodes {{ id }} }} }}'),
        ["query"],
    ),
    "a document that is none": (posted(query=f"{{ {VISA}"), ["query"]),
    "a persisted query": (
        posted(
            query=f"{{ shop {{ name }} }} # {VISA}",
            extensions={"persistedQuery": {"version": 1, "sha256Hash": digest(f"{{ shop {{ name }} }} # {VISA}")}},
        ),
        ["query"],
    ),
    "a variable that is not declared": (posted(query="{ shop { name } }", variables={"a": VISA}), ["variables", "a"]),
    "a variable's name": (posted(query="{ shop { name } }", variables={VISA: "a"}), ["variables"]),
    "an inner name": (posted(query=SEARCH, variables={"words": {"a": {VISA: 1}}}), ["variables", "words", "a"]),
    "an operation's name": (posted(query=SEARCH, operationName=VISA), ["operationName"]),
    "an extension": (posted(query=SEARCH, extensions={"client": {"note": VISA}}), ["extensions", "client", "note"]),
    "a hash": (
        posted(extensions={"persistedQuery": {"version": 1, "sha256Hash": VISA}}),
        ["extensions", "persistedQuery", "sha256Hash"],
    ),
    "a document's id": (posted(documentId=VISA), ["documentId"]),
    "an unknown member": (posted(query=SEARCH, note=VISA), ["note"]),
    "an unknown member's name": (posted(query=SEARCH, **{VISA: "note"}), []),
    "a batch": (
        lambda client: client.post("/graphql", json=[{"query": SEARCH, "variables": {"words": VISA}}], headers=STRICT),
        ["0", "variables", "words"],
    ),
    "a query string's document": (fetched(query=f'{{ products(query: "{VISA}") {{ nodes {{ id }} }} }}'), ["query"]),
    "a query string's variables": (
        fetched(query=SEARCH, variables=json.dumps({"words": VISA})),
        ["variables", "words"],
    ),
    "a query string's operation": (fetched(query=SEARCH, operationName=VISA), ["operationName"]),
    "a query string's persisted query": (
        fetched(extensions=json.dumps({"persistedQuery": {"version": 1, "sha256Hash": VISA}})),
        ["extensions", "persistedQuery", "sha256Hash"],
    ),
    "a query string's other parameter": (fetched(query="{ shop { name } }", note=VISA), ["note"]),
    "a subscription": (
        lambda client: client.post(
            "/graphql", json={"query": SUGGEST, "variables": {"id": VISA}}, headers={"accept": "application/json"}
        ),
        ["variables", "id"],
    ),
    "the idempotency key": (
        lambda client: client.post(
            "/graphql",
            json={"query": "mutation { cartCreate(input: {}) { cart { id } } }"},
            headers={"idempotency-key": f"order-{VISA}", **STRICT},
        ),
        ["headers", "idempotency-key"],
    ),
}


@pytest.mark.parametrize("door", DOORS)
async def test_no_other_door_lets_one_in(house: House, door: str) -> None:
    knock, position = DOORS[door]

    answer = await knock(house.client)

    error = refusal(answer)
    assert error["extensions"]["position"] == position
    assert ("locations" in error) == (position == ["query"])
    assert await house.card_numbers() == []


async def test_an_event_stream_is_refused_by_one_event(house: House) -> None:
    answer = await house.client.post(
        "/graphql", json={"query": SUGGEST, "variables": {"id": VISA}}, headers={"accept": "text/event-stream"}
    )

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "CARD_DATA_NOT_ALLOWED" in answer.text
    assert not tells(answer)


@pytest.mark.parametrize(
    ("path", "body", "position"),
    [
        ("login", {"email": VISA, "password": "x"}, ["email"]),
        ("login", {"email": "ada@example.com", "password": spelled("spaces")}, ["password"]),
        ("login", {"email": "ada@example.com", "password": "x", VISA: 1}, []),
        ("login", [VISA], ["0"]),
        ("register", {"email": "ada@example.com", "password": "x", "name": VISA}, ["name"]),
        ("refresh", {"refreshToken": VISA}, ["refreshToken"]),
        ("logout", {"everywhere": int(VISA)}, ["everywhere"]),
        ("verify-email", {"token": VISA}, ["token"]),
        ("password/reset-request", {"email": f"{VISA}@example.com"}, ["email"]),
        ("password/reset", {"token": "x", "newPassword": VISA}, ["newPassword"]),
        ("password/change", {"currentPassword": VISA, "newPassword": "x"}, ["currentPassword"]),
    ],
)
async def test_accounts_refuse_one(house: House, path: str, body: Any, position: list[str]) -> None:
    answer = await house.client.post(f"/api/auth/{path}", json=body)

    assert (answer.status_code, tells(answer)) == (400, False)
    assert answer.json()["error"]["code"] == "CARD_DATA_NOT_ALLOWED"
    assert answer.json()["error"]["position"] == position


async def test_the_key_of_a_registration_is_refused(house: House) -> None:
    body = {"email": "ada@example.com", "password": "trail mug and bowl"}

    answer = await house.client.post("/api/auth/register", json=body, headers={"idempotency-key": f"key-of-{VISA}"})

    assert (answer.status_code, tells(answer)) == (400, False)
    assert answer.json()["error"]["position"] == ["headers", "idempotency-key"]
    assert await house.card_numbers() == []


async def test_what_a_client_calls_itself_is_kept_without_one(house: House) -> None:
    credentials = dict(zip(("email", "password"), DEMO_CUSTOMERS[0][:2], strict=True))
    itself = {"user-agent": f"Shop/1 ({VISA})"}

    signed_in = await house.client.post("/api/auth/login", json=credentials, headers=itself)
    bearer = {"authorization": f"Bearer {signed_in.json()['token']}"}
    sessions = await house.client.get("/api/auth/sessions", headers=bearer)
    await house.client.post("/graphql", json={"query": "{ me { id } }"}, headers={**bearer, **itself})

    assert [each["userAgent"] for each in sessions.json()["sessions"]] == [f"Shop/1 ({MASK})"]
    assert await house.card_numbers() == []


async def test_an_id_of_a_request_that_has_one_is_replaced(house: House) -> None:
    answer = await house.client.get("/graphql?query={shop{name}}", headers={"x-request-id": VISA})

    assert answer.status_code == 200
    assert not tells(answer)
    assert await house.card_numbers() == []


@pytest.mark.parametrize(
    "path", [f"/{VISA}", f"/media/{VISA}.svg", f"/explorer/{VISA}", f"/static/{VISA}.css", f"/graphql/{VISA}"]
)
async def test_a_path_with_one_is_logged_without_it(house: House, path: str) -> None:
    (log,) = house.logs
    before = log.read_text().count(MASK)

    answer = await house.client.get(path)

    assert not tells(answer)
    await until(lambda: log.read_text().count(MASK) > before)
    assert await house.card_numbers() == []


@pytest.mark.parametrize(
    "raw",
    [
        f"POST /graphql HTTP/1.1\r\nhost: x\r\n4242 4242 4242 4242\r\n\r\n{VISA}",
        f"GET /{VISA} HTTP/9.9\r\n\r\n",
        f"{VISA}\r\n\r\n",
        f"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: {VISA}\r\ncontent-length: 16\r\n\r\n{VISA}",
        f"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n{VISA}",
        f'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 19\r\n\r\n{{"{VISA}"',
    ],
    ids=["a broken head", "a version", "no request", "a media type", "a body that is a number", "half a body"],
)
async def test_what_cannot_be_read_is_not_repeated(house: House, raw: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.process.port)
    writer.write(raw.encode())
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.readuntil(b"}]}")
    writer.close()

    assert b'{"errors":[{"message":"' in answer
    assert not has_card_number(answer.decode())
    assert await house.card_numbers() == []


# ------------------------------------------------------------------------------------------------ sockets


@pytest.mark.parametrize(
    "messages",
    [
        [{"type": "connection_init", "payload": {"note": VISA}}],
        [{"type": "connection_init", "payload": {"authorization": f"Bearer {VISA}"}}],
        [{"type": "connection_init"}, {"type": "ping", "payload": {"echo": spelled("dashes")}}],
        [{"type": "connection_init"}, {"type": "ping", "payload": {VISA: 1}}],
        [{"type": "connection_init"}, {"type": "complete", "id": VISA}],
        [{"type": "connection_init"}, {"type": "subscribe", "id": VISA, "payload": {"query": "{ shop { name } }"}}],
        [{"type": "connection_init"}, {"type": VISA}],
        [{"type": "connection_init", "more": 4242424242424242}],
    ],
)
async def test_a_message_with_one_ends_the_socket_without_repeating_it(house: House, messages: list[Any]) -> None:
    async with connect(f"ws://127.0.0.1:{house.process.port}/graphql", subprotocols=PROTOCOL, proxy=None) as connection:
        for message in messages:
            await connection.send(json.dumps(message))
        async with asyncio.timeout(PATIENCE_SECONDS):
            heard = await until_closed(connection)
        reason = connection.close_reason or ""

    assert connection.close_code == 4400
    assert messages[-1]["type"] == VISA or reason.startswith("CARD_DATA_NOT_ALLOWED: ")
    assert not any(has_card_number(text) for text in [*heard, reason])
    assert await house.card_numbers() == []


@pytest.mark.parametrize(
    ("payload", "position"),
    [
        ({"query": SUGGEST, "variables": {"id": spelled("in a sentence")}}, ["variables", "id"]),
        ({"query": SEARCH, "variables": {"words": 4242424242424242}}, ["variables", "words"]),
        ({"query": f"{{ shop {{ name }} }} # {VISA}"}, ["query"]),
        ({"query": SEARCH, "operationName": VISA}, ["operationName"]),
    ],
)
async def test_an_operation_with_one_is_an_error_and_the_socket_goes_on(
    house: House, payload: Any, position: list[str]
) -> None:
    address = f"ws://127.0.0.1:{house.process.port}/graphql?card={VISA}"
    async with connect(address, subprotocols=PROTOCOL, proxy=None) as connection:
        await connection.send('{"type": "connection_init"}')
        await connection.recv()
        await connection.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        error = str(await connection.recv())
        good = {"query": "{ shop { name } }"}
        await connection.send(json.dumps({"type": "subscribe", "id": "1", "payload": good}))
        next_ = str(await connection.recv())

    message = json.loads(error)
    assert (message["type"], message["id"]) == ("error", "1")
    assert [each["extensions"]["position"] for each in message["payload"]] == [position]
    assert not has_card_number(error)
    assert json.loads(next_)["payload"] == {"data": {"shop": {"name": "Cartograph"}}}
    assert await house.card_numbers() == []


# ------------------------------------------------------------------------------------------------ the witness


async def test_the_witness_finds_one_in_every_kind_of_column(house: House) -> None:
    connection = await asyncpg.connect(house.database_url.replace("postgresql+asyncpg:", "postgresql:"))
    await connection.execute("""
        CREATE SCHEMA planted;
        CREATE TABLE planted.here (a text, b jsonb, c varchar(40)[], d bytea, e bigint, f numeric, "G h" json,
                                   i integer);
    """)
    try:
        await connection.execute(
            "INSERT INTO planted.here VALUES ($1, $2, $3, $4, $5, $6, $7, 4242)",
            *(spelled("dots"), json.dumps({"a": [VISA]}), ["", spelled("spaces")], b"\xff" + VISA.encode(), int(VISA)),
            *(int(VISA), json.dumps({VISA: 1})),
        )
        found = await house.card_numbers()
    finally:
        await connection.execute("DROP SCHEMA planted CASCADE")
        await connection.close()

    assert found == [f"planted.here.{column} (0,1)" for column in ["a", "b", "c", "d", "e", "f", "G h"]]
    assert await house.card_numbers() == []


async def test_the_witness_finds_one_in_every_kind_of_value_in_redis(house: House) -> None:
    async with Redis.from_url(house.redis_url.rpartition("/")[0] + "/9") as redis:
        await redis.set("text", f"\xff{VISA}")
        await redis.set(f"name:{VISA}", "x")
        await redis.hset("hash", VISA, "x")
        await redis.rpush("list", "x", spelled("spaces"))
        await redis.sadd("set", VISA)
        await redis.zadd("sorted", {VISA: 1})
        await redis.xadd("stream", {"a": VISA})
        await redis.set("fine", "4006381333931")
        found = await house.card_numbers()
        await redis.flushdb()

    names = ["hash", "list", "name:[card number]", "set", "sorted", "stream", "text"]
    assert sorted(found) == [f"redis 9: {name}" for name in names]


def test_the_witness_finds_one_in_a_log_and_over_the_end_of_a_line() -> None:
    assert card_witness.in_text("log", f"a\nb {VISA}\nc") == ["log:2"]
    assert card_witness.in_text("log", "a\n4242 4242\n4242 4242\nc") == ["log"]
    assert card_witness.in_text("log", "4006381333931\n") == []


async def test_without_the_check_at_the_door_the_witness_finds_what_was_kept(
    house: House, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_body, "refuse_card_data", lambda sent: None)
    servers.postgres.create_database("cards_let_in")
    own = settings_of(servers, "cards_let_in")
    shop = build_shop(load_settings(own))
    await shop.migrate()
    transport = httpx.ASGITransport(app=build_app(shop))
    document = f"{{ shop {{ name }} }} # {VISA}"
    async with httpx.AsyncClient(transport=transport, base_url="http://let-in.test") as client:
        api = Api(client)
        await api.data(
            "mutation ($input: CartCreateInput!) { cartCreate(input: $input) { cart { id } } }", input={"note": VISA}
        )
        persisted = {"persistedQuery": {"version": 1, "sha256Hash": digest(document)}}
        await client.post("/graphql", json={"query": document, "extensions": persisted})
    found = [*await card_witness.in_database(own["DATABASE_URL"]), *await card_witness.in_redis(own["REDIS_URL"])]
    await shop.close()
    servers.postgres.drop_database("cards_let_in")
    async with Redis.from_url(own["REDIS_URL"]) as redis:
        await redis.flushdb()

    assert [place.partition(" ")[0] for place in found if not place.startswith("redis")] == ["public.cart.note"]
    assert [place for place in found if place.startswith("redis")] == [f"redis 4: cg:{{apq}}:{digest(document)}"]
    assert await house.card_numbers() == []
