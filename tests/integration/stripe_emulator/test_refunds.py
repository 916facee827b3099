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
