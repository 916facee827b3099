"""Refunds, up to what was taken and not further."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import stripe

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]


async def test_everything_is_refunded_once(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    paid = await pay()

    refund = await api.refunds.create_async({"payment_intent": paid.id, "reason": "requested_by_customer"})
    with pytest.raises(stripe.InvalidRequestError) as again:
        await api.refunds.create_async({"payment_intent": paid.id})

    assert (refund.status, refund.amount, refund.currency) == ("succeeded", 2000, "eur")
    assert (again.value.http_status, again.value.code) == (400, "charge_already_refunded")
    charge = await api.charges.retrieve_async(refund.charge)
    assert (charge.refunded, charge.amount_refunded) == (True, 2000)
    assert await emulator.ledger(paid.id) == [("charge_succeeded", 2000), ("refund", 2000)]


async def test_parts_are_refunded_and_never_more_than_is_left(
    pay: Pay, api: stripe.V1Services, emulator: Emulator
) -> None:
    paid = await pay()

    first = await api.refunds.create_async({"payment_intent": paid.id, "amount": 1500})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await api.refunds.create_async({"payment_intent": paid.id, "amount": 501})
    second = await api.refunds.create_async({"charge": paid.latest_charge, "amount": 500})

    assert refusal.value.param == "amount"
    assert "Refund amount (€5.01) is greater than unrefunded amount on charge (€5.00)" in str(refusal.value)
    rows = await api.refunds.list_async({"payment_intent": paid.id})
    assert [row.id for row in rows.data] == [second.id, first.id]
    assert await emulator.ledger(paid.id) == [("charge_succeeded", 2000), ("refund", 1500), ("refund", 500)]


async def test_only_captured_money_is_refunded(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    held = await pay(capture_method="manual")

    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        await api.refunds.create_async({"payment_intent": held.id})
    await api.payment_intents.capture_async(held.id, {"amount_to_capture": 600})
    with pytest.raises(stripe.InvalidRequestError):
        await api.refunds.create_async({"payment_intent": held.id, "amount": 601})
    refund = await api.refunds.create_async({"payment_intent": held.id})

    assert refund.amount == 600
    assert await emulator.ledger(held.id) == [("charge_authorized", 2000), ("capture", 600), ("refund", 600)]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, None),
        ({"payment_intent": "pi_none"}, "resource_missing"),
        ({"charge": "ch_none"}, "resource_missing"),
    ],
)
async def test_a_refund_of_nothing_is_refused(api: stripe.V1Services, params: dict, code: str | None) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await api.refunds.create_async(params)

    assert refusal.value.code == code


async def test_a_refund_of_no_money_is_refused(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    paid = await pay()

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await api.refunds.create_async({"payment_intent": paid.id, "amount": 0})

    assert refusal.value.code == "parameter_invalid_integer"
    assert await emulator.ledger(paid.id) == [("charge_succeeded", 2000)]


async def test_a_refund_is_read_and_annotated(pay: Pay, api: stripe.V1Services) -> None:
    paid = await pay()
    refund = await api.refunds.create_async({"payment_intent": paid.id, "metadata": {"a": "1"}})

    await api.refunds.update_async(refund.id, {"metadata": {"b": "2"}})

    assert (await api.refunds.retrieve_async(refund.id)).metadata.to_dict() == {"a": "1", "b": "2"}


async def events_of(api: stripe.V1Services, refund_id: str) -> list[tuple[str, str]]:
    """The types of a refund's events and its status in them, oldest first."""
    rows = (await api.events.list_async({"limit": 100})).data
    objects = [(row.type, row.data.object) for row in reversed(rows)]
    return [(kind, item["status"]) for kind, item in objects if item["id"] == refund_id]


async def test_a_refund_that_takes_a_while_is_pending_until_then(
    pay: Pay, api: stripe.V1Services, emulator: Emulator
) -> None:
    paid = await pay("pm_card_pendingRefund")
    refund = await api.refunds.create_async({"payment_intent": paid.id})
    before = await emulator.ledger(paid.id)

    settled = await emulator.control("POST", f"refunds/{refund.id}/settle", {"outcome": "succeed"})

    assert (refund.status, settled["status"]) == ("pending", "succeeded")
    assert before == [("charge_succeeded", 2000)]
    assert await emulator.ledger(paid.id) == [("charge_succeeded", 2000), ("refund", 2000)]
    assert await events_of(api, refund.id) == [("refund.created", "pending"), ("refund.updated", "succeeded")]


async def test_a_refund_that_fails_later_leaves_the_money_with_the_shop(
    pay: Pay, api: stripe.V1Services, emulator: Emulator
) -> None:
    paid = await pay("pm_card_refundFail")
    refund = await api.refunds.create_async({"payment_intent": paid.id})

    settled = await emulator.control("POST", f"refunds/{refund.id}/settle", {"outcome": "fail"})
    again = await emulator.raw("POST", f"/_emulator/refunds/{refund.id}/settle", json={"outcome": "fail"})

    assert (refund.status, settled["status"], settled["failure_reason"]) == (
        *("succeeded", "failed"),
        "expired_or_canceled_card",
    )
    assert again.status_code == 409
    charge = await api.charges.retrieve_async(paid.latest_charge)
    assert (charge.refunded, charge.amount_refunded) == (False, 0)
    assert await emulator.ledger(paid.id) == [("charge_succeeded", 2000), ("refund", 2000), ("refund_failed", 2000)]
    assert await events_of(api, refund.id) == [
        *[("refund.created", "succeeded"), ("refund.failed", "failed")],
        ("refund.updated", "failed"),
    ]


async def test_slow_refunds_end_by_themselves(
    timed_emulator: Emulator, connect: Callable[..., stripe.StripeClient]
) -> None:
    api = connect(timed_emulator).v1
    ends = {}
    for card in ("pendingRefund", "refundFail", "visa"):
        paid = await api.payment_intents.create_async(
            {"amount": 2000, "currency": "eur", "confirm": True, "payment_method": f"pm_card_{card}"}
            | {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
        )
        ends[card] = (await api.refunds.create_async({"payment_intent": paid.id})).id

    await timed_emulator.control("POST", "clock", {"advance_seconds": 31})

    ended = {card: (await api.refunds.retrieve_async(refund)).status for card, refund in ends.items()}
    assert ended == {"pendingRefund": "succeeded", "refundFail": "failed", "visa": "succeeded"}
