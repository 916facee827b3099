"""A shop of real processes for fault tests: two APIs, a worker, and an emulator of its own.

Processes are started with a fault point armed, seen to end there, and started again without it.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from app.bootstrap import Shop, build_shop
from app.core.fault_points import WITNESS, FaultPoint
from app.core.ids import decode
from app.devstack.ports import http_status, pick_port
from app.settings import load_settings
from tests.conftest import START_SECONDS, Servers, start_emulator
from tests.fleet import Fleet, Member, open_fleet
from tests.resilience.facts import Facts
from tests.resilience.invariants import violations
from tests.resilience.read_database import database_facts
from tests.resilience.relay import Relay
from tests.shopkeeping import Api, Provider, Shopkeeper, Stocked
from tests.waiting import until

APIS = ("api-1", "api-2")  # the second is never ended by a fault test, and watched by on-call
WORKER = "worker"
_LEFT = text("""
    SELECT (SELECT count(*) FROM payment_attempt WHERE check_at IS NOT NULL)
         + (SELECT count(*) FROM refund WHERE state = 'pending')
         + (SELECT count(*) FROM mail_message WHERE state = 'waiting')
""")
WEBHOOK_SECRET = "whsec_of_the_plant"
QUEUE_METRIC = "cartograph_payments_queued"


class Vacuous(AssertionError):
    """The run never hit its window: it shows nothing."""


@dataclass
class Plant:
    """The processes, and what clients of them have accepted. initial: units that were put on the shelf.

    alerted: the orders that were delayed while the metric of the queue, which on-call is alerted by, counted them.
    """

    fleet: Fleet
    folder: Path
    environment: dict[str, str]
    shop: Shop
    provider: Provider
    relay: Relay
    ports: dict[str, int]
    processes: dict[str, Member] = field(default_factory=dict)
    accepted: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    initial: dict[int, int] = field(default_factory=dict)
    alerted: set[str] = field(default_factory=set)

    async def start(self, *names: str, at: str | None = None) -> None:
        """Start processes and wait until they can work. at: the fault point that is armed in them."""
        for name in names:
            environment = {**self.environment, "CARTOGRAPH_PORT": str(self.ports.get(name, 8000))}
            if at is not None:
                environment["CARTOGRAPH_FAULT_POINT"] = at
            command = ["worker" if name.startswith(WORKER) else "serve"]
            self.processes[name] = self.fleet.start(name, command, env=environment, folder=self.folder)
        for name in names:
            await self._ready(name)

    async def _ready(self, name: str) -> None:
        child = self.processes[name]
        async with asyncio.timeout(START_SECONDS):
            while name in self.ports and http_status(self.ports[name], "/readyz") != 200:
                assert child.exit_code() is None, child.log.read_text()
                await asyncio.sleep(0.02)

    async def stop(self, *names: str) -> None:
        """Let processes end in their own way."""
        for name in names:
            self.processes[name].send(signal.SIGTERM)
        for name in names:
            member = self.processes.pop(name)
            await until(lambda: member.exit_code() is not None)  # noqa: B023  waited for here

    async def make_whole(self) -> None:
        """Have what a test may rely on: the second API and a worker run, and nothing else; the provider answers."""
        self.processes = {name: each for name, each in self.processes.items() if each.exit_code() is None}
        await self.stop(*(self.processes.keys() - {APIS[1], WORKER}))
        await self.start(*({APIS[1], WORKER} - self.processes.keys()))
        self.relay.send_to(self.ports[APIS[1]])
        await self.provider.heal()

    async def renew(self, name: str) -> None:
        """Start a process again, so that it knows nothing of what the provider was like: its breaker is closed."""
        await self.stop(name)
        await self.start(name)

    async def ended_at(self, name: str, point: FaultPoint) -> None:
        """Wait until a process has killed itself at the point; raises Vacuous where it ends otherwise or not at all."""
        child = self.processes[name]
        try:
            await until(lambda: child.exit_code() is not None)
        except TimeoutError:
            raise Vacuous(f"{name} never came to {point.value}: {child.last_words()}") from None
        if child.exit_code() != -signal.SIGKILL or child.last_words() != f"{WITNESS}{point.value}":
            raise Vacuous(f"{name} ended with {child.exit_code()} and not at {point.value}: {child.last_words()}")
        del self.processes[name]
        if name == WORKER:
            await self._end_leases()

    async def _end_leases(self) -> None:
        """Have what the worker had be another's now: it is known to be dead, and nobody has to wait for that."""
        async with self.shop.database.write() as connection:
            await connection.execute(
                text("UPDATE jobs.job SET heartbeat = heartbeat - interval '1 hour' WHERE status = 'picked'")
            )

    def api(self, name: str, client: httpx.AsyncClient) -> Api:
        """Sends GraphQL to one of the API processes."""
        return Api(_Rooted(client, f"http://127.0.0.1:{self.ports[name]}"))  # type: ignore[arg-type]

    async def stock(self, units: int, price: str = "18.00") -> Stocked:
        """Put a product on the shelf."""
        stocked = await Shopkeeper(self.shop).stock("Mug", on_hand=units, price=price)
        self.initial[stocked.variant_id] = units
        return stocked

    def accepts(self, cart: Any) -> None:
        """Note what the buyer of this cart accepts."""
        amount = cart["cost"]["total"]["amount"].replace(".", "")
        self.accepted[str(decode(cart["id"])[1])].add(int(amount))

    async def note_alerts(self) -> None:
        """Ask the second API process for its metrics, and note which delayed orders on-call sees in them."""
        delayed = await self._delayed()
        async with httpx.AsyncClient(trust_env=False) as client:
            metrics = (await client.get(f"http://127.0.0.1:{self.ports[APIS[1]]}/metrics")).text
        told = re.search(rf"^{QUEUE_METRIC} (\S+)$", metrics, re.MULTILINE)
        if told is not None and float(told[1]) >= len(delayed & await self._delayed()):
            self.alerted |= delayed

    async def _delayed(self) -> set[str]:
        async with self.shop.database.read_fresh() as connection:
            rows = await connection.execute(text("SELECT id FROM orders WHERE payment_status = 'delayed'"))
            return {str(row.id) for row in rows}

    async def settle(self) -> None:
        """Let the worker bring everything to its end, sooner than by its own pauses."""
        await until(self._has_settled)

    async def _has_settled(self) -> bool:
        async with self.shop.database.read_fresh() as connection:
            if (await connection.execute(_LEFT)).scalar_one() == 0:
                return True
        await self.note_alerts()
        await self.hasten()
        await asyncio.sleep(0.2)
        return False

    async def hasten(self) -> None:
        """Have the worker look at every open payment now, but at none that a request may still be asking about."""
        async with self.shop.database.write() as connection:
            await connection.execute(
                text("""UPDATE payment_attempt SET check_at = now() - interval '1 s'
                        WHERE check_at > now() AND created_at < now() - interval '1 s'""")
            )
            await connection.execute(  # the reconciler, too, would find out what another job is to find out
                text("UPDATE jobs.job SET execute_after = now() WHERE status = 'queued' AND entrypoint <> 'reconcile'")
            )

    async def forget_jobs(self) -> None:
        """Lose every job that waits for its time, and have the reconciler be due."""
        async with self.shop.database.write() as connection:
            await connection.execute(text("DELETE FROM jobs.job WHERE entrypoint = 'settle_payment'"))
            await connection.execute(text("UPDATE jobs.job SET execute_after = now() WHERE entrypoint = 'reconcile'"))
            await connection.execute(
                text("UPDATE payment_attempt SET check_at = now() + interval '1 h' WHERE check_at IS NOT NULL")
            )

    async def facts(self) -> Facts:
        """What there is to be judged."""
        return await database_facts(
            self.shop,
            self.provider.http,
            accepted={cart: frozenset(totals) for cart, totals in self.accepted.items()},
            initial=self.initial,
            alerted=len(self.alerted),
            logs=sorted(self.folder.glob("*.log")),
        )

    async def violations(self) -> list[str]:
        """What does not hold."""
        return violations(await self.facts())


