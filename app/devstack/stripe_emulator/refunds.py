"""Refunds: money back from a charge, never more than it took.

Most have succeeded when they are answered. To some test cards they take a while: one is pending until then, another
looks successful and fails.
"""

from __future__ import annotations

from dataclasses import replace

from app.devstack.stripe_emulator.call import Call
from app.devstack.stripe_emulator.cards import find_slow_refund
from app.devstack.stripe_emulator.changes import Changes
from app.devstack.stripe_emulator.currencies import format_amount
from app.devstack.stripe_emulator.listing import PAGE_PARAMETERS, list_page
from app.devstack.stripe_emulator.parameters import Parameters
from app.devstack.stripe_emulator.problems import InvalidParameter, Refused, unexpected_state
from app.devstack.stripe_emulator.records import Charge, Json, Refund
from app.devstack.stripe_emulator.render import render

CREATE_PARAMETERS = ("amount", "charge", "metadata", "payment_intent", "reason")
SETTLED_AFTER_SECONDS = 30  # of a refund that takes a while; days at a real bank
_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create_refund(call: Call) -> Json:
    """POST /v1/refunds: all that is left of a charge, or `amount` of it."""
    params, changes = call.params, call.changes
    params.accept(*CREATE_PARAMETERS)
    amount = params.integer("amount", minimum=1)
    reason = params.choice("reason", _REASONS)
    charge = _find_charge(params, changes)
    if any(row.holds_money for row in changes.disputes.newest_first() if row.charge == charge.id):
        raise Refused(f"Charge {charge.id} has been charged back; cannot issue a refund.", code="charge_disputed")
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
            status="pending" if find_slow_refund(charge.card) == "succeeds" else "succeeded",
        )
    )
    charge = changes.charges.put(replace(charge, amount_refunded=charge.amount_refunded + refund.amount))
    if refund.status == "succeeded":
        changes.move_money("refund", charge, amount=refund.amount, refund=refund)
    changes.emit("charge.refunded", charge)
    changes.emit("refund.created", refund)
    return render(refund)


def settle_refunds(changes: Changes) -> int:
    """Stage the end of every refund that has taken its while; returns how many there were."""
    due = [row for row in changes.refunds.newest_first() if row.created + SETTLED_AFTER_SECONDS <= changes.now]
    settled = 0
    for refund in due:
        ends = find_slow_refund(changes.charges.get(refund.charge).card)
        if ends == "succeeds" and refund.status == "pending":
            settle_refund(changes, refund, is_paid=True)
            settled += 1
        elif ends == "fails" and refund.status == "succeeded":
            settle_refund(changes, refund, is_paid=False)
            settled += 1
    return settled


def settle_refund(changes: Changes, refund: Refund, *, is_paid: bool) -> Refund:
    """Stage how a refund ended: at the buyer's bank, or back with the shop."""
    charge, was_paid = changes.charges.get(refund.charge), refund.status == "succeeded"
    if is_paid:
        refund = changes.refunds.put(replace(refund, status="succeeded"))
        changes.move_money("refund", charge, amount=refund.amount, refund=refund)
    else:
        failure = "expired_or_canceled_card"
        refund = changes.refunds.put(replace(refund, status="failed", failure_reason=failure))
        charge = changes.charges.put(replace(charge, amount_refunded=charge.amount_refunded - refund.amount))
        if was_paid:
            changes.move_money("refund_failed", charge, amount=refund.amount, refund=refund)
        changes.emit("refund.failed", refund)
    changes.emit("refund.updated", refund)
    return refund


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
