"""What nobody waits for any more ends: at the deadline, and when a client hangs up. Its statements end with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.types import ASGIApp, Message

from app.bootstrap import Shop, build_shop
from app.http import operations
from app.settings import load_settings
from app.web import build_app
from tests.conftest import Servers
from tests.shopkeeping import Api, Shopkeeper, variant_public_id

PATIENCE_SECONDS = 60  # of the database: far more than a test takes, so only we can end a statement
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cartograph' AND wait_event_type = 'Lock'"
    " AND state = 'active' AND query ILIKE '%' || :table || '%'"
)
PRODUCT = "query ($id: ID!) { variant(by: {id: $id}) { availability { state } } }"
ADD = "mutation ($i: CartLinesAddInput!) { cartLinesAdd(input: $i) { cart { totalQuantity } } }"


@pytest.fixture
async def patient(servers: Servers, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """A shop on the same servers whose statements no limit of the database ends. Its pool has two connections."""
    monkeypatch.setattr("app.database.engine.LOCK_MILLISECONDS", PATIENCE_SECONDS * 1000)
    environment = {**servers.environment(), "CARTOGRAPH_DATABASE_POOL_SIZE": "2"}
    patient = build_shop(load_settings(environment), statement_timeout_seconds=PATIENCE_SECONDS)
    yield patient
    await patient.close()


@asynccontextmanager
async def locked(shop: Shop, table: str) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Nobody reads the table. Gives a function that waits until so many statements wait for it."""
    async with shop.database.write() as holder, shop.database.read_fresh() as watcher:
        await holder.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))  # one of two names of this module

        async def until_waiting(count: int) -> None:
            async with asyncio.timeout(PATIENCE_SECONDS / 2):
                while (await watcher.execute(text(WAITING), {"table": table})).scalar() != count:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)  # nothing tells when another session begins to wait

        yield until_waiting


@dataclass
class Visit:
    """One request, straight into the application, that can hang up."""

    app: ASGIApp
    query: str
    variables: dict[str, Any]
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[Message] = field(default_factory=list)

    async def run(self) -> None:
        body = json.dumps({"query": self.query, "variables": self.variables}).encode()
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if messages:
                return messages.pop()
            await self.hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            self.sent.append(message)

        headers = [(b"content-type", b"application/json"), (b"accept", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
        await self.app({**scope, "scheme": "http", "server": ("shop.test", 80), "http_version": "1.1"}, receive, send)

    @property
    def status(self) -> int:
        """What was answered, if only to the log."""
        return int(self.sent[0]["status"])


async def test_a_request_is_cut_at_its_deadline_and_its_statements_are_canceled(
    patient: Shop, shop: Shop, keeper: Shopkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "REQUEST_SECONDS", 0.2)
    mug = await keeper.stock("Mug")
    transport = httpx.ASGITransport(app=build_app(patient))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as http:
        api = Api(http)
        async with locked(shop, "stock") as until_waiting:
            answers = await asyncio.gather(*(api(PRODUCT, id=variant_public_id(mug.variant_id)) for _ in range(4)))
            await until_waiting(0)  # while the table is still locked
        monkeypatch.undo()
        after = await asyncio.gather(*(api(PRODUCT, id=variant_public_id(mug.variant_id)) for _ in range(8)))

    assert [answer.codes() for answer in answers] == [["TIMEOUT"]] * 4
    assert answers[0].errors[0]["extensions"]["retryable"] is True
    assert [answer.errors for answer in after] == [[]] * 8  # the pool has all its connections


async def test_a_query_whose_client_hangs_up_ends_with_its_statements(
    patient: Shop, shop: Shop, keeper: Shopkeeper
) -> None:
    mug = await keeper.stock("Mug")
    visit = Visit(build_app(patient), PRODUCT, {"id": variant_public_id(mug.variant_id)})

    async with locked(shop, "stock") as until_waiting:
        running = asyncio.create_task(visit.run())
        await until_waiting(1)
        visit.hung_up.set()
        await running
        await until_waiting(0)  # while the table is still locked

    assert visit.status == 499


async def test_a_mutation_whose_client_hangs_up_is_carried_through(
    patient: Shop, shop: Shop, api: Api, keeper: Shopkeeper
) -> None:
    mug = await keeper.stock("Mug")
    cart = (await api.cart_create())["cart"]
    wanted = {"cartId": cart["id"], "lines": [{"variantId": variant_public_id(mug.variant_id), "quantity": 2}]}
    visit = Visit(build_app(patient), ADD, {"i": wanted})

    async with locked(shop, "cart") as until_waiting:
        running = asyncio.create_task(visit.run())
        await until_waiting(1)
        visit.hung_up.set()
        await asyncio.sleep(0)
        await until_waiting(1)
    await running

    assert visit.status == 200
    assert (await api.cart(cart["id"]))["totalQuantity"] == 2


async def test_a_process_that_is_full_sheds_and_says_when_to_come_back(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MAX_RUNNING", 0)

    answer = await http.post("/graphql", json={"query": "{ shop { name } }"})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    assert answer.json()["errors"][0]["extensions"]["retryAfterMs"] == 1_000


async def test_an_answer_that_is_too_large_is_refused(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "MAX_ANSWER_BYTES", 20)

    answer = await http.post("/graphql", json={"query": "{ shop { name } }"})

    assert answer.json()["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert "data" not in answer.json()
