"""PaymentIntents: created, changed, captured, canceled, expired; `confirmation` does the rest."""

from __future__ import annotations

from dataclasses import replace

from app.devstack.stripe_emulator.call import Call
from app.devstack.stripe_emulator.changes import Changes
from app.devstack.stripe_emulator.charging import capture
from app.devstack.stripe_emulator.confirmation import (
    CONFIRM_PARAMETERS,
    ONLY_WHEN_CONFIRMING,
    confirm,
    requested_payment_method,
)
from app.devstack.stripe_emulator.currencies import read_amount, read_currency
from app.devstack.stripe_emulator.listing import PAGE_PARAMETERS, list_page
from app.devstack.stripe_emulator.parameters import Parameters
from app.devstack.stripe_emulator.problems import InvalidParameter, Refused, unexpected_state
from app.devstack.stripe_emulator.records import Json, PaymentIntent
from app.devstack.stripe_emulator.render import render

PLAIN_PARAMETERS = (
    "allowed_payment_method_types", "capture_method", "customer", "description", "excluded_payment_method_types",
    "metadata", "payment_method", "payment_method_data", "receipt_email", "setup_future_usage", "shipping",
    "statement_descriptor", "statement_descriptor_suffix",
)  # fmt: skip
CREATE_PARAMETERS = (
    *{*PLAIN_PARAMETERS, *CONFIRM_PARAMETERS},
    *("amount", "automatic_payment_methods", "confirm", "confirmation_method", "currency"),
)
UPDATE_PARAMETERS = (*PLAIN_PARAMETERS, "amount", "currency")
CAPTURE_PARAMETERS = ("amount_to_capture", "metadata", "statement_descriptor", "statement_descriptor_suffix")
CANCEL_REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")

_BEFORE_MONEY = ("requires_payment_method", "requires_confirmation", "requires_action")
_CAPTURE_METHODS = ("automatic", "automatic_async", "manual")
_FUTURE_USAGES = ("off_session", "on_session")


