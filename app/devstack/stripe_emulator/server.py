"""The emulator put together, and run by uvicorn until a signal says stop.

It stops within a second: webhooks under way are given up and sent again after the next start, hanging requests are cut.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from app.core.clock import Clock
from app.devstack.stripe_emulator.api import Api
from app.devstack.stripe_emulator.authentication_page import AuthenticationPage
from app.devstack.stripe_emulator.calls import CallLog
from app.devstack.stripe_emulator.clock import AdvanceableClock
from app.devstack.stripe_emulator.connection import CuttableProtocol
from app.devstack.stripe_emulator.control import BAD_REQUESTS, Control, bad_request
from app.devstack.stripe_emulator.deliveries import Deliveries, new_client
from app.devstack.stripe_emulator.faults import Faults
from app.devstack.stripe_emulator.idempotency import IdempotencyKeys
from app.devstack.stripe_emulator.identifiers import Identifiers
from app.devstack.stripe_emulator.journal import Journal
from app.devstack.stripe_emulator.operations import Operations
from app.devstack.stripe_emulator.outages import Outages
from app.devstack.stripe_emulator.records import WebhookEndpoint
from app.devstack.stripe_emulator.search import SearchIndex
from app.devstack.stripe_emulator.store import Store
from app.devstack.stripe_emulator.switchboard import Switchboard
from app.devstack.stripe_emulator.webhook_faults import WebhookFaults

_EXPIRY_EVERY_SECONDS = 5  # a slow bank takes half a minute, authorisations last days
_STOP_WITHIN_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says.

    public_url: where browsers reach the emulator, if not where the shop does.
    """

    host: str
    port: int
    ledger: Path
    webhook_url: str | None = None
    webhook_secret: str | None = None
    webhook_retry_seconds: float = 0.5
    public_url: str | None = None


@dataclass(frozen=True, slots=True)
class Emulator:
    """The wired emulator: its application, and what a signal has to stop."""

    app: Starlette
    store: Store
    faults: Faults


def build(options: Options, clock: Clock) -> Emulator:
    """Read the journal and wire everything; raises JournalInUse or JournalDamaged."""
    journal, history = Journal.open(options.ledger)
    store = Store(journal, history)
    time, identifiers = AdvanceableClock(clock, advanced_seconds=store.advanced_seconds), Identifiers()
    if options.webhook_url is not None:
        configured = WebhookEndpoint(
            id="we_commandline",
            created=time.timestamp(),
            url=options.webhook_url,
            secret=options.webhook_secret or identifiers.webhook_secret(),
        )
        # not through the journal: the next start may say otherwise
        store.tables.webhook_endpoints[configured.id] = configured
    faults, calls, search_index = Faults(), CallLog(), SearchIndex()
    deliveries = Deliveries(store, clock, identifiers, WebhookFaults(), options.webhook_retry_seconds)
    operations, keys = Operations(search_index), IdempotencyKeys(store, time)
    api = Api(store, time, identifiers, operations, keys, faults, Outages(time), deliveries, calls, options.public_url)
    control = Control(store, time, identifiers, faults, deliveries, calls, search_index)
    board = Switchboard(store, time, identifiers, faults, deliveries)
    page = AuthenticationPage(store, time, identifiers, deliveries)

    app = Starlette(
        routes=[
            Route("/", lambda _: RedirectResponse("/_emulator/"), methods=["GET"]),
            Route("/_emulator/", board.show, methods=["GET"]),
            Route("/_emulator/switch", board.switch, methods=["POST"]),
            Route("/_emulator/3ds/{id}", page.show, methods=["GET"]),
            Route("/_emulator/3ds/{id}", page.answer, methods=["POST"]),
            Mount("/_emulator", routes=control.routes()),
            Route("/v1/{rest:path}", api.handle, methods=["GET", "POST", "DELETE"]),
        ],
        exception_handlers=dict.fromkeys(BAD_REQUESTS, bad_request),
        lifespan=lambda _app: _background(deliveries, control),
    )
    return Emulator(app, store, faults)


def serve(options: Options, clock: Clock) -> None:
    """Run until SIGTERM or SIGINT."""
    emulator = build(options, clock)
    config = uvicorn.Config(
        emulator.app,
        http=CuttableProtocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=_STOP_WITHIN_SECONDS,
    )
    with socket.create_server((options.host, options.port)) as listener:
        # asyncio sets this on its own listeners only; without it each answer waits 40 ms for an acknowledgement
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _Server(config, emulator.faults).run([listener])
    emulator.store.close()


class _Server(uvicorn.Server):
    """uvicorn's server, which heals all faults when it stops, so that nothing hangs on."""

    def __init__(self, config: uvicorn.Config, faults: Faults) -> None:
        super().__init__(config)
        self._faults = faults

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop on a signal; uvicorn would raise it again afterwards, so that a wanted stop looked like a crash."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop within a second."""
        self._faults.clear()
        await super().shutdown(sockets)


@asynccontextmanager
async def _background(deliveries: Deliveries, control: Control) -> AsyncIterator[None]:
    async with new_client() as client, asyncio.TaskGroup() as tasks:
        deliveries.start(tasks, client)
        expiring = tasks.create_task(_expire_forever(control))
        yield
        expiring.cancel()
        deliveries.stop()


async def _expire_forever(control: Control) -> None:
    while True:
        control.expire()
        await asyncio.sleep(_EXPIRY_EVERY_SECONDS)
