"""Confirming a PaymentIntent: choose what to charge, ask for 3-D Secure where the bank wants it, charge.

confirm -> requires_action -> the buyer answers on the emulator's page -> authenticate -> charged or failed
       \\-> charged at once, or declined

Source: docs.stripe.com, How PaymentIntents work; Finalize payments on the server.
"""

from __future__ import annotations

from dataclasses import replace

from app.devstack.stripe_emulator import confirmation_tokens
from app.devstack.stripe_emulator.call import Call
from app.devstack.stripe_emulator.cards import AUTHENTICATION_REQUIRED, needs_authentication
from app.devstack.stripe_emulator.changes import Changes
from app.devstack.stripe_emulator.charging import charge, refuse_unauthenticated
from app.devstack.stripe_emulator.parameters import Parameters
from app.devstack.stripe_emulator.payment_methods import add_payment_method, read_card_data, resolve_payment_method
from app.devstack.stripe_emulator.problems import Refused, doc_url, unexpected_state
from app.devstack.stripe_emulator.records import PaymentIntent, PaymentMethod
from app.devstack.stripe_emulator.render import render

CONFIRM_PARAMETERS = (
    "allowed_payment_method_types", "capture_method", "confirmation_token", "error_on_requires_action",
    "excluded_payment_method_types", "off_session", "payment_method", "payment_method_data", "receipt_email",
    "return_url", "setup_future_usage", "shipping", "use_stripe_sdk",
)  # fmt: skip
ONLY_WHEN_CONFIRMING = ("confirmation_token", "error_on_requires_action", "off_session", "return_url")

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_AUTHENTICATION_FAILED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
    "PaymentMethod to attempt to fulfill this PaymentIntent again."
)
_NO_PAYMENT_METHOD = (
    "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
    "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment "
    "method or ConfirmationToken."
)
_NO_RETURN_URL = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these "
    "payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want "
    "to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
)


def confirm(call: Call, payment_intent: PaymentIntent) -> PaymentIntent:
    """Confirm with what the request brings; the PaymentIntent already carries the request's plain values.

    Raises CardRefused when the card is declined, or needs a buyer who is not there.
    """
    changes, params = call.changes, call.params
    _check_confirmable(payment_intent)
    payment_intent, payment_method = _choose(changes, params, payment_intent)
    _check_allowed(payment_intent)
    _check_owner(payment_intent, payment_method)
    if payment_intent.allow_redirects == "always" and payment_intent.return_url is None:
        raise Refused(_NO_RETURN_URL, code="payment_intent_invalid_parameter", param="return_url")
    off_session = params.text("off_session") not in (None, "false")
    if not needs_authentication(payment_method.card, off_session=off_session):
        return charge(changes, payment_intent, payment_method, bank_is_slow=call.bank_is_slow)
    if off_session or params.boolean("error_on_requires_action"):
        raise refuse_unauthenticated(changes, payment_intent, payment_method, AUTHENTICATION_REQUIRED)
    return _ask_buyer(call, payment_intent)


def authenticate(changes: Changes, payment_intent: PaymentIntent) -> PaymentIntent:
    """The buyer passed 3-D Secure: charge; raises CardRefused when the bank still says no."""
    payment_intent = replace(payment_intent, authenticated=True)
    payment_method = changes.payment_methods.get(payment_intent.payment_method or "")
    return charge(changes, payment_intent, payment_method, bank_is_slow=False)


def fail_authentication(changes: Changes, payment_intent: PaymentIntent) -> PaymentIntent:
    """The buyer failed 3-D Secure, or gave up: nothing was charged."""
    payment_method = changes.payment_methods.get(payment_intent.payment_method or "")
    code = "payment_intent_authentication_failure"
    payment_intent = changes.payment_intents.put(
        replace(
            payment_intent,
            status="requires_payment_method",
            payment_method=None,
            next_action=None,
            last_payment_error={
                "code": code,
                "doc_url": doc_url(code),
                "message": _AUTHENTICATION_FAILED,
                "payment_method": render(payment_method),
                "type": "invalid_request_error",
            },
        )
    )
    changes.emit("payment_intent.payment_failed", payment_intent)
    return payment_intent


