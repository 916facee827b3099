"""Disputes: the bank asks the buyer's money back, and the shop may answer.

An inquiry (`warning_…`) is a question that has not moved money yet. Anything else takes it at once, and gives it back
where the shop wins.
"""

from __future__ import annotations

from dataclasses import replace

from app.devstack.stripe_emulator.call import Call
from app.devstack.stripe_emulator.cards import find_dispute
from app.devstack.stripe_emulator.changes import Changes
from app.devstack.stripe_emulator.listing import PAGE_PARAMETERS, list_page
from app.devstack.stripe_emulator.problems import Refused
from app.devstack.stripe_emulator.records import Charge, Dispute, DisputeStatus, Json
from app.devstack.stripe_emulator.render import render

ANSWER_WITHIN_SECONDS = 9 * 24 * 60 * 60  # Stripe: 7 to 21 days, as the card network has it
CLOSED: tuple[DisputeStatus, ...] = ("won", "lost", "warning_closed")


def dispute_as_the_card_does(changes: Changes, charge: Charge) -> None:
    """Open the dispute that a test card such as `createDispute` stands for, if it is one."""
    kind = find_dispute(charge.card)
    if kind is not None:
        open_dispute(changes, charge, reason=kind.reason, is_inquiry=kind.is_inquiry)


def open_dispute(changes: Changes, charge: Charge, *, reason: str, is_inquiry: bool = False) -> Dispute:
    """Stage a dispute of all that the charge took and has not given back."""
    charge = changes.charges.put(replace(charge, disputed=True))
    dispute = changes.disputes.put(
        Dispute(
            id=changes.identifiers.new("du"),
            created=changes.now,
            amount=charge.amount_captured - charge.amount_refunded,
            currency=charge.currency,
            charge=charge.id,
            payment_intent=charge.payment_intent,
            reason=reason,
            status="warning_needs_response" if is_inquiry else "needs_response",
            due_by=changes.now + ANSWER_WITHIN_SECONDS,
            brand=charge.card.brand,
        )
    )
    changes.emit("charge.dispute.created", dispute)
    if not is_inquiry:
        changes.move_money("dispute", charge, amount=dispute.amount)
        changes.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def close(changes: Changes, dispute: Dispute, *, is_won: bool) -> Dispute:
    """Stage the bank's decision; an inquiry just ends."""
    status: DisputeStatus = "won" if is_won else "lost"
    if dispute.is_inquiry:
        status = "warning_closed"
    dispute = changes.disputes.put(replace(dispute, status=status))
    changes.emit("charge.dispute.closed", dispute)
    if status == "won":
        charge = changes.charges.get(dispute.charge)
        changes.move_money("dispute_won", charge, amount=dispute.amount)
        changes.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def retrieve_dispute(call: Call) -> Json:
    """GET /v1/disputes/:id."""
    call.params.accept()
    return render(call.changes.disputes.get(call.path_id))


def update_dispute(call: Call) -> Json:
    """POST /v1/disputes/:id: its metadata; evidence is not emulated."""
    call.params.accept("metadata")
    dispute = call.changes.disputes.get(call.path_id)
    dispute = call.changes.disputes.put(replace(dispute, metadata=call.params.metadata(dispute.metadata)))
    call.changes.emit("charge.dispute.updated", dispute)
    return render(dispute)


def close_dispute(call: Call) -> Json:
    """POST /v1/disputes/:id/close: the shop gives in."""
    call.params.accept()
    dispute = call.changes.disputes.get(call.path_id)
    if dispute.status in CLOSED:
        raise Refused("This dispute is already closed.")
    return render(close(call.changes, dispute, is_won=False))


def list_disputes(call: Call) -> Json:
    """GET /v1/disputes."""
    call.params.accept("charge", "payment_intent", *PAGE_PARAMETERS)
    charge, payment_intent = call.params.text("charge"), call.params.text("payment_intent")
    rows = (
        row
        for row in call.changes.disputes.newest_first()
        if charge in (None, row.charge) and payment_intent in (None, row.payment_intent)
    )
    return list_page(call, rows)
