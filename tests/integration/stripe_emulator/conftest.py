"""Emulators as processes of their own, a client of stripe-python's, and a receiver of webhooks.

Most tests share one emulator and look only at what they made themselves. A test that moves time, restarts or damages
something starts its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import stripe

CHECKOUT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 60  # for what takes milliseconds; a machine may be slow
PORT_TRIES = 5
CARDS_ONLY = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
API_KEY = "sk_test_tests"
STRIPES_OWN_WARNING = "ignore:Use 'content=<...>' to upload raw bytes/text content:DeprecationWarning"  # of httpx


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """stripe-python hands httpx its body in a way that httpx warns of; nothing here can change that."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings(STRIPES_OWN_WARNING))


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():  # noqa: ASYNC110 - what changes is in another process
            await asyncio.sleep(0.01)


class Emulator:
    """One emulator process, its journal and its control API."""

    def __init__(self, folder: Path, http: httpx.AsyncClient, *arguments: str) -> None:
        self._http = http
        self.journal = folder / "stripe.jsonl"
        self.arguments = arguments
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._errors = folder / "stderr"

    async def start(self) -> None:
        """Start on a free port; another one if somebody took it in between."""
        for _ in range(PORT_TRIES):
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            command = [sys.executable, "-m", "app.devstack.stripe_emulator", "--port", str(port)]
            command += ["--ledger", str(self.journal), *self.arguments]
            with self._errors.open("wb") as errors:
                self.process = subprocess.Popen(  # noqa: ASYNC220 - starting is quick, and it may outlive a loop
                    command, cwd=CHECKOUT, stdout=errors, stderr=errors
                )
            self.url = f"http://127.0.0.1:{port}"
            if await self._is_up():
                return
            if "address already in use" not in self.output().lower():
                break
        raise AssertionError(f"the emulator does not start: {self.output()}")

    async def _is_up(self) -> bool:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.process is not None and self.process.poll() is None:
                try:
                    return (await self.raw("GET", "/_emulator/health")).status_code == 200
                except httpx.TransportError:
                    await asyncio.sleep(0.01)
        return False

    def output(self) -> str:
        """All that it has printed."""
        return self._errors.read_text(errors="replace")

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            os.kill(self.process.pid, number)

        async def has_ended() -> bool:
            return self.process is not None and self.process.poll() is not None

        await eventually(has_ended)
        return self.process.returncode

    async def control(self, method: str, path: str, body: object = None) -> dict:
        """Call the control API; a refusal fails the test."""
        response = await self.raw(method, f"/_emulator/{path}", json=body)
        assert response.is_success, response.text
        return response.json()

    async def raw(self, method: str, path: str, **options: object) -> httpx.Response:
        """Send a request as it is."""
        return await self._http.request(method, self.url + path, **options)

    async def read(self, path: str) -> dict:
        """GET an object as plain JSON."""
        response = await self.raw("GET", f"/v1/{path}", headers={"Authorization": f"Bearer {API_KEY}"})
        assert response.status_code == 200, response.text
        return response.json()

    async def fault(self, **script: object) -> str:
        """Script a fault of the API; returns its id."""
        return (await self.control("POST", "faults", script))["id"]

    async def hits(self, fault_id: str) -> int:
        """How many requests a fault has hit."""
        faults = (await self.control("GET", "faults"))["faults"]
        return next(fault["hits"] for fault in faults if fault["id"] == fault_id)

    async def until_hit(self, fault_id: str) -> None:
        """Wait until a fault has hit its first request."""

        async def has_hit() -> bool:
            return await self.hits(fault_id) > 0

        await eventually(has_hit)

    async def until_entered(self, key: str) -> None:
        """Wait until the ledger has an entry of a request with this idempotency key."""

        async def is_entered() -> bool:
            entries = (await self.control("GET", "ledger"))["entries"]
            return key in [entry["idempotency_key"] for entry in entries]

        await eventually(is_entered)

    async def until_accepted(self, url: str) -> None:
        """Wait until every webhook to this URL has been accepted."""

        async def are_accepted() -> bool:
            deliveries = (await self.control("GET", "webhooks"))["deliveries"]
            return {row["state"] for row in deliveries if row["url"] == url} == {"accepted"}

        await eventually(are_accepted)

    async def ledger(self, payment_intent: str) -> list[tuple[str, int]]:
        """What moved on one PaymentIntent."""
        entries = (await self.control("GET", "ledger"))["entries"]
        return [(row["movement"], row["amount"]) for row in entries if row["payment_intent"] == payment_intent]

    async def advance(self, seconds: int) -> None:
        """Move its time forward."""
        await self.control("POST", "clock", {"advance_seconds": seconds})


