"""What can only be read: charges and events."""

from __future__ import annotations

from app.devstack.stripe_emulator.call import Call
from app.devstack.stripe_emulator.listing import PAGE_PARAMETERS, list_page
from app.devstack.stripe_emulator.problems import InvalidParameter
from app.devstack.stripe_emulator.records import Json
from app.devstack.stripe_emulator.render import render


def retrieve_charge(call: Call) -> Json:
    """GET /v1/charges/:id."""
    call.params.accept()
    return render(call.changes.charges.get(call.path_id))


def list_charges(call: Call) -> Json:
    """GET /v1/charges."""
    call.params.accept("customer", "payment_intent", *PAGE_PARAMETERS)
    customer, payment_intent = call.params.text("customer"), call.params.text("payment_intent")
    rows = (
        row
        for row in call.changes.charges.newest_first()
        if customer in (None, row.customer) and payment_intent in (None, row.payment_intent)
    )
    return list_page(call, rows)


def retrieve_event(call: Call) -> Json:
    """GET /v1/events/:id."""
    call.params.accept()
    return render(call.changes.events.get(call.path_id))


def list_events(call: Call) -> Json:
    """GET /v1/events: all, or those of one `type` or several `types`."""
    call.params.accept("type", "types", "delivery_success", *PAGE_PARAMETERS)
    one, several = call.params.text("type"), call.params.texts("types")
    if one is not None and several is not None:
        raise InvalidParameter("You may only specify one of these parameters: type, types.", param="types")
    wanted = several or ((one,) if one else None)
    is_delivered = call.params.boolean("delivery_success") if "delivery_success" in call.params else None
    rows = (
        row
        for row in call.changes.events.newest_first()
        if (wanted is None or row.type in wanted) and is_delivered in (None, row.pending_webhooks == 0)
    )
    return list_page(call, rows)
