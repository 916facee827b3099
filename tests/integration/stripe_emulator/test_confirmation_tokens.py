"""Confirmation tokens: good for one confirmation within twelve hours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import stripe

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]
SHIPPING = {"name": "Ada", "address": {"line1": "1 Main St", "city": "Bern", "country": "CH"}}
AMEX = {"type": "card", "card": {"number": "378282246310005", "exp_month": 1, "exp_year": 35, "cvc": "1234"}}


async def test_a_token_pays_and_its_values_reach_the_payment_intent(pay: Pay, api: stripe.V1Services) -> None:
    token = await api.test_helpers.confirmation_tokens.create_async(
        {"payment_method_data": AMEX, "return_url": "https://shop.test/back", "shipping": SHIPPING}
    )

    paid = await pay(None, confirmation_token=token.id, expand=["payment_method"])

    assert (paid.status, paid.payment_method.card.last4) == ("succeeded", "0005")
    assert paid.shipping.address.city == "Bern"
    used = await api.confirmation_tokens.retrieve_async(token.id)
    assert (token.payment_intent, used.payment_intent) == (None, paid.id)
    assert used.payment_method_preview.card.brand == "amex"
    assert used.expires_at - used.created == 12 * 3600


async def test_the_return_url_of_a_token_is_enough_to_confirm(api: stripe.V1Services) -> None:
    token = await api.test_helpers.confirmation_tokens.create_async(
        {"payment_method": "pm_card_authenticationRequired", "return_url": "https://shop.test/back"}
    )

    intent = await api.payment_intents.create_async(
        {"amount": 500, "currency": "eur", "confirm": True, "confirmation_token": token.id}
    )

    assert intent.next_action.redirect_to_url.return_url == "https://shop.test/back"


async def test_a_token_pays_once(pay: Pay, api: stripe.V1Services) -> None:
    token = await api.test_helpers.confirmation_tokens.create_async({"payment_method": "pm_card_visa"})
    await pay(None, confirmation_token=token.id)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await pay(None, confirmation_token=token.id, metadata={"second": token.id})

    assert (refusal.value.code, refusal.value.param) == ("token_already_used", "confirmation_token")
    found = await api.payment_intents.search_async({"query": f"metadata['second']:'{token.id}'"})
    assert found.data == []


async def test_a_token_is_spent_by_a_decline(pay: Pay, api: stripe.V1Services) -> None:
    token = await api.test_helpers.confirmation_tokens.create_async({"payment_method": "pm_card_chargeDeclined"})

    with pytest.raises(stripe.CardError) as refusal:
        await pay(None, confirmation_token=token.id)

    used = await api.confirmation_tokens.retrieve_async(token.id)
    assert used.payment_intent == refusal.value.error.payment_intent.id


async def test_a_token_expires(timed_emulator: Emulator, connect: Callable[..., stripe.StripeClient]) -> None:
    api = connect(timed_emulator).v1
    create_token = api.test_helpers.confirmation_tokens.create_async
    early = await create_token({"payment_method": "pm_card_visa"})
    params = {"amount": 500, "currency": "eur", "confirm": True, "allowed_payment_method_types": ["card"]}

    await timed_emulator.advance(60)
    late = await create_token({"payment_method": "pm_card_visa"})
    await timed_emulator.advance(12 * 3600 - 60)

    with pytest.raises(stripe.InvalidRequestError, match="has expired"):
        await api.payment_intents.create_async({**params, "confirmation_token": early.id})
    paid = await api.payment_intents.create_async({**params, "confirmation_token": late.id})
    assert paid.status == "succeeded"


async def test_a_token_needs_one_source_of_its_card(api: stripe.V1Services) -> None:
    create_token = api.test_helpers.confirmation_tokens.create_async

    with pytest.raises(stripe.InvalidRequestError) as none:
        await create_token({})
    with pytest.raises(stripe.InvalidRequestError) as both:
        await create_token({"payment_method": "pm_card_visa", "payment_method_data": AMEX})

    assert (none.value.code, both.value.code) == ("parameter_missing", "parameters_exclusive")
