"""A shop with a database and an emulated payment provider of its own, whose webhooks reach it over a socket."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from sqlalchemy import text

from app.bootstrap import Shop, build_shop
from app.core.ids import decode
from app.devstack.ports import http_status, pick_port
from app.settings import load_settings
from app.web import build_app
from tests.conftest import PATIENCE_SECONDS, REPOSITORY, Servers
from tests.shopkeeping import Api, ManualClock, Provider, Shopkeeper
from tests.waiting import until

WEBHOOK_SECRET = "whsec_of_the_stand"
PATH = "/webhooks/stripe"


@dataclass(frozen=True, slots=True)
class ProviderStand:
    """The shop, its provider, and what tests ask of both. environment: for commands on this shop."""

    shop: Shop
    api: Api
    keeper: Shopkeeper
    provider: Provider
    environment: dict[str, str]

    async def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """What a query finds in the shop's database."""
        async with self.shop.database.read_fresh() as connection:
            return [tuple(row) for row in await connection.execute(text(query), values)]

    async def execute(self, *statements: str, **values: Any) -> None:
        """Write past the shop, its triggers and its foreign keys included."""
        async with self.shop.database.write() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                await connection.execute(text(statement), values)

    async def order(self, number: str) -> tuple[str, str]:
        """An order's status and its payment's."""
        query = "SELECT status, payment_status FROM orders WHERE number = :number"
        [(status, payment_status)] = await self.rows(query, number=int(number))
        return status, payment_status

    async def attempt(self, attempt_id: str) -> tuple[str, str | None]:
        """An attempt's state and its payment at the provider."""
        query = "SELECT state, intent_id FROM payment_attempt WHERE id = :id"
        [(state, intent_id)] = await self.rows(query, id=decode(attempt_id)[1])
        return state, intent_id

    async def events(self, *types: str) -> list[tuple[str, str]]:
        """The events that the shop has stored, of these types or all: type and state, in the order of their coming."""
        stored = await self.rows("SELECT type, state FROM payment_event ORDER BY received_at, id")
        return [(kind, state) for kind, state in stored if not types or kind in types]

    async def fault(self, mode: str, match: str = ".*", times: int | None = None, **script: Any) -> None:
        """Script trouble with webhooks."""
        values = {"mode": mode, "match": match, "times": times, **script}
        answer = await self.provider.http.post("/_emulator/webhooks/faults", json=values)
        assert answer.status_code == 201, answer.text

    async def control(self, path: str, body: Any = None) -> Any:
        """Ask something of the provider's control API."""
        answer = await self.provider.http.post(f"/_emulator/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def provider_events(self, *types: str) -> list[dict[str, Any]]:
        """The provider's latest events of these types, the oldest first, as they are sent."""
        params = {"limit": "100", **{f"types[{place}]": kind for place, kind in enumerate(types)}}
        headers = {"authorization": "Bearer sk_test_emulator"}
        answer = await self.provider.http.get("/v1/events", params=params, headers=headers)
        return list(reversed(answer.json()["data"]))

    async def until_delivered(self) -> None:
        """Return once every event that is not held back has been accepted."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            rows = (await self.provider.http.get("/_emulator/webhooks")).json()["deliveries"]
            under_way = [row for row in rows if row["state"] == "waiting"]
            if not under_way:
                return
            assert time.monotonic() < give_up_at, under_way
            await asyncio.sleep(0.02)

    async def settle_all(self, clock: ManualClock, after: timedelta = timedelta(minutes=2)) -> None:
        """Check payments, as the worker does, until none is due by then."""
        with clock.turned(after):
            while await self.shop.check_payments():
                pass


@asynccontextmanager
async def provider_stand(servers: Servers, folder: Path, name: str, clock: ManualClock) -> AsyncIterator[ProviderStand]:
    """A stand, gone at the end. name: of its database."""
    servers.postgres.create_database(name)
    port, emulator_port = pick_port(), pick_port()
    emulator_url = f"http://127.0.0.1:{emulator_port}"
    command = [sys.executable, "-m", "app.devstack.stripe_emulator", "--port", str(emulator_port)]
    command += ["--ledger", str(folder / "ledger.jsonl"), "--webhook-retry-seconds", "0.05"]
    command += ["--webhook-url", f"http://127.0.0.1:{port}{PATH}", "--webhook-secret", WEBHOOK_SECRET]
    emulator = servers.supervisor.spawn(f"stripe-{name}", command, log=folder / "stripe.log", cwd=REPOSITORY)
    environment = servers.environment(name) | {
        "STRIPE_API_BASE": emulator_url,
        "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "REDIS_URL": servers.valkey.url.removesuffix("0") + "2",
    }
    shop = build_shop(load_settings(environment), redis_timeout_seconds=PATIENCE_SECONDS, clock=clock)
    app = build_app(shop)
    server = uvicorn.Server(uvicorn.Config(app, port=port, http="httptools", log_config=None, lifespan="off"))
    try:
        await shop.migrate()
        serving = asyncio.create_task(server._serve())  # `serve` would take the test run's signals
        await until(lambda: server.started)
        await until(lambda: http_status(emulator_port, "/_emulator/health") == 200)
        transport = httpx.ASGITransport(app=app)
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://stand.test") as web,
            httpx.AsyncClient(base_url=emulator_url, trust_env=False, timeout=PATIENCE_SECONDS) as control,
        ):
            yield ProviderStand(shop, Api(web), Shopkeeper(shop), Provider(control), environment)
        server.should_exit = True
        await serving
    finally:
        servers.supervisor.stop(emulator)
        await shop.close()
        servers.postgres.drop_database(name)