class Receiver:
    """A webhook endpoint that keeps what it gets, in order, and refuses as often as it is told to."""

    def __init__(self) -> None:
        self.url = ""
        self.secret = ""
        self.endpoint_id = ""
        self.received: list[tuple[bytes, str]] = []
        self.refusals = 0
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Open a port."""
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hook"

    async def close(self) -> None:
        """Close it."""
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        self.received.append((body, headers["stripe-signature"]))
        status = b"200 OK"
        if self.refusals:
            self.refusals -= 1
            status = b"503 Not Now"
        writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def events(self) -> list[stripe.Event]:
        """What came, verified as a shop would."""
        return [stripe.Webhook.construct_event(body, header, self.secret) for body, header in self.received]

    def types(self) -> list[str]:
        """The types of what came."""
        return [event.type for event in self.events()]

    async def until(self, count: int) -> list[stripe.Event]:
        """The events, once there are this many."""

        async def has_come() -> bool:
            return len(self.received) >= count

        await eventually(has_come)
        return self.events()


@pytest_asyncio.fixture(scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """One client for plain requests; there is no TLS here to verify, and its certificates take long to load."""
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=PATIENCE_SECONDS) as client:
        yield client


@pytest_asyncio.fixture(scope="session")
async def shared_emulator(tmp_path_factory: pytest.TempPathFactory, http: httpx.AsyncClient) -> AsyncIterator[Emulator]:
    emulator = Emulator(tmp_path_factory.mktemp("stripe"), http, "--webhook-retry-seconds", "0.01")
    await emulator.start()
    yield emulator
    assert await emulator.stop() == 0
    assert emulator.output() == ""


@pytest_asyncio.fixture(scope="session")
async def timed_emulator(tmp_path_factory: pytest.TempPathFactory, http: httpx.AsyncClient) -> AsyncIterator[Emulator]:
    """An emulator whose time tests may move; it never moves back."""
    emulator = Emulator(tmp_path_factory.mktemp("timed"), http)
    await emulator.start()
    yield emulator
    assert await emulator.stop() == 0


@pytest_asyncio.fixture
async def emulator(shared_emulator: Emulator) -> AsyncIterator[Emulator]:
    """The shared emulator, without faults before and after."""
    yield shared_emulator
    await shared_emulator.control("POST", "reset")


@pytest_asyncio.fixture
async def start_emulator(tmp_path: Path, http: httpx.AsyncClient) -> AsyncIterator[Callable[..., Awaitable[Emulator]]]:
    """Start an emulator of the test's own, stopped at its end."""
    started: list[Emulator] = []

    async def start(*arguments: str) -> Emulator:
        emulator = Emulator(tmp_path, http, *arguments)
        await emulator.start()
        started.append(emulator)
        return emulator

    yield start
    for emulator in started:
        await emulator.stop()


@pytest_asyncio.fixture(scope="session")
async def connect() -> AsyncIterator[Callable[..., stripe.StripeClient]]:
    """Make a client of an emulator, closed in the end."""
    transports: list[stripe.HTTPXClient] = []

    def connect(emulator: Emulator, key: str = API_KEY) -> stripe.StripeClient:
        transports.append(stripe.HTTPXClient(timeout=PATIENCE_SECONDS, verify_ssl_certs=False))
        return stripe.StripeClient(
            key, base_addresses={"api": emulator.url}, http_client=transports[-1], max_network_retries=0
        )

    yield connect
    for transport in transports:
        await transport.close_async()


@pytest.fixture(scope="session")
def shared_api(shared_emulator: Emulator, connect: Callable[..., stripe.StripeClient]) -> stripe.V1Services:
    return connect(shared_emulator).v1


@pytest.fixture
def api(emulator: Emulator, shared_api: stripe.V1Services) -> stripe.V1Services:
    """stripe-python on the shared emulator."""
    return shared_api


@pytest.fixture
def pay(api: stripe.V1Services) -> Callable[..., Awaitable[stripe.PaymentIntent]]:
    """Create and confirm a PaymentIntent of 20.00 EUR with cards only, unless told otherwise."""

    async def pay(
        payment_method: str | None = "pm_card_visa", *, key: str | None = None, **params: object
    ) -> stripe.PaymentIntent:
        given = {"amount": 2000, "currency": "eur", "confirm": True, **CARDS_ONLY, **params}
        if payment_method is not None:
            given["payment_method"] = payment_method
        return await api.payment_intents.create_async(given, {"idempotency_key": key} if key else {})

    return pay


@pytest_asyncio.fixture
async def receiver(api: stripe.V1Services) -> AsyncIterator[Receiver]:
    """A receiver of all PaymentIntents' events of the shared emulator."""
    receiver = Receiver()
    await receiver.listen()
    types = ("created", "succeeded", "payment_failed", "requires_action", "canceled", "processing")
    endpoint = await api.webhook_endpoints.create_async(
        {"url": receiver.url, "enabled_events": [f"payment_intent.{name}" for name in types]}
    )
    receiver.secret, receiver.endpoint_id = endpoint.secret, endpoint.id
    yield receiver
    await api.webhook_endpoints.delete_async(endpoint.id)
    await receiver.close()