class _Rooted:
    """A client's `post` with the address of one server before it."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    def post(self, path: str, **options: Any) -> Awaitable[httpx.Response]:
        return self._client.post(f"{self._url}{path}", **options)


@asynccontextmanager
async def open_plant(servers: Servers, folder: Path) -> AsyncIterator[Plant]:
    """A plant with a database and an emulator of its own; nothing of the shop runs yet."""
    name = f"plant_{folder.name.replace('-', '_')}"
    servers.postgres.create_database(name)
    ports = {api: pick_port() for api in APIS}
    relay = Relay(ports[APIS[1]])
    emulator_url = start_emulator(
        servers.supervisor,
        folder,
        *(
            "--webhook-url",
            f"http://127.0.0.1:{await relay.start()}/webhooks/stripe",
            "--webhook-secret",
            WEBHOOK_SECRET,
        ),
    )
    environment = {
        **servers.environment(name),
        "REDIS_URL": servers.valkey.url.removesuffix("0") + "3",
        "STRIPE_API_BASE": emulator_url,
        "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "CARTOGRAPH_DATA_DIR": str(folder),
    }
    shop = build_shop(load_settings(environment))
    await shop.migrate()
    try:
        async with httpx.AsyncClient(base_url=emulator_url, trust_env=False) as client:
            with open_fleet() as fleet:
                yield Plant(fleet, folder, environment, shop, Provider(client), relay, ports)
    finally:
        await relay.close()
        await shop.close()