def create_payment_intent(call: Call) -> Json:
    """POST /v1/payment_intents, and confirm it in the same request with `confirm=true`."""
    params, changes = call.params, call.changes
    params.accept(*CREATE_PARAMETERS)
    currency = read_currency(params)
    amount = read_amount(params, currency)
    is_confirming = params.boolean("confirm")
    for name in ONLY_WHEN_CONFIRMING:
        if name in params and not is_confirming:
            raise InvalidParameter(
                f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` is set to "
                "true.",
                param=name,
            )
    new_id = changes.identifiers.new("pi")
    payment_intent = PaymentIntent(
        id=new_id,
        created=changes.now,
        amount=amount,
        currency=currency,
        client_secret=changes.identifiers.client_secret(new_id),
        confirmation_method=params.choice("confirmation_method", ("automatic", "manual")) or "automatic",
        allow_redirects=_read_allow_redirects(params),
    )
    payment_intent = _with_plain_values(changes, params, payment_intent)
    if is_confirming:
        changes.payment_intents.put(payment_intent)
        changes.emit("payment_intent.created", payment_intent)
        return render(confirm(call, payment_intent))
    payment_intent = changes.payment_intents.put(_with_payment_method(changes, params, payment_intent))
    changes.emit("payment_intent.created", payment_intent)
    return render(payment_intent)


def confirm_payment_intent(call: Call) -> Json:
    """POST /v1/payment_intents/:id/confirm."""
    call.params.accept(*CONFIRM_PARAMETERS)
    payment_intent = call.changes.payment_intents.get(call.path_id, param="intent")
    return render(confirm(call, _with_plain_values(call.changes, call.params, payment_intent)))


def retrieve_payment_intent(call: Call) -> Json:
    """GET /v1/payment_intents/:id."""
    call.params.accept("client_secret")
    return render(call.changes.payment_intents.get(call.path_id, param="intent"))


def list_payment_intents(call: Call) -> Json:
    """GET /v1/payment_intents."""
    call.params.accept("customer", *PAGE_PARAMETERS)
    customer = call.params.text("customer")
    rows = call.changes.payment_intents.newest_first()
    return list_page(call, (row for row in rows if customer in (None, row.customer)))


def update_payment_intent(call: Call) -> Json:
    """POST /v1/payment_intents/:id; the amount only while no money has moved."""
    params, changes = call.params, call.changes
    params.accept(*UPDATE_PARAMETERS)
    payment_intent = changes.payment_intents.get(call.path_id, param="intent")
    money = [name for name in ("amount", "currency", "payment_method", "payment_method_data") if name in params]
    if money and payment_intent.status not in _BEFORE_MONEY:
        raise unexpected_state(
            f"This PaymentIntent's {money[0]} could not be updated because it has a status of {payment_intent.status}. "
            f"You may only update the {money[0]} of a PaymentIntent with one of the following statuses: "
            f"{', '.join(_BEFORE_MONEY)}.",
            render(payment_intent),
        )
    currency = read_currency(params) if "currency" in params else payment_intent.currency
    amount = read_amount(params, currency) if "amount" in params else payment_intent.amount
    payment_intent = replace(payment_intent, amount=amount, currency=currency)
    if money and payment_intent.status == "requires_action":  # the buyer would authenticate another payment
        payment_intent = replace(payment_intent, status="requires_confirmation", next_action=None)
    payment_intent = _with_plain_values(changes, params, payment_intent)
    return render(changes.payment_intents.put(_with_payment_method(changes, params, payment_intent)))


def capture_payment_intent(call: Call) -> Json:
    """POST /v1/payment_intents/:id/capture: all that is held, or `amount_to_capture` of it."""
    params, changes = call.params, call.changes
    params.accept(*CAPTURE_PARAMETERS)
    payment_intent = changes.payment_intents.get(call.path_id, param="intent")
    amount = params.integer("amount_to_capture", minimum=1)
    if payment_intent.status != "requires_capture":
        raise unexpected_state(
            f"This PaymentIntent could not be captured because it has a status of {payment_intent.status}. Only a "
            "PaymentIntent with one of the following statuses may be captured: requires_capture.",
            render(payment_intent),
        )
    if amount is not None and amount > payment_intent.amount_capturable:
        raise Refused(
            f"The amount to capture ({amount}) is greater than the amount that can be captured "
            f"({payment_intent.amount_capturable}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    payment_intent = _with_plain_values(changes, params, payment_intent)
    return render(capture(changes, payment_intent, amount=amount or payment_intent.amount_capturable))


def cancel_payment_intent(call: Call) -> Json:
    """POST /v1/payment_intents/:id/cancel."""
    call.params.accept("cancellation_reason")
    reason = call.params.choice("cancellation_reason", CANCEL_REASONS)
    payment_intent = call.changes.payment_intents.get(call.path_id, param="intent")
    if payment_intent.status not in (*_BEFORE_MONEY, "requires_capture"):
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {payment_intent.status}. Only a "
            "PaymentIntent with one of the following statuses may be canceled: requires_payment_method, "
            "requires_capture, requires_confirmation, requires_action.",
            render(payment_intent),
        )
    return render(cancel(call.changes, payment_intent, reason=reason))


def cancel(changes: Changes, payment_intent: PaymentIntent, *, reason: str | None) -> PaymentIntent:
    """End a PaymentIntent without money; what was held is free again, without a refund (API since 2025-03-31)."""
    released = payment_intent.amount_capturable
    payment_intent = changes.payment_intents.put(
        replace(
            payment_intent,
            status="canceled",
            amount_capturable=0,
            next_action=None,
            canceled_at=changes.now,
            cancellation_reason=reason,
        )
    )
    changes.note_cancel(payment_intent, released=released)
    changes.emit("payment_intent.canceled", payment_intent)
    return payment_intent


def expire_authorizations(changes: Changes) -> int:
    """Stage the end of every authorisation that has lapsed; returns how many there were."""
    expired = 0
    for payment_intent in list(changes.payment_intents.newest_first()):
        charge = changes.charges.find(payment_intent.latest_charge or "")
        if payment_intent.status != "requires_capture" or charge is None or charge.capture_before is None:
            continue
        if charge.capture_before <= changes.now:
            changes.emit("charge.expired", charge)
            cancel(changes, payment_intent, reason="automatic")
            expired += 1
    return expired


def _with_plain_values(changes: Changes, params: Parameters, payment_intent: PaymentIntent) -> PaymentIntent:
    if customer := params.text("customer"):
        changes.customers.get(customer, param="customer", status=400)
    before = payment_intent
    return replace(
        before,
        customer=params.text_or("customer", before.customer),
        description=params.text_or("description", before.description),
        receipt_email=params.text_or("receipt_email", before.receipt_email),
        return_url=params.text_or("return_url", before.return_url),
        statement_descriptor=params.text_or("statement_descriptor", before.statement_descriptor),
        statement_descriptor_suffix=params.text_or("statement_descriptor_suffix", before.statement_descriptor_suffix),
        allowed_payment_method_types=(
            params.texts("allowed_payment_method_types") or before.allowed_payment_method_types
        ),
        excluded_payment_method_types=(
            params.texts("excluded_payment_method_types") or before.excluded_payment_method_types
        ),
        capture_method=params.choice("capture_method", _CAPTURE_METHODS) or before.capture_method,
        metadata=params.metadata(before.metadata),
        setup_future_usage=params.choice("setup_future_usage", _FUTURE_USAGES) or before.setup_future_usage,
        shipping=params.json_or("shipping", before.shipping),
    )


def _with_payment_method(changes: Changes, params: Parameters, payment_intent: PaymentIntent) -> PaymentIntent:
    payment_method = requested_payment_method(changes, params)
    if payment_method is None:
        return payment_intent
    return replace(payment_intent, payment_method=payment_method.id, status="requires_confirmation", next_action=None)


def _read_allow_redirects(params: Parameters) -> str | None:
    automatic = params.nested("automatic_payment_methods")
    if "allowed_payment_method_types" in params:
        if automatic is not None:
            raise InvalidParameter(
                "You may only specify one of these parameters: allowed_payment_method_types, "
                "automatic_payment_methods.",
                param="automatic_payment_methods",
                code="parameters_exclusive",
            )
        return None
    if automatic is None:
        return "always"  # Stripe's default: the payment methods that are enabled in the Dashboard
    automatic.accept("enabled", "allow_redirects")
    if not automatic.boolean("enabled", default=True):
        return None
    return automatic.choice("allow_redirects", ("always", "never")) or "always"
