"""PaymentIntents from creation to cancellation, without 3-D Secure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import stripe

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]


async def test_a_good_card_pays_in_one_call(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    intent = await pay(metadata={"order_id": "7"}, description="Order 7", expand=["latest_charge"])

    assert (intent.status, intent.amount, intent.amount_received, intent.currency) == ("succeeded", 2000, 2000, "eur")
    assert intent.metadata.to_dict() == {"order_id": "7"}
    assert (intent.latest_charge.paid, intent.latest_charge.captured) == (True, True)
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert (await api.payment_intents.retrieve_async(intent.id)).status == "succeeded"
    assert await emulator.ledger(intent.id) == [("charge_succeeded", 2000)]


async def test_a_payment_intent_is_paid_in_three_steps(api: stripe.V1Services) -> None:
    created = await api.payment_intents.create_async(
        {"amount": 500, "currency": "usd", "allowed_payment_method_types": ["card"]}
    )
    updated = await api.payment_intents.update_async(
        created.id, {"amount": 700, "payment_method": "pm_card_mastercard", "metadata": {"a": "1"}}
    )
    confirmed = await api.payment_intents.confirm_async(created.id)

    assert (created.status, created.amount) == ("requires_payment_method", 500)
    assert (updated.status, updated.amount) == ("requires_confirmation", 700)
    assert (confirmed.status, confirmed.amount_received) == ("succeeded", 700)
    assert confirmed.metadata.to_dict() == {"a": "1"}


async def test_metadata_is_merged_and_empty_values_remove(api: stripe.V1Services) -> None:
    intent = await api.payment_intents.create_async(
        {"amount": 500, "currency": "usd", "metadata": {"keep": "1", "drop": "2"}}
    )

    intent = await api.payment_intents.update_async(intent.id, {"metadata": {"drop": "", "add": "3"}})

    assert intent.metadata.to_dict() == {"keep": "1", "add": "3"}


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"amount": 500}, "parameter_missing", "currency"),
        ({"amount": "five", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "12.5", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": -1, "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": 49, "currency": "jpy"}, "amount_too_small", "amount"),
        ({"amount": 100_000_000, "currency": "usd"}, "amount_too_large", "amount"),
        ({"amount": 500, "currency": "zzz"}, None, "currency"),
        ({"amount": 500, "currency": "usd", "confirm": "yes"}, None, "confirm"),
        ({"amount": 500, "currency": "usd", "capture_method": "later"}, None, "capture_method"),
        ({"amount": 500, "currency": "usd", "ammount": 1}, "parameter_unknown", "ammount"),
        ({"amount": 500, "currency": "usd", "customer": "cus_none"}, "resource_missing", "customer"),
        ({"amount": 500, "currency": "usd", "payment_method": "pm_none"}, "resource_missing", "payment_method"),
        ({"amount": 500, "currency": "usd", "return_url": "https://shop.test"}, None, "return_url"),
        (
            {"amount": 500, "currency": "usd", "payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        ({"amount": 500, "currency": "usd", "transfer_group": "a"}, None, "transfer_group"),
    ],
)
async def test_a_malformed_request_is_refused_by_name(
    api: stripe.V1Services, params: dict, code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await api.payment_intents.create_async({**params, "metadata": {"refused": "1"}})

    assert (refusal.value.http_status, refusal.value.code, refusal.value.param) == (400, code, param)
    assert refusal.value.error.type == "invalid_request_error"
    found = await api.payment_intents.search_async({"query": "metadata['refused']:'1'"})
    assert found.data == []


async def test_the_smallest_amount_is_written_with_its_currency(api: stripe.V1Services) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"Amount must be at least €0\.50 eur"):
        await api.payment_intents.create_async({"amount": 1, "currency": "eur"})


async def test_an_unknown_payment_intent_is_missing(api: stripe.V1Services) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await api.payment_intents.retrieve_async("pi_none")

    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")
    assert "No such payment_intent: 'pi_none'" in str(refusal.value)


async def test_an_uncharged_payment_intent_is_canceled(api: stripe.V1Services, emulator: Emulator) -> None:
    intent = await api.payment_intents.create_async({"amount": 500, "currency": "usd"})

    canceled = await api.payment_intents.cancel_async(intent.id, {"cancellation_reason": "abandoned"})

    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert canceled.canceled_at >= canceled.created
    assert await emulator.ledger(intent.id) == [("cancel", 0)]


async def test_what_has_ended_cannot_be_changed(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    paid = await pay()
    services = api.payment_intents

    for attempt in (
        services.cancel_async(paid.id),
        services.confirm_async(paid.id, {"payment_method": "pm_card_visa"}),
        services.capture_async(paid.id),
        services.update_async(paid.id, {"amount": 900}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            await attempt
        assert (refusal.value.http_status, refusal.value.code) == (400, "payment_intent_unexpected_state")
        assert refusal.value.error.payment_intent.id == paid.id
    assert await emulator.ledger(paid.id) == [("charge_succeeded", 2000)]


async def test_held_money_is_taken_later_and_only_once(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    held = await pay(capture_method="manual")

    taken = await api.payment_intents.capture_async(held.id)

    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 2000, 0)
    assert (taken.status, taken.amount_capturable, taken.amount_received) == ("succeeded", 0, 2000)
    assert await emulator.ledger(held.id) == [("charge_authorized", 2000), ("capture", 2000)]
    with pytest.raises(stripe.InvalidRequestError):
        await api.payment_intents.capture_async(held.id)


async def test_a_part_of_held_money_is_taken(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    held = await pay(capture_method="manual")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await api.payment_intents.capture_async(held.id, {"amount_to_capture": 2001})
    taken = await api.payment_intents.capture_async(held.id, {"amount_to_capture": 600})

    assert (refusal.value.code, refusal.value.param) == ("amount_too_large", "amount_to_capture")
    assert (taken.status, taken.amount, taken.amount_received) == ("succeeded", 2000, 600)
    assert await emulator.ledger(held.id) == [("charge_authorized", 2000), ("capture", 600)]


async def test_canceling_frees_held_money_without_a_refund(
    pay: Pay, api: stripe.V1Services, emulator: Emulator
) -> None:
    held = await pay(capture_method="manual")

    canceled = await api.payment_intents.cancel_async(held.id)

    assert (canceled.status, canceled.amount_capturable) == ("canceled", 0)
    assert (await api.refunds.list_async({"payment_intent": held.id})).data == []
    assert await emulator.ledger(held.id) == [("charge_authorized", 2000), ("cancel", 2000)]


async def test_held_money_is_free_again_after_seven_days(
    timed_emulator: Emulator, connect: Callable[..., stripe.StripeClient]
) -> None:
    api = connect(timed_emulator).v1
    params = {"amount": 900, "currency": "eur", "allowed_payment_method_types": ["card"], "capture_method": "manual"}
    held = await api.payment_intents.create_async({**params, "payment_method": "pm_card_visa", "confirm": True})

    await timed_emulator.advance(7 * 24 * 3600 - 60)
    before = await api.payment_intents.retrieve_async(held.id)
    await timed_emulator.advance(60)
    after = await api.payment_intents.retrieve_async(held.id)

    assert before.status == "requires_capture"
    assert (after.status, after.cancellation_reason) == ("canceled", "automatic")
    assert await timed_emulator.ledger(held.id) == [("charge_authorized", 900), ("cancel", 900)]
    assert [event.type for event in (await api.events.list_async({"limit": 2})).data] == [
        "payment_intent.canceled",
        "charge.expired",
    ]
