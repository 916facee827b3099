"""The payment provider of a simulation: the emulator's own objects in memory, behind Stripe's own client library.

What a request does at the provider belongs to no process of the shop: it goes on when its caller has been killed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from random import Random
from typing import Any
from unittest import mock

import httpx
from starlette.requests import Request
from starlette.responses import Response

from app.devstack.stripe_emulator.api import Api
from app.devstack.stripe_emulator.authentication_page import AuthenticationPage
from app.devstack.stripe_emulator.calls import CallLog
from app.devstack.stripe_emulator.clock import AdvanceableClock
from app.devstack.stripe_emulator.connection import CutConnection
from app.devstack.stripe_emulator.control import Control
from app.devstack.stripe_emulator.deliveries import Deliveries
from app.devstack.stripe_emulator.faults import Faults
from app.devstack.stripe_emulator.idempotency import IdempotencyKeys
from app.devstack.stripe_emulator.identifiers import Identifiers
from app.devstack.stripe_emulator.journal import Commit, Journal
from app.devstack.stripe_emulator.operations import Operations
from app.devstack.stripe_emulator.outages import Outages
from app.devstack.stripe_emulator.records import WebhookEndpoint
from app.devstack.stripe_emulator.search import SearchIndex
from app.devstack.stripe_emulator.store import Store
from app.devstack.stripe_emulator.webhook_faults import WebhookFaults
from app.payments.stripe_gateway import StripeGateway
from tests.resilience.simulation.process import CURRENT
from tests.resilience.simulation.transactions import INSIDE
from tests.resilience.simulation.virtual_time import VirtualClock

URL = "http://stripe.simulated"
SHOP_URL = "http://shop.simulated"
WEBHOOK_SECRET = "whsec_simulated"
WEBHOOK_SECONDS = 10.0
Post = Callable[[Request], Awaitable[int]]
_CERTIFICATES = ssl.create_default_context()  # takes 50 ms, and every gateway would make one


class _MemoryJournal(Journal):
    """Keeps nothing: the provider outlives the run."""

    def __init__(self) -> None:
        """Open no file."""

    def append(self, commit: Commit) -> None:
        """Forget it."""

    def close(self) -> None:
        """Close no file."""


class SimulatedProvider:
    """The emulator. is_reachable: whether a connection can be made."""

    def __init__(self, clock: VirtualClock, random: Random, note: Callable[[str], None]) -> None:
        self.is_reachable = True
        self._random = random
        self._note = note
        time, identifiers = AdvanceableClock(clock), Identifiers(random.choice)
        self.store = Store(_MemoryJournal())
        self.faults = Faults()
        endpoint = WebhookEndpoint("we_simulated", time.timestamp(), f"{SHOP_URL}/webhooks/stripe", WEBHOOK_SECRET)
        self.store.tables.webhook_endpoints[endpoint.id] = endpoint
        self.deliveries = Deliveries(self.store, clock, identifiers, WebhookFaults(), 0.5)
        self.calls = CallLog()
        self.search = SearchIndex()
        keys = IdempotencyKeys(self.store, time)
        self._api = Api(
            self.store,
            time,
            identifiers,
            Operations(self.search),
            keys,
            self.faults,
            Outages(time),
            self.deliveries,
            self.calls,
            URL,
        )
        self._control = Control(self.store, time, identifiers, self.faults, self.deliveries, self.calls, self.search)
        self._page = AuthenticationPage(self.store, time, identifiers, self.deliveries)

    def deliver_to(self, post: Post) -> None:
        """Send webhooks to the shop from now on. post: gives a request to it, and returns the status or raises."""
        self.deliveries.start(_Detached(), _WebhookClient(post))  # type: ignore[arg-type]

    def gateway(self) -> StripeGateway:
        """The shop's own gateway, connected to this provider."""
        with mock.patch("ssl.create_default_context", return_value=_CERTIFICATES):
            gateway = StripeGateway("sk_test_simulation", base_url=URL)
        gateway._transport._client_async = httpx.AsyncClient(transport=_Wire(self))
        return gateway

    async def answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        """Execute a request; raises httpx.RemoteProtocolError where a fault cuts the connection."""
        response = await self._api.handle(_request(request.method, request.url.path, request.url.query, request, body))
        call = self.calls.entries()[-1]
        self._note(f"stripe  {call.endpoint} → {call.status} {'replayed ' * call.is_replayed}{call.fault or ''}")
        if isinstance(response, CutConnection):
            raise httpx.RemoteProtocolError("the connection was cut")
        return httpx.Response(response.status_code, headers=response.raw_headers, content=bytes(response.body))

    async def travel(self) -> None:
        """The time that a message is on its way."""
        await asyncio.sleep(self._random.choice((0.01, 0.02, 0.05, 0.4)))

    async def answer_bank(self, intent_id: str, outcome: str) -> int:
        """What the buyer does on the bank's page; the page's status."""
        request = Request(
            {
                "type": "http",
                "method": "POST",
                "path": f"/_emulator/3ds/{intent_id}",
                "path_params": {"id": intent_id},
                "query_string": f"outcome={outcome}".encode(),
                "headers": [],
            }
        )
        response: Response = await self._page.answer(request)
        return response.status_code

    async def settle(self, intent_id: str, outcome: str) -> int:
        """The bank's late answer to a charge that is processing."""
        request = _request("POST", f"/_emulator/payment_intents/{intent_id}/settle", b"", None, b"")
        request.scope["path_params"] = {"id": intent_id}
        request._body = f'{{"outcome": "{outcome}"}}'.encode()
        return (await self._control.settle(request)).status_code

    def let_time_pass(self) -> None:
        """Do what happens at the provider by itself."""
        self._control.expire()

    def intents(self, status: str) -> list[str]:
        """The PaymentIntents in a status."""
        return [intent.id for intent in self.store.tables.payment_intents.values() if intent.status == status]


