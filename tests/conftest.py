"""Real servers for the tests: started once, thrown away at the end, also after `kill -9` of the test run.

A test that needs the shop takes `shop` (use cases and adapters in this process) or `api` (the web application over
HTTP semantics, in this process). Tests share one database: each makes what it asserts on, under names of its own.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.bootstrap import Shop, build_shop
from app.core.money import Currency
from app.devstack.ports import http_status, pick_port
from app.devstack.postgres import PostgresServer
from app.devstack.supervisor import Supervisor
from app.devstack.valkey import ValkeyServer
from app.seed.demo import demo_drafts
from app.seed.logins import DEMO_CUSTOMERS
from app.settings import load_settings
from app.web import build_app
from tests.shopkeeping import Api, ManualClock, Provider, Shopkeeper

gc.set_threshold(20_000, 20, 50)  # as the API has it: at 700, loading the tests is one look after another
REPOSITORY = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0  # of a server, on a busy machine
PATIENCE_SECONDS = 60.0  # with Redis: a busy machine must not look like a server that is away


def pytest_collection_finish() -> None:
    """Spare the collector of garbage what is loaded: thousands of tests, which stay."""
    gc.collect()
    gc.freeze()


@dataclass(frozen=True, slots=True)
class Servers:
    """What the tests talk to."""

    supervisor: Supervisor
    postgres: PostgresServer
    valkey: ValkeyServer
    emulator_url: str

    def environment(self, database: str = "cartograph") -> dict[str, str]:
        """The settings of a shop on these servers."""
        return {
            "DATABASE_URL": self.postgres.url(database),
            "REDIS_URL": self.valkey.url,
            "STRIPE_API_KEY": "sk_test_emulator",
            "STRIPE_PUBLISHABLE_KEY": "pk_test_emulator",
            "STRIPE_API_BASE": self.emulator_url,
            "CARTOGRAPH_COST_BUCKET": "1000000000",  # the tests are one address, and ask for more than a shopper
            "CARTOGRAPH_COST_RESTORED_ADDRESS": "1000000",
            "CARTOGRAPH_SECRET_KEY": "tests-sign-with-this-and-nobody-else-does",
        }


@contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    """PostgreSQL, Valkey and the payment emulator, with their data in a folder."""
    with Supervisor() as supervisor:
        postgres = PostgresServer(supervisor, folder / "postgres", durable=False)
        postgres.start()
        postgres.create_database("cartograph")
        valkey = ValkeyServer(supervisor, folder / "valkey")
        valkey.start()
        yield Servers(supervisor, postgres, valkey, start_emulator(supervisor, folder))


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running_servers(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


def start_emulator(supervisor: Supervisor, folder: Path, *options: str) -> str:
    """Start a payment emulator whose ledger is in the folder; returns where it is. options: of its command line."""
    port = pick_port()
    command = [sys.executable, "-m", "app.devstack.stripe_emulator", "--port", str(port)]
    command += ["--ledger", str(folder / "ledger.jsonl"), *options]
    supervisor.spawn("stripe", command, log=folder / "stripe.log", cwd=REPOSITORY)
    end = time.monotonic() + START_SECONDS
    while http_status(port, "/_emulator/health") != 200:
        assert time.monotonic() < end, (folder / "stripe.log").read_text()
        time.sleep(0.05)
    return f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def emulator_url(servers: Servers) -> str:
    return servers.emulator_url


@pytest.fixture(scope="session")
def clock() -> ManualClock:
    """The shop's clock in tests: the machine's, until a test turns it with `clock.turned(...)`."""
    return ManualClock()


@pytest.fixture(scope="session")
async def shop(servers: Servers, emulator_url: str, clock: ManualClock) -> AsyncIterator[Shop]:
    """The demo shop, with its customers."""
    shop = build_shop(load_settings(servers.environment()), redis_timeout_seconds=PATIENCE_SECONDS, clock=clock)
    await shop.migrate()
    await shop.store_products(list(demo_drafts(Currency(shop.settings.currency), image_base_url="")))
    for email, password, name in DEMO_CUSTOMERS:
        await shop.accounts.add_customer(email, password, name)
    yield shop
    await shop.close()


@pytest.fixture(scope="session")
def keeper(shop: Shop) -> Shopkeeper:
    """Puts products of a test's own into the shop."""
    return Shopkeeper(shop)


@pytest.fixture(scope="session")
async def http(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """The web application, without a network in between."""
    transport = httpx.ASGITransport(app=build_app(shop), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        yield client


@pytest.fixture(scope="session")
def api(http: httpx.AsyncClient) -> Api:
    """Sends GraphQL to the web application."""
    return Api(http)


@pytest.fixture
async def provider(emulator_url: str, shop: Shop) -> AsyncIterator[Provider]:
    """The payment provider, without failures before and after."""
    async with httpx.AsyncClient(base_url=emulator_url, trust_env=False) as client:
        provider = Provider(client)
        await provider.heal()
        shop.gateway.breaker.reset()
        yield provider
        await provider.heal()
        shop.gateway.breaker.reset()


@dataclass(frozen=True, slots=True)
class RunningStack:
    """What `./run up` has started. data: its data folder, for commands that are to talk to it."""

    url: str
    data: Path
    output: str

    @property
    def port(self) -> int:
        """The API's."""
        return int(self.url.rpartition(":")[2])

    @property
    def stripe_url(self) -> str:
        """The Stripe emulator's, as the launcher tells it to people."""
        told = re.search(r"^ +Stripe emulator +(http://\S+)$", self.output, re.MULTILINE)
        assert told, self.output
        return told[1]


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """The whole shop as a user starts it, in a folder that PostgreSQL's account can enter."""
    folder = Path(tempfile.mkdtemp(prefix="cartograph-test-"))
    folder.chmod(0o711)
    log = folder / "up.log"
    try:
        with Supervisor() as supervisor:
            port = pick_port()
            command = [REPOSITORY / "run", "up", "--port", str(port), "--data", str(folder / "data")]
            # the tests are one address, and quicker than a person
            environment = {**os.environ, "CARTOGRAPH_COST_RESTORED_ADDRESS": "1000000"}
            child = supervisor.spawn("up", command, log=log, env=environment, stop_seconds=START_SECONDS)
            end = time.monotonic() + 2 * START_SECONDS
            while "Ctrl-C stops it" not in log.read_text():
                assert child.exit_code() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.1)
            yield RunningStack(f"http://127.0.0.1:{port}", folder / "data", log.read_text())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stack_url(stack: RunningStack) -> str:
    """Where the whole shop runs."""
    return stack.url
