"""Disputes: what the bank takes, what it asks first, and how it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import stripe

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]


async def dispute_of(api: stripe.V1Services, paid: stripe.PaymentIntent) -> stripe.Dispute:
    (dispute,) = (await api.disputes.list_async({"payment_intent": paid.id})).data
    return dispute


async def event_types(api: stripe.V1Services, dispute_id: str) -> list[str]:
    """The types of a dispute's events, oldest first."""
    rows = (await api.events.list_async({"limit": 100})).data
    return [row.type for row in reversed(rows) if row.data.object["id"] == dispute_id]


@pytest.mark.parametrize(
    ("card", "reason"),
    [("createDispute", "fraudulent"), ("createDisputeProductNotReceived", "product_not_received")],
)
async def test_a_card_that_is_disputed_pays_first_and_loses_the_money_then(
    pay: Pay, api: stripe.V1Services, emulator: Emulator, card: str, reason: str
) -> None:
    paid = await pay(f"pm_card_{card}")

    dispute = await dispute_of(api, paid)

    assert (paid.status, dispute.status, dispute.reason, dispute.amount) == (
        "succeeded",
        "needs_response",
        reason,
        2000,
    )
    assert (await api.charges.retrieve_async(paid.latest_charge)).disputed
    assert await event_types(api, dispute.id) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert await emulator.ledger(paid.id) == [("charge_succeeded", 2000), ("dispute", 2000)]


async def test_an_inquiry_takes_nothing_and_just_ends(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    paid = await pay("pm_card_createDisputeInquiry")
    dispute = await dispute_of(api, paid)

    closed = await emulator.control("POST", f"disputes/{dispute.id}/close", {"outcome": "lost"})

    assert (dispute.status, closed["status"]) == ("warning_needs_response", "warning_closed")
    assert await event_types(api, dispute.id) == ["charge.dispute.created", "charge.dispute.closed"]
    assert await emulator.ledger(paid.id) == [("charge_succeeded", 2000)]


async def test_a_dispute_that_is_won_gives_the_money_back(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    paid = await pay()
    dispute = await emulator.control("POST", f"payment_intents/{paid.id}/dispute", {"reason": "duplicate"})

    await api.disputes.update_async(dispute["id"], {"metadata": {"seen": "yes"}})
    won = await emulator.control("POST", f"disputes/{dispute['id']}/close", {"outcome": "won"})

    assert (dispute["reason"], won["status"]) == ("duplicate", "won")
    assert await event_types(api, dispute["id"]) == [
        f"charge.dispute.{name}" for name in ("created", "funds_withdrawn", "updated", "closed", "funds_reinstated")
    ]
    assert await emulator.ledger(paid.id) == [("charge_succeeded", 2000), ("dispute", 2000), ("dispute_won", 2000)]
    assert (await api.refunds.create_async({"payment_intent": paid.id})).status == "succeeded"


async def test_the_shop_can_give_in_once(pay: Pay, api: stripe.V1Services) -> None:
    dispute = await dispute_of(api, await pay("pm_card_createDispute"))

    closed = await api.disputes.close_async(dispute.id)
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await api.disputes.close_async(dispute.id)

    assert closed.status == "lost"


async def test_what_the_bank_has_taken_is_not_refunded_too(pay: Pay, api: stripe.V1Services) -> None:
    paid = await pay("pm_card_createDispute")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await api.refunds.create_async({"payment_intent": paid.id})

    assert refusal.value.code == "charge_disputed"


async def test_what_was_not_paid_or_is_disputed_already_is_not_disputed(
    pay: Pay, emulator: Emulator, api: stripe.V1Services
) -> None:
    held = await pay(capture_method="manual")
    disputed = await pay("pm_card_createDispute")
    closed = await api.disputes.close_async((await dispute_of(api, disputed)).id)

    for path in (f"payment_intents/{held.id}/dispute", f"payment_intents/{disputed.id}/dispute"):
        assert (await emulator.raw("POST", f"/_emulator/{path}", json={})).status_code == 409
    again = await emulator.raw("POST", f"/_emulator/disputes/{closed.id}/close", json={"outcome": "won"})
    assert again.status_code == 409
