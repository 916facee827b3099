"""Runs the API and the worker as processes that live until they are told to stop."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
import tempfile
from datetime import timedelta
from functools import partial
from typing import Any

from app.core.errors import ShopError
from app.core.fault_points import Armed, arm_to_kill
from app.settings import Settings

MAX_MESSAGE_BYTES = 100_000  # of a WebSocket's frame, as of a request's body
PING_SECONDS = 20.0  # a WebSocket whose client does not answer a ping for as long is closed
KEEP_ALIVE_SECONDS = 75  # longer than a gateway's usual 60, so that it never writes into a closed connection
DRAIN_SECONDS = 25
WEBSOCKETS: dict[str, Any] = {  # uvicorn's settings; it takes one message at a time, so there is no queue to bound
    "ws": "websockets-sansio",
    "ws_max_size": MAX_MESSAGE_BYTES,
    "ws_ping_interval": PING_SECONDS,
    "ws_ping_timeout": PING_SECONDS,
    "ws_per_message_deflate": False,  # messages are short; a compressor takes more memory than all else of a socket
}


class PortTaken(ShopError):
    """Another program listens on the port."""


def serve(settings: Settings, *, only_accounts: bool = False) -> int:
    """Serve the API until SIGTERM or SIGINT; streams are let go, and requests under way end first."""
    if settings.workers > 1 and "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="cartograph-metrics-")
    _insist_on_port(settings.host, settings.port)
    signal.signal(signal.SIGTERM, _end)  # uvicorn raises what has ended it once more: an end as asked for is no failure
    import uvicorn

    from app.http.protocol import HttpProtocol

    uvicorn.run(
        "app.account_app:create_account_app" if only_accounts else "app.web:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http=HttpProtocol,
        access_log=False,
        log_config=None,
        server_header=False,
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **WEBSOCKETS,
    )
    return 0


def work(settings: Settings, *, only_accounts: bool = False) -> int:
    """Run the worker until SIGTERM or SIGINT; what is under way ends first.

    only_accounts: for a database of their own, whose jobs no other worker sees.
    """
    import uvloop

    from app import telemetry
    from app.bootstrap import open_shop
    from app.jobs.queue import open_queue
    from app.mail.domain import SEND_MAIL
    from app.worker.account_work import account_kinds, account_schedule
    from app.worker.kinds import job_kinds
    from app.worker.runner import JobRunner
    from app.worker.schedule import schedule

    telemetry.configure_logging(settings.log_level)
    if settings.fault_point is not None:
        arm_to_kill(Armed.parse(settings.fault_point))

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with open_shop(settings) as shop:
            lease = timedelta(seconds=settings.job_lease_seconds)
            entries = schedule(
                shop.check_payments,
                shop.refund_payment,
                shop.delete_expired_carts,
                shop.forget_keyed_calls,
                shop.reprice_catalog,
                shop.keep_search,
                shop.forget_mail,
                shop.provider_desk.reconcile,
                shop.provider_desk.forget_events,
                shop.forget_customers,
            )
            kinds = job_kinds(shop.check_payments, shop.refund_payment, shop.provider_desk.retry_event, shop.send_mail)
            if only_accounts:
                kinds, entries = [kind for kind in kinds if kind.name == SEND_MAIL], []
            runner = JobRunner(
                partial(open_queue, shop.database, shop.ids.new_uuid(), lease),
                account_kinds(shop.accounts.answer_requests) + kinds,
                account_schedule(shop.accounts.forget_traces) + entries,
                lease=lease,
                drain_seconds=DRAIN_SECONDS,
                clock=shop.clock,
                chance=secrets.SystemRandom().random,
            )
            await runner.run(stop)

    uvloop.run(run())
    return 0


def _end(*_: object) -> None:
    sys.exit(0)


def _insist_on_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(
                f"cannot listen on {host}:{port} ({error.strerror}); choose another with --port or --host"
            ) from None
