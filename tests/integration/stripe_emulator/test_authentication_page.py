"""The page on which a buyer passes or fails 3-D Secure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import stripe

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]


async def test_the_page_asks_with_two_buttons(pay: Pay, emulator: Emulator) -> None:
    intent = await pay("pm_card_authenticationRequired")

    page = await emulator.raw("GET", f"/_emulator/3ds/{intent.id}")

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "€20.00 eur" in page.text
    assert 'action="?outcome=succeed"' in page.text
    assert 'action="?outcome=fail"' in page.text
    assert await emulator.ledger(intent.id) == []


async def test_completing_charges_the_card_once(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    intent = await pay("pm_card_authenticationRequired", return_url="https://shop.test/back?lang=de")

    page = await emulator.raw("POST", f"/_emulator/3ds/{intent.id}?outcome=succeed")
    again = await emulator.raw("POST", f"/_emulator/3ds/{intent.id}?outcome=succeed")

    assert (page.status_code, again.status_code) == (200, 409)
    assert "<strong>succeeded</strong>" in page.text
    assert f"https://shop.test/back?lang=de&amp;payment_intent={intent.id}&amp;" in page.text
    assert "redirect_status=succeeded" in page.text
    paid = await api.payment_intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
    assert (paid.status, paid.next_action) == ("succeeded", None)
    assert paid.latest_charge.payment_method_details.card.three_d_secure.result == "authenticated"
    assert await emulator.ledger(intent.id) == [("charge_succeeded", 2000)]


async def test_failing_charges_nothing_and_asks_for_another_card(
    pay: Pay, api: stripe.V1Services, emulator: Emulator
) -> None:
    intent = await pay("pm_card_threeDSecure2Required", return_url="https://shop.test/back")

    page = await emulator.raw("POST", f"/_emulator/3ds/{intent.id}?outcome=fail")

    assert "failed authentication" in page.text
    assert "redirect_status=failed" in page.text
    failed = await api.payment_intents.retrieve_async(intent.id)
    assert (failed.status, failed.payment_method) == ("requires_payment_method", None)
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"
    assert failed.last_payment_error.type == "invalid_request_error"
    assert await emulator.ledger(intent.id) == []


async def test_a_card_may_be_declined_after_it_was_authenticated(
    pay: Pay, api: stripe.V1Services, emulator: Emulator
) -> None:
    intent = await pay("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")

    page = await emulator.raw("POST", f"/_emulator/3ds/{intent.id}?outcome=succeed")

    assert "Your card has insufficient funds." in page.text
    failed = await api.payment_intents.retrieve_async(intent.id)
    assert (failed.status, failed.last_payment_error.decline_code) == ("requires_payment_method", "insufficient_funds")
    assert await emulator.ledger(intent.id) == [("charge_failed", 2000)]


async def test_a_return_url_cannot_write_into_the_page(pay: Pay, emulator: Emulator) -> None:
    intent = await pay("pm_card_authenticationRequired", return_url='https://shop.test/"><script>alert(1)</script>')

    page = await emulator.raw("POST", f"/_emulator/3ds/{intent.id}?outcome=succeed")

    assert page.status_code == 200
    assert "<script>" not in page.text


async def test_the_page_answers_for_what_is_not_there(emulator: Emulator) -> None:
    assert (await emulator.raw("GET", "/_emulator/3ds/pi_none")).status_code == 404
    assert (await emulator.raw("POST", "/_emulator/3ds/pi_none?outcome=succeed")).status_code == 404
    assert (await emulator.raw("POST", "/_emulator/3ds/pi_none?outcome=maybe")).status_code == 400
