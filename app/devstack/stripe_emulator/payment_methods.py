"""PaymentMethods: cards in, cards without their numbers kept."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

from app.devstack.stripe_emulator.call import Call
from app.devstack.stripe_emulator.cards import card_of_number, find_static_card
from app.devstack.stripe_emulator.changes import Changes
from app.devstack.stripe_emulator.listing import list_page
from app.devstack.stripe_emulator.parameters import Parameters
from app.devstack.stripe_emulator.problems import CardRefused, InvalidParameter, Refused, missing
from app.devstack.stripe_emulator.records import Card, Json, PaymentMethod
from app.devstack.stripe_emulator.render import render

_ADDRESS_FIELDS = ("city", "country", "line1", "line2", "postal_code", "state")
_LAST_YEAR = 2100  # later ones are typing errors


def create_payment_method(call: Call) -> Json:
    """POST /v1/payment_methods."""
    call.params.accept("type", "card", "billing_details", "metadata")
    card, billing_details = read_card_data(call.params, call.changes.now)
    return render(add_payment_method(call.changes, card, billing_details, metadata=call.params.metadata()))


def retrieve_payment_method(call: Call) -> Json:
    """GET /v1/payment_methods/:id; a static id gives a new PaymentMethod, as everywhere."""
    call.params.accept()
    return render(resolve_payment_method(call.changes, call.path_id, param="payment_method", status=404))


def update_payment_method(call: Call) -> Json:
    """POST /v1/payment_methods/:id."""
    call.params.accept("metadata", "billing_details")
    record = call.changes.payment_methods.get(call.path_id)
    billing_details = record.billing_details
    if "billing_details" in call.params:
        billing_details = _billing_details(call.params)
    record = replace(record, metadata=call.params.metadata(record.metadata), billing_details=billing_details)
    return render(call.changes.payment_methods.put(record))


def list_payment_methods(call: Call) -> Json:
    """GET /v1/payment_methods: those of one customer."""
    call.params.accept("customer", "type", "limit", "starting_after", "ending_before")
    customer = call.params.required_text("customer")
    rows = (row for row in call.changes.payment_methods.newest_first() if row.customer == customer)
    return list_page(call, rows)


def attach_payment_method(call: Call) -> Json:
    """POST /v1/payment_methods/:id/attach."""
    call.params.accept("customer")
    customer = call.changes.customers.get(call.params.required_text("customer"), param="customer", status=400)
    record = resolve_payment_method(call.changes, call.path_id, param="payment_method", status=404)
    return render(attach(call.changes, record, customer.id))


def detach_payment_method(call: Call) -> Json:
    """POST /v1/payment_methods/:id/detach."""
    call.params.accept()
    record = call.changes.payment_methods.get(call.path_id)
    if record.customer is None:
        raise Refused("The payment method you provided is not attached to a customer so detachment is impossible.")
    record = call.changes.payment_methods.put(replace(record, customer=None))
    call.changes.emit("payment_method.detached", record)
    return render(record)


def attach(changes: Changes, record: PaymentMethod, customer_id: str) -> PaymentMethod:
    """Make the card the customer's own."""
    if record.customer not in (None, customer_id):
        raise Refused("The payment method you provided has already been attached to a customer.")
    record = changes.payment_methods.put(replace(record, customer=customer_id))
    changes.emit("payment_method.attached", record)
    return record


def add_payment_method(
    changes: Changes, card: Card, billing_details: Json, *, metadata: dict[str, str] | None = None
) -> PaymentMethod:
    """Stage a new PaymentMethod for a card."""
    return changes.payment_methods.put(
        PaymentMethod(
            id=changes.identifiers.new("pm"),
            created=changes.now,
            card=card,
            billing_details=billing_details,
            metadata=metadata or {},
        )
    )


def resolve_payment_method(changes: Changes, payment_method_id: str, *, param: str, status: int) -> PaymentMethod:
    """The PaymentMethod with this id; each use of a static id such as `pm_card_visa` makes a new one."""
    card = find_static_card(payment_method_id)
    if card is not None:
        return add_payment_method(changes, card, _billing_details(Parameters({})))
    return changes.payment_methods.get(payment_method_id, param=param, status=status)


def read_card_data(params: Parameters, now: int) -> tuple[Card, Json]:
    """The card and its holder in `type=card&card[number]=…&billing_details[…]=…`.

    Raises CardRefused for a number, date or security code that no card has.
    """
    if params.required_text("type") != "card":
        raise InvalidParameter("The emulator knows cards only.", param="type")
    group = params.nested("card")
    if group is None:
        raise missing("card")
    group.accept("number", "exp_month", "exp_year", "cvc")
    exp_month, exp_year = group.integer("exp_month"), group.integer("exp_year")
    if exp_month is None or exp_year is None:
        raise missing("card[exp_month]" if exp_month is None else "card[exp_year]")
    exp_year += 2000 if exp_year < 100 else 0
    _check_expiry(exp_month, exp_year, now)
    if "cvc" in group and not re.fullmatch(r"[0-9]{3,4}", group.text("cvc") or ""):
        raise CardRefused("Your card's security code is invalid.", code="invalid_cvc", param="cvc")
    return card_of_number(group.required_text("number"), exp_month, exp_year), _billing_details(params)


def _check_expiry(exp_month: int, exp_year: int, now: int) -> None:
    if not 1 <= exp_month <= 12:
        raise CardRefused("Your card's expiration month is invalid.", code="invalid_expiry_month", param="exp_month")
    if not datetime.fromtimestamp(now, UTC).year <= exp_year <= _LAST_YEAR:
        raise CardRefused("Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year")


def _billing_details(params: Parameters) -> Json:
    group = params.nested("billing_details") or Parameters({})
    group.accept("address", "email", "name", "phone", "tax_id")
    address = group.nested("address") or Parameters({})
    address.accept(*_ADDRESS_FIELDS)
    return {
        "address": {name: address.text(name) for name in _ADDRESS_FIELDS},
        "email": group.text("email"),
        "name": group.text("name"),
        "phone": group.text("phone"),
        "tax_id": group.text("tax_id"),
    }
