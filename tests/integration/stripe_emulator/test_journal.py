"""The file: what a killed emulator leaves, and what the next one makes of it."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import stripe

from app.devstack.stripe_emulator.journal import Commit, Journal, JournalDamaged, JournalInUse, read_ledger
from app.devstack.stripe_emulator.ledger import LedgerEntry, money_taken
from app.devstack.stripe_emulator.records import Customer

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Start = Callable[..., Awaitable["Emulator"]]
Connect = Callable[..., stripe.StripeClient]
PARAMS = {"amount": 900, "currency": "eur", "confirm": True, "allowed_payment_method_types": ["card"]}


async def test_a_killed_emulator_remembers_everything_it_answered(start_emulator: Start, connect: Connect) -> None:
    emulator = await start_emulator()
    api = connect(emulator).v1
    options = {"idempotency_key": "before-the-kill"}
    paid = await api.payment_intents.create_async({**PARAMS, "payment_method": "pm_card_visa"}, options)
    waiting = await api.payment_intents.create_async({**PARAMS, "payment_method": "pm_card_authenticationRequired"})
    token = await api.test_helpers.confirmation_tokens.create_async({"payment_method": "pm_card_visa"})
    refund = await api.refunds.create_async({"payment_intent": paid.id, "amount": 300})
    gone = await api.customers.create_async({"name": "Gone"})
    await api.customers.delete_async(gone.id)
    await emulator.advance(3600)
    objects = {
        path: await emulator.read(path)
        for path in (
            f"payment_intents/{paid.id}",
            f"payment_intents/{waiting.id}",
            f"payment_methods/{paid.payment_method}",
            f"charges/{paid.latest_charge}",
            f"confirmation_tokens/{token.id}",
            f"refunds/{refund.id}",
            "events?limit=100",
        )
    }
    ledger = await emulator.control("GET", "ledger")

    assert await emulator.stop(signal.SIGKILL) == -signal.SIGKILL
    await emulator.start()

    assert {path: await emulator.read(path) for path in objects} == objects
    assert await emulator.control("GET", "ledger") == ledger
    assert (await emulator.control("GET", "clock"))["advanced_seconds"] == 3600
    api = connect(emulator).v1
    again = await api.payment_intents.create_async({**PARAMS, "payment_method": "pm_card_visa"}, options)
    assert (again.id, again.last_response.headers["idempotent-replayed"]) == (paid.id, "true")
    with pytest.raises(stripe.InvalidRequestError):
        await api.customers.retrieve_async(gone.id)
    with pytest.raises(stripe.InvalidRequestError):
        await api.refunds.create_async({"payment_intent": paid.id, "amount": 601})
    assert (await emulator.raw("POST", f"/_emulator/3ds/{waiting.id}?outcome=succeed")).status_code == 200
    assert await emulator.ledger(waiting.id) == [("charge_succeeded", 900)]
    assert await emulator.stop() == 0
    assert money_taken(read_ledger(emulator.journal)) == {paid.id: 600, waiting.id: 900}


async def test_an_emulator_goes_on_after_a_torn_line(start_emulator: Start, connect: Connect) -> None:
    emulator = await start_emulator()
    await connect(emulator).v1.customers.create_async({"name": "First"})
    await emulator.stop(signal.SIGKILL)
    whole = emulator.journal.read_bytes()
    with emulator.journal.open("ab") as journal:
        journal.write(b'{"customers":[{"id":"cus_torn","created":1,"name":"Torn')

    await emulator.start()
    await connect(emulator).v1.customers.create_async({"name": "Second"})
    await emulator.stop(signal.SIGKILL)
    await emulator.start()

    assert [row["name"] for row in (await emulator.read("customers"))["data"]] == ["Second", "First"]
    assert emulator.journal.read_bytes().startswith(whole)
    assert b"Torn" not in emulator.journal.read_bytes()


async def test_an_event_that_nobody_accepted_is_sent_after_the_next_start(
    start_emulator: Start, connect: Connect, receiver: object
) -> None:
    emulator = await start_emulator("--webhook-retry-seconds", "3600")
    api = connect(emulator).v1
    created = await api.webhook_endpoints.create_async(
        {"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]}
    )
    receiver.refusals, receiver.secret = 1, created.secret
    paid = await api.payment_intents.create_async({**PARAMS, "payment_method": "pm_card_visa"})
    await receiver.until(1)

    await emulator.stop(signal.SIGKILL)
    await emulator.start()
    first, second = await receiver.until(2)

    assert (first.id, first.data.object["id"]) == (second.id, paid.id)


@pytest.mark.parametrize("torn", [b"{", b'{"advanced_seconds":2', b'{"advanced_seconds":2}', b"\xc3"])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b'{"advanced_seconds":1}\n' + torn)

    ledger = read_ledger(path)
    journal, history = Journal.open(path)
    journal.append(Commit(advanced_seconds=3))
    journal.close()

    assert ledger == []
    assert history == [Commit(advanced_seconds=1)]
    assert path.read_bytes() == b'{"advanced_seconds":1}\n{"advanced_seconds":3}\n'


def test_a_damaged_line_is_not_skipped(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b'{"advanced_seconds":1}\nnot json\n{"advanced_seconds":2}\n')

    with pytest.raises(JournalDamaged, match="line 2"):
        Journal.open(path)

    assert path.read_bytes().endswith(b'{"advanced_seconds":2}\n')


def test_two_emulators_cannot_share_a_journal(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path / "journal")

    with pytest.raises(JournalInUse):
        Journal.open(tmp_path / "journal")

    journal.close()
    reopened, _ = Journal.open(tmp_path / "journal")
    reopened.close()


def test_a_commit_is_one_line_that_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "journal"
    commit = Commit(
        customers=(Customer("cus_1", 1, name="Ünal\n", metadata={"a": "1"}),),
        ledger=(LedgerEntry(1, 1.5, "refund", 5, "eur", "pi_1"),),
        deleted=("cus_2",),
    )

    journal, history = Journal.open(path)
    journal.append(commit)
    journal.append(Commit(advanced_seconds=5))
    journal.close()

    assert history == []
    assert path.read_bytes().count(b"\n") == 2
    again, history = Journal.open(path)
    again.close()
    assert history == [commit, Commit(advanced_seconds=5)]


def test_money_taken_is_net_of_refunds_and_blind_to_holds() -> None:
    movements = [
        ("pi_a", "charge_succeeded", 900), ("pi_a", "refund", 200), ("pi_a", "refund", 100),
        ("pi_b", "charge_authorized", 500), ("pi_b", "capture", 300),
        ("pi_c", "charge_authorized", 500), ("pi_c", "cancel", 500), ("pi_d", "charge_failed", 500),
    ]  # fmt: skip
    entries = [LedgerEntry(n, 0.0, kind, amount, "eur", pi) for n, (pi, kind, amount) in enumerate(movements)]

    assert money_taken(entries) == {"pi_a": 600, "pi_b": 300}