def _check_confirmable(payment_intent: PaymentIntent) -> None:
    if payment_intent.status == "succeeded":
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
            render(payment_intent),
        )
    if payment_intent.status not in _CONFIRMABLE:
        raise unexpected_state(
            f"You cannot confirm this PaymentIntent because it has a status of {payment_intent.status}. Only a "
            "PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, "
            "requires_action.",
            render(payment_intent),
        )


def _choose(changes: Changes, params: Parameters, payment_intent: PaymentIntent) -> tuple[PaymentIntent, PaymentMethod]:
    """What to charge: the request's PaymentMethod, its token's, or the PaymentIntent's; a token's values fill gaps."""
    token_id = params.text("confirmation_token")
    chosen = requested_payment_method(changes, params)
    if token_id is not None:
        token = confirmation_tokens.check_usable(changes, token_id)
        payment_method = confirmation_tokens.use(changes, token, payment_intent.id)
        payment_intent = replace(
            payment_intent,
            return_url=payment_intent.return_url or token.return_url,
            shipping=payment_intent.shipping or token.shipping,
            setup_future_usage=payment_intent.setup_future_usage or token.setup_future_usage,
        )
        chosen = chosen or payment_method
    if chosen is None and payment_intent.payment_method is not None:
        chosen = changes.payment_methods.get(payment_intent.payment_method)
    if chosen is None:
        raise unexpected_state(_NO_PAYMENT_METHOD, render(payment_intent))
    return replace(payment_intent, payment_method=chosen.id, authenticated=False), chosen


def requested_payment_method(changes: Changes, params: Parameters) -> PaymentMethod | None:
    """The PaymentMethod that a request names or describes."""
    payment_method_id = params.text("payment_method")
    if payment_method_id is not None:
        return resolve_payment_method(changes, payment_method_id, param="payment_method", status=400)
    data = params.nested("payment_method_data")
    if data is None:
        return None
    data.accept("type", "card", "billing_details", "metadata")
    return add_payment_method(changes, *read_card_data(data, changes.now), metadata=data.metadata())


def _check_allowed(payment_intent: PaymentIntent) -> None:
    allowed, excluded = payment_intent.allowed_payment_method_types, payment_intent.excluded_payment_method_types
    if "card" not in (allowed or ("card",)) or "card" in (excluded or ()):
        raise Refused(
            "The PaymentMethod provided (card) is not allowed for this PaymentIntent.",
            code="payment_intent_incompatible_payment_method",
            param="payment_method",
        )


def _check_owner(payment_intent: PaymentIntent, payment_method: PaymentMethod) -> None:
    if payment_method.customer is not None and payment_method.customer != payment_intent.customer:
        raise Refused(
            f"The PaymentMethod {payment_method.id} belongs to the Customer {payment_method.customer}. Please include "
            "the Customer in the `customer` parameter on the PaymentIntent.",
            code="payment_intent_invalid_parameter",
            param="payment_method",
        )


def _ask_buyer(call: Call, payment_intent: PaymentIntent) -> PaymentIntent:
    page = f"{call.public_url}/_emulator/3ds/{payment_intent.id}"
    if payment_intent.return_url is None or call.params.boolean("use_stripe_sdk"):
        sdk = {"type": "three_d_secure_redirect", "stripe_js": page}
        action: dict[str, object] = {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
    else:
        redirect = {"return_url": payment_intent.return_url, "url": page}
        action = {"type": "redirect_to_url", "redirect_to_url": redirect}
    payment_intent = call.changes.payment_intents.put(
        replace(payment_intent, status="requires_action", next_action=action, last_payment_error=None)
    )
    call.changes.emit("payment_intent.requires_action", payment_intent)
    return payment_intent
