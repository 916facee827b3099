"""Refunds: money back from a charge, never more than it took."""

from __future__ import annotations

from dataclasses import replace

from app.devstack.stripe_emulator.call import Call
from app.devstack.stripe_emulator.changes import Changes
from app.devstack.stripe_emulator.currencies import format_amount
from app.devstack.stripe_emulator.listing import PAGE_PARAMETERS, list_page
from app.devstack.stripe_emulator.parameters import Parameters
from app.devstack.stripe_emulator.problems import InvalidParameter, Refused, unexpected_state
from app.devstack.stripe_emulator.records import Charge, Json, Refund
from app.devstack.stripe_emulator.render import render

CREATE_PARAMETERS = ("amount", "charge", "metadata", "payment_intent", "reason")
_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create_refund(call: Call) -> Json:
    """POST /v1/refunds: all that is left of a charge, or `amount` of it."""
    params, changes = call.params, call.changes
    params.accept(*CREATE_PARAMETERS)
    amount = params.integer("amount", minimum=1)
    reason = params.choice("reason", _REASONS)
    charge = _find_charge(params, changes)
    unrefunded = charge.amount_captured - charge.amount_refunded
    if unrefunded == 0:
        raise Refused(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    if amount is not None and amount > unrefunded:
        raise Refused(
            f"Refund amount ({format_amount(amount, charge.currency)}) is greater than unrefunded amount on charge "
            f"({format_amount(unrefunded, charge.currency)})",
            param="amount",
        )
    refund = changes.refunds.put(
        Refund(
            id=changes.identifiers.new("re"),
            created=changes.now,
            amount=amount or unrefunded,
            currency=charge.currency,
            charge=charge.id,
            payment_intent=charge.payment_intent,
            reason=reason,
            metadata=params.metadata(),
        )
    )
    charge = changes.charges.put(replace(charge, amount_refunded=charge.amount_refunded + refund.amount))
    changes.move_money("refund", charge, amount=refund.amount, refund=refund)
    changes.emit("charge.refunded", charge)
    changes.emit("refund.created", refund)
    return render(refund)


def retrieve_refund(call: Call) -> Json:
    """GET /v1/refunds/:id."""
    call.params.accept()
    return render(call.changes.refunds.get(call.path_id))


def update_refund(call: Call) -> Json:
    """POST /v1/refunds/:id: its metadata."""
    call.params.accept("metadata")
    refund = call.changes.refunds.get(call.path_id)
    refund = call.changes.refunds.put(replace(refund, metadata=call.params.metadata(refund.metadata)))
    call.changes.emit("refund.updated", refund)
    return render(refund)


def list_refunds(call: Call) -> Json:
    """GET /v1/refunds."""
    call.params.accept("charge", "payment_intent", *PAGE_PARAMETERS)
    charge, payment_intent = call.params.text("charge"), call.params.text("payment_intent")
    rows = (
        row
        for row in call.changes.refunds.newest_first()
        if charge in (None, row.charge) and payment_intent in (None, row.payment_intent)
    )
    return list_page(call, rows)


def _find_charge(params: Parameters, changes: Changes) -> Charge:
    charge_id, payment_intent_id = params.text("charge"), params.text("payment_intent")
    if (charge_id is None) == (payment_intent_id is None):
        raise InvalidParameter("One of charge or payment_intent must be provided.", param="payment_intent")
    if payment_intent_id is not None:
        payment_intent = changes.payment_intents.get(payment_intent_id, param="payment_intent", status=404)
        charge = changes.charges.find(payment_intent.latest_charge or "")
        if charge is None or not charge.captured:
            raise unexpected_state(
                f"This PaymentIntent ({payment_intent.id}) does not have a successful charge to refund."
            )
        return charge
    charge = changes.charges.get(charge_id or "", param="charge", status=404)
    if not charge.captured:
        raise Refused(f"Charge {charge.id} has not been captured.", code="charge_not_refundable", param="charge")
    return charge
