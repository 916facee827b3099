"""Webhooks: signed as Stripe signs them, sent apart from the request that caused them, again until accepted.

enqueue -> fault for this event -> wait, hold or go -> POST -> 2xx: accepted, anything else: again, later

Order is not promised, as at Stripe: each event is a task of its own. An event that was not accepted before the emulator
stopped is sent again after its next start.
Source: docs.stripe.com, Receive Stripe events in your webhook endpoint, Verify manually.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import httpx
import msgspec

from app.core.clock import Clock
from app.devstack.stripe_emulator.identifiers import Identifiers
from app.devstack.stripe_emulator.journal import Commit
from app.devstack.stripe_emulator.records import Event, WebhookEndpoint
from app.devstack.stripe_emulator.render import render
from app.devstack.stripe_emulator.store import Store
from app.devstack.stripe_emulator.webhook_faults import WebhookFaultRequest, WebhookFaults

_ATTEMPTS = 480  # about four hours at the longest wait; Stripe goes on for three days
_LONGEST_WAIT_SECONDS = 30.0
_ANSWER_WITHIN_SECONDS = 10.0
_AT_ONCE = 16
_KEPT_DELIVERIES = 10_000  # more than any one test makes


@dataclass(slots=True)
class Delivery:
    """One event on its way to one endpoint.

    state: waiting, held, accepted, dropped or given_up. last_status: of the endpoint's latest answer.
    """

    event_id: str
    event_type: str
    url: str
    state: str = "waiting"
    attempts: int = 0
    last_status: int | None = None


@dataclass(slots=True)
class Deliveries:
    """Every webhook of the emulator.

    clock: the machine's; a receiver compares a signature's time with its own, whatever the emulator's time is.
    first_wait_seconds: before the second attempt; it doubles from then on.
    """

    store: Store
    clock: Clock
    identifiers: Identifiers
    faults: WebhookFaults
    first_wait_seconds: float
    log: list[Delivery] = field(default_factory=list)
    _tasks: asyncio.TaskGroup | None = None
    _client: httpx.AsyncClient | None = None
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _held: list[tuple[Delivery, WebhookEndpoint]] = field(default_factory=list)
    _overtaken: list[tuple[Delivery, WebhookEndpoint]] = field(default_factory=list)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self, tasks: asyncio.TaskGroup, client: httpx.AsyncClient) -> None:
        """Begin to send, first what an earlier run could not."""
        self._tasks, self._client = tasks, client
        self.enqueue(self.store.undelivered_events())

    def stop(self) -> None:
        """Give up what is under way; it is sent again after the next start."""
        for task in self._running:
            task.cancel()

    def enqueue(self, events: Iterable[Event]) -> None:
        """Send each event to every endpoint that wants it, as the faults have it."""
        for event in events:
            for endpoint in list(self.store.tables.webhook_endpoints.values()):
                if endpoint.wants(event.type):
                    self._plan(event, endpoint, self.faults.take(event.type))

    def release(self) -> int:
        """Send what is held, delayed or overtaken now; returns how many were held or overtaken."""
        waiting = [*self._held, *self._overtaken]
        self._held.clear()
        self._overtaken.clear()
        self._released.set()
        self._released = asyncio.Event()
        for delivery, endpoint in waiting:
            self._send(delivery, endpoint)
        return len(waiting)

    def resend(self, event: Event) -> None:
        """Send an event once more, whether or not it was accepted."""
        for endpoint in self.store.tables.webhook_endpoints.values():
            if endpoint.wants(event.type):
                self._send(self._new_delivery(event, endpoint), endpoint)

    def _plan(self, event: Event, endpoint: WebhookEndpoint, fault: WebhookFaultRequest | None) -> None:
        delivery = self._new_delivery(event, endpoint)
        match fault.mode if fault else None:
            case "drop":
                delivery.state = "dropped"
                self.store.commit(Commit(accepted_events=(event.id,)))
            case "hold":
                delivery.state = "held"
                self._held.append((delivery, endpoint))
            case "reorder":
                delivery.state = "held"
                self._overtaken.append((delivery, endpoint))
            case "delay" if fault is not None:
                self._send(delivery, endpoint, delay_seconds=fault.seconds)
            case "duplicate" if fault is not None:
                self._send(delivery, endpoint)
                for _ in range(fault.copies - 1):
                    copy = self._twin(event) if fault.fresh_ids else event
                    self._send(self._new_delivery(copy, endpoint), endpoint)
            case _:
                self._send(delivery, endpoint)

    def _new_delivery(self, event: Event, endpoint: WebhookEndpoint) -> Delivery:
        delivery = Delivery(event.id, event.type, endpoint.url)
        self.log.append(delivery)
        del self.log[:-_KEPT_DELIVERIES]
        return delivery

    def _twin(self, event: Event) -> Event:
        twin = replace(event, id=self.identifiers.new("evt"), pending_webhooks=1)
        self.store.commit(Commit(events=(twin,)))
        return twin

    def _send(self, delivery: Delivery, endpoint: WebhookEndpoint, *, delay_seconds: float = 0) -> None:
        if self._tasks is None:
            raise RuntimeError("deliveries have not been started")
        delivery.state = "waiting"
        task = self._tasks.create_task(self._deliver(delivery, endpoint, delay_seconds))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _deliver(self, delivery: Delivery, endpoint: WebhookEndpoint, delay_seconds: float) -> None:
        if delay_seconds:
            await self._pause(delay_seconds)
        wait_seconds, is_accepted = self.first_wait_seconds, False
        while delivery.attempts < _ATTEMPTS and endpoint.id in self.store.tables.webhook_endpoints:
            async with self._slots:
                delivery.attempts += 1
                delivery.last_status = await self._post(delivery, endpoint)
            is_accepted = delivery.last_status is not None and 200 <= delivery.last_status < 300
            self._let_overtaken_go()
            if is_accepted:
                break
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, _LONGEST_WAIT_SECONDS)
        delivery.state = "accepted" if is_accepted else "given_up"
        self.store.commit(Commit(accepted_events=(delivery.event_id,)))

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._released.wait(), timeout=seconds)
        except TimeoutError:
            return

    def _let_overtaken_go(self) -> None:
        overtaken, self._overtaken = self._overtaken, []
        for delivery, endpoint in overtaken:
            self._send(delivery, endpoint)

    async def _post(self, delivery: Delivery, endpoint: WebhookEndpoint) -> int | None:
        body = msgspec.json.encode(render(self.store.tables.events[delivery.event_id]))
        headers = {
            "content-type": "application/json; charset=utf-8",
            "stripe-signature": sign(body, endpoint.secret, at=int(self.clock.now().timestamp())),
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        if self._client is None:
            raise RuntimeError("deliveries have not been started")
        try:
            response = await self._client.post(endpoint.url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        return response.status_code


def sign(body: bytes, secret: str, *, at: int) -> str:
    """The Stripe-Signature header: a time and an HMAC of `time.body`."""
    digest = hmac.new(secret.encode(), str(at).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def new_client() -> httpx.AsyncClient:
    """The HTTP client for webhooks; it ignores proxies, since receivers are near."""
    return httpx.AsyncClient(timeout=_ANSWER_WITHIN_SECONDS, trust_env=False)
