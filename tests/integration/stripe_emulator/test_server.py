"""The process: how it starts, stops, and where it sends its events."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import stripe

from app.devstack.stripe_emulator.__main__ import parse

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator, Receiver

Start = Callable[..., Awaitable["Emulator"]]
Connect = Callable[..., stripe.StripeClient]
CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_though_requests_and_webhooks_are_under_way(
    start_emulator: Start, connect: Connect, receiver: Receiver, number: signal.Signals
) -> None:
    emulator = await start_emulator(
        *("--webhook-url", receiver.url, "--webhook-secret", "whsec_x", "--webhook-retry-seconds", "3600")
    )
    receiver.refusals, receiver.secret = 100, "whsec_x"
    api = connect(emulator).v1
    await api.customers.create_async({"name": "Ada"})
    await receiver.until(1)
    fault = await emulator.fault(mode="hang", seconds=3600)
    hanging = asyncio.create_task(api.customers.list_async())
    await emulator.until_hit(fault)

    exit_code = await emulator.stop(number)

    assert exit_code == 0
    assert emulator.output() == ""
    with pytest.raises(stripe.APIConnectionError):
        await hanging


async def test_events_go_where_the_command_line_says(
    start_emulator: Start, connect: Connect, receiver: Receiver
) -> None:
    emulator = await start_emulator("--webhook-url", receiver.url, "--webhook-secret", "whsec_given")
    receiver.secret = "whsec_given"

    made = await connect(emulator).v1.customers.create_async({"name": "Ada"})
    events = await receiver.until(1)

    assert (events[0].type, events[0].data.object["id"]) == ("customer.created", made.id)


async def test_signatures_are_fresh_though_the_emulators_time_is_another(
    start_emulator: Start, connect: Connect, receiver: Receiver
) -> None:
    emulator = await start_emulator("--webhook-url", receiver.url, "--webhook-secret", "whsec_given")
    receiver.secret = "whsec_given"
    now = (await emulator.control("GET", "clock"))["now"]
    await emulator.advance(30 * 24 * 3600)

    await connect(emulator).v1.customers.create_async({"name": "Ada"})
    event = (await receiver.until(1))[0]

    signed_at = int(receiver.received[0][1].split(",")[0].removeprefix("t="))
    assert event.created >= now + 30 * 24 * 3600
    assert 0 <= signed_at - now < 24 * 3600


async def test_the_page_for_buyers_may_have_another_address(start_emulator: Start, connect: Connect) -> None:
    emulator = await start_emulator("--public-url", "https://stripe.shop.test")
    params = {"amount": 500, "currency": "eur", "confirm": True, "return_url": "https://shop.test"}

    intent = await connect(emulator).v1.payment_intents.create_async(
        {**params, "payment_method": "pm_card_authenticationRequired"}
    )

    assert intent.next_action.redirect_to_url.url == f"https://stripe.shop.test/_emulator/3ds/{intent.id}"


async def test_a_taken_port_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "app.devstack.stripe_emulator", "--ledger", str(tmp_path / "journal")]
        command += ["--port", str(taken.getsockname()[1])]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        stdout, stderr = await process.communicate()

    assert process.returncode == 1
    assert stdout == b""
    assert stderr.startswith(b"stripe emulator: ")
    assert stderr.count(b"\n") == 1


def test_a_webhook_needs_its_secret(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--port", "1", "--ledger", "x", "--webhook-url", "http://shop.test"])

    assert "belong together" in capsys.readouterr().err