class _Wire(httpx.AsyncBaseTransport):
    """The network between the shop and the provider."""

    def __init__(self, provider: SimulatedProvider) -> None:
        self._provider = provider

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert INSIDE.get() == 0, "the provider is asked outside any transaction"
        process = CURRENT.get()
        body = await request.aread()
        await self._provider.travel()
        if process is not None:
            process.insist_on_life()
        if not self._provider.is_reachable:
            raise httpx.ConnectError("no route")
        answering = detached(self._provider.answer(request, body))
        trace = request.extensions.get("trace")
        if trace is not None:
            await trace("http11.send_request_body.complete", {})
        response = await asyncio.shield(answering)
        await self._provider.travel()
        return response


class _Detached:
    """What the deliveries take for a group of tasks."""

    def create_task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return detached(work)


class _WebhookClient:
    """What the deliveries take for an HTTP client."""

    def __init__(self, post: Post) -> None:
        self._post = post

    async def post(self, url: str, *, content: bytes, headers: dict[str, str]) -> httpx.Response:
        await asyncio.sleep(0.05)
        try:
            status = await asyncio.wait_for(self._post(webhook_request(url, content, headers)), WEBHOOK_SECONDS)
        except (ConnectionError, TimeoutError) as error:
            raise httpx.ReadError("the shop gave no answer") from error
        return httpx.Response(status)


def webhook_request(url: str, content: bytes, headers: dict[str, str]) -> Request:
    """The request of a delivery, as the shop's endpoint gets it."""
    request = httpx.Request("POST", url, headers=headers)
    return _request("POST", request.url.path, b"", request, content)


def detached(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task that belongs to no process."""
    task = asyncio.get_running_loop().create_task(work, context=Context())
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever waited may be gone
    return task


def _request(method: str, path: str, query: bytes, request: httpx.Request | None, body: bytes) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [] if request is None else [(name.lower(), value) for name, value in request.headers.raw]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": headers,
        "server": ("stripe.simulated", 80),
        "scheme": "http",
        "root_path": "",
    }
    return Request(scope, receive)
