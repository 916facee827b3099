"""The control API: the witness, the counts, the time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import stripe

from app.devstack.stripe_emulator.journal import read_ledger

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]


async def test_the_ledger_tells_a_movement_in_full(pay: Pay, emulator: Emulator) -> None:
    before = len((await emulator.control("GET", "ledger"))["entries"])
    paid = await pay(key="ledger-1", metadata={"order_id": "7"})

    entries = (await emulator.control("GET", f"ledger?after={before}"))["entries"]

    assert entries == [
        {
            "sequence": before + 1,
            "at": entries[0]["at"],
            "movement": "charge_succeeded",
            "amount": 2000,
            "currency": "eur",
            "payment_intent": paid.id,
            "charge": paid.latest_charge,
            "refund": None,
            "decline_code": None,
            "idempotency_key": "ledger-1",
            "metadata": {"order_id": "7"},
        }
    ]
    assert int(entries[0]["at"]) in range(paid.created, paid.created + 3600)
    assert read_ledger(emulator.journal)[-1].payment_intent == paid.id


async def test_the_ledger_is_numbered_without_gaps(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    paid = await pay()
    await api.refunds.create_async({"payment_intent": paid.id})

    entries = (await emulator.control("GET", "ledger"))["entries"]

    assert [entry["sequence"] for entry in entries] == list(range(1, len(entries) + 1))


async def test_calls_are_counted_per_endpoint(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    await emulator.control("DELETE", "stats")
    paid = await pay(key="counted")
    await pay(key="counted")
    await api.payment_intents.retrieve_async(paid.id)
    with pytest.raises(stripe.InvalidRequestError):
        await api.payment_intents.retrieve_async("pi_none")

    stats = await emulator.control("GET", "stats")
    requests = (await emulator.control("GET", "requests"))["requests"]

    assert stats == {
        "calls": {"POST /v1/payment_intents": 2, "GET /v1/payment_intents/:id": 2},
        "replayed": {"POST /v1/payment_intents": 1},
    }
    assert [(row["status"], row["idempotency_key"], row["is_replayed"]) for row in requests] == [
        (200, "counted", False),
        (200, "counted", True),
        (200, None, False),
        (404, None, False),
    ]
    assert requests[2]["path"] == f"/v1/payment_intents/{paid.id}"


async def test_time_moves_forward_only(timed_emulator: Emulator) -> None:
    before = await timed_emulator.control("GET", "clock")

    moved = await timed_emulator.control("POST", "clock", {"advance_seconds": 3600})
    back = await timed_emulator.raw("POST", "/_emulator/clock", json={"advance_seconds": -1})

    assert moved["advanced_seconds"] == before["advanced_seconds"] + 3600
    assert 3600 <= moved["now"] - before["now"] < 7200
    assert back.status_code == 400
    assert (await timed_emulator.control("GET", "clock"))["advanced_seconds"] == moved["advanced_seconds"]


async def test_a_reset_takes_back_what_was_scripted_and_keeps_the_money(
    pay: Pay, api: stripe.V1Services, emulator: Emulator
) -> None:
    paid = await pay()
    await emulator.fault(mode="500", times=None)
    await emulator.control("POST", "webhooks/faults", {"mode": "drop", "times": None})
    await emulator.control("POST", "search", {"lag_seconds": 60})

    await emulator.control("POST", "reset")

    assert (await api.payment_intents.retrieve_async(paid.id)).status == "succeeded"
    assert (await emulator.control("GET", "faults"))["faults"] == []
    assert (await emulator.control("GET", "webhooks/faults"))["faults"] == []
    assert (await emulator.control("GET", "search")) == {"lag_seconds": 0}
    assert (await emulator.control("GET", "stats"))["calls"] == {"GET /v1/payment_intents/:id": 1}
    assert await emulator.ledger(paid.id) == [("charge_succeeded", 2000)]


@pytest.mark.parametrize(
    ("path", "body"),
    [("clock", {"advance": 1}), ("clock", {"advance_seconds": "soon"}), ("search", {}), ("faults", [])],
)
async def test_a_body_that_means_nothing_is_refused(emulator: Emulator, path: str, body: object) -> None:
    refusal = await emulator.raw("POST", f"/_emulator/{path}", json=body)

    assert refusal.status_code == 400
    assert refusal.json()["error"]


async def test_only_a_payment_that_is_processing_can_be_settled(pay: Pay, emulator: Emulator) -> None:
    paid = await pay()

    for intent, status in ((paid.id, 409), ("pi_none", 404)):
        answer = await emulator.raw("POST", f"/_emulator/payment_intents/{intent}/settle", json={"outcome": "succeed"})
        assert answer.status_code == status
    assert await emulator.ledger(paid.id) == [("charge_succeeded", 2000)]
