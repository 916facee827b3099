"""Declines, 3-D Secure, and what a confirmation needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import stripe

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]


@pytest.mark.parametrize(
    ("payment_method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ("pm_card_radarBlock", "card_declined", "fraudulent"),
    ],
)
async def test_a_declined_card_is_told_as_stripe_tells_it(
    pay: Pay, api: stripe.V1Services, emulator: Emulator, payment_method: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        await pay(payment_method)

    error = refusal.value.error
    assert (refusal.value.http_status, error.type) == (402, "card_error")
    assert (refusal.value.code, error.decline_code) == (code, decline_code)
    assert error.payment_intent.status == "requires_payment_method"
    assert error.payment_intent.payment_method is None
    assert error.payment_intent.last_payment_error.decline_code == decline_code
    assert error.payment_method.card.last4 is not None
    charge = await api.charges.retrieve_async(error.charge)
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, code)
    assert await emulator.ledger(error.payment_intent.id) == [("charge_failed", 2000)]


async def test_a_declined_payment_intent_is_paid_with_another_card(
    pay: Pay, api: stripe.V1Services, emulator: Emulator
) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        await pay("pm_card_chargeDeclined")
    intent_id = refusal.value.error.payment_intent.id

    paid = await api.payment_intents.confirm_async(intent_id, {"payment_method": "pm_card_visa"})

    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    assert await emulator.ledger(intent_id) == [("charge_failed", 2000), ("charge_succeeded", 2000)]


async def test_without_a_payment_method_nothing_is_confirmed(pay: Pay) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method") as refusal:
        await pay(None)

    assert refusal.value.code == "payment_intent_unexpected_state"


async def test_a_payment_that_may_redirect_needs_a_return_url(api: stripe.V1Services) -> None:
    params = {"amount": 500, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}

    with pytest.raises(stripe.InvalidRequestError, match="you must provide a `return_url`"):
        await api.payment_intents.create_async(params)
    paid = await api.payment_intents.create_async({**params, "return_url": "https://shop.test/back"})

    assert paid.status == "succeeded"


async def test_a_card_that_is_not_allowed_is_not_charged(api: stripe.V1Services) -> None:
    params = {"amount": 500, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await api.payment_intents.create_async({**params, "allowed_payment_method_types": ["klarna"]})

    assert refusal.value.code == "payment_intent_incompatible_payment_method"


@pytest.mark.parametrize(
    "payment_method",
    ["pm_card_threeDSecure2Required", "pm_card_authenticationRequired", "pm_card_threeDSecureRequired"],
)
async def test_a_card_with_3d_secure_waits_for_the_buyer(pay: Pay, emulator: Emulator, payment_method: str) -> None:
    intent = await pay(payment_method)

    assert (intent.status, intent.amount_received, intent.latest_charge) == ("requires_action", 0, None)
    assert intent.next_action.type == "use_stripe_sdk"
    assert intent.next_action.use_stripe_sdk["stripe_js"] == f"{emulator.url}/_emulator/3ds/{intent.id}"
    assert await emulator.ledger(intent.id) == []


async def test_with_a_return_url_the_buyer_is_redirected(pay: Pay, emulator: Emulator) -> None:
    intent = await pay("pm_card_authenticationRequired", return_url="https://shop.test/back")
    with_sdk = await pay("pm_card_authenticationRequired", return_url="https://shop.test/back", use_stripe_sdk=True)

    assert intent.next_action.type == "redirect_to_url"
    assert intent.next_action.redirect_to_url.url == f"{emulator.url}/_emulator/3ds/{intent.id}"
    assert intent.next_action.redirect_to_url.return_url == "https://shop.test/back"
    assert with_sdk.next_action.type == "use_stripe_sdk"


@pytest.mark.parametrize("params", [{"off_session": True}, {"error_on_requires_action": True}])
async def test_a_buyer_who_is_not_there_cannot_authenticate(pay: Pay, emulator: Emulator, params: dict) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        await pay("pm_card_authenticationRequired", **params)

    error = refusal.value.error
    assert (refusal.value.code, error.decline_code) == ("authentication_required", "authentication_required")
    assert await emulator.ledger(error.payment_intent.id) == [("charge_failed", 2000)]


async def test_a_card_set_up_for_it_pays_without_the_buyer(pay: Pay) -> None:
    present = await pay("pm_card_authenticationRequiredSetupForOffSession")
    absent = await pay("pm_card_authenticationRequiredSetupForOffSession", off_session=True)

    assert (present.status, absent.status) == ("requires_action", "succeeded")


async def test_a_buyer_never_authenticates_an_amount_that_was_not_shown(
    pay: Pay, api: stripe.V1Services, emulator: Emulator
) -> None:
    waiting = await pay("pm_card_authenticationRequired")

    changed = await api.payment_intents.update_async(waiting.id, {"amount": 9000})

    assert (changed.status, changed.next_action) == ("requires_confirmation", None)
    answered = await emulator.raw("POST", f"/_emulator/3ds/{waiting.id}?outcome=succeed")
    assert answered.status_code == 409
    assert await emulator.ledger(waiting.id) == []


async def test_a_waiting_payment_intent_can_be_canceled(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    waiting = await pay("pm_card_authenticationRequired")

    canceled = await api.payment_intents.cancel_async(waiting.id)

    assert (canceled.status, canceled.next_action) == ("canceled", None)
    answered = await emulator.raw("POST", f"/_emulator/3ds/{waiting.id}?outcome=succeed")
    assert answered.status_code == 409
    assert await emulator.ledger(waiting.id) == [("cancel", 0)]
