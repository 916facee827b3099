"""ConfirmationTokens: what Stripe.js collects in the browser and a server confirms with, once.

There is no browser here, so they come from Stripe's own test helper, `POST /v1/test_helpers/confirmation_tokens`.
"""

from __future__ import annotations

from dataclasses import replace

from app.devstack.stripe_emulator.call import Call
from app.devstack.stripe_emulator.changes import Changes
from app.devstack.stripe_emulator.parameters import Parameters
from app.devstack.stripe_emulator.payment_methods import add_payment_method, read_card_data, resolve_payment_method
from app.devstack.stripe_emulator.problems import InvalidParameter, Refused, missing
from app.devstack.stripe_emulator.records import Card, ConfirmationToken, Json, PaymentMethod
from app.devstack.stripe_emulator.render import render

LIFETIME_SECONDS = 12 * 60 * 60  # between created and expires_at in Stripe's own example
_FUTURE_USAGE = ("off_session", "on_session")


def create_confirmation_token(call: Call) -> Json:
    """POST /v1/test_helpers/confirmation_tokens."""
    params, changes = call.params, call.changes
    params.accept("payment_method", "payment_method_data", "return_url", "setup_future_usage", "shipping")
    card, billing_details, saved = _card(params, changes)
    token = ConfirmationToken(
        id=changes.identifiers.new("ctoken"),
        created=changes.now,
        expires_at=changes.now + LIFETIME_SECONDS,
        card=card,
        billing_details=billing_details,
        saved_payment_method=saved,
        return_url=params.text("return_url"),
        setup_future_usage=params.choice("setup_future_usage", _FUTURE_USAGE),
        shipping=params.json("shipping"),
    )
    return render(changes.confirmation_tokens.put(token))


def retrieve_confirmation_token(call: Call) -> Json:
    """GET /v1/confirmation_tokens/:id."""
    call.params.accept()
    return render(call.changes.confirmation_tokens.get(call.path_id))


def check_usable(changes: Changes, token_id: str) -> ConfirmationToken:
    """The token, if it was never used and has not expired."""
    token = changes.confirmation_tokens.get(token_id, param="confirmation_token", status=400)
    if token.payment_intent is not None:
        raise Refused(
            f"The provided ConfirmationToken {token.id} has already been used. Create a new one to confirm again.",
            code="token_already_used",
            param="confirmation_token",
        )
    if changes.now >= token.expires_at:
        raise Refused(
            f"The provided ConfirmationToken {token.id} has expired. Create a new one to confirm again.",
            code="payment_intent_invalid_parameter",
            param="confirmation_token",
        )
    return token


def use(changes: Changes, token: ConfirmationToken, payment_intent_id: str) -> PaymentMethod:
    """Spend the token on a PaymentIntent; returns what to charge."""
    changes.confirmation_tokens.put(replace(token, payment_intent=payment_intent_id))
    if token.saved_payment_method is not None:
        return changes.payment_methods.get(token.saved_payment_method)
    return add_payment_method(changes, token.card, token.billing_details)


def _card(params: Parameters, changes: Changes) -> tuple[Card, Json, str | None]:
    data = params.nested("payment_method_data")
    payment_method_id = params.text("payment_method")
    if data is not None and payment_method_id is not None:
        raise InvalidParameter(
            "You may only specify one of these parameters: payment_method, payment_method_data.",
            param="payment_method",
            code="parameters_exclusive",
        )
    if data is not None:
        data.accept("type", "card", "billing_details", "metadata")
        return *read_card_data(data, changes.now), None
    if payment_method_id is None:
        raise missing("payment_method")
    record = resolve_payment_method(changes, payment_method_id, param="payment_method", status=400)
    return record.card, record.billing_details, record.id
