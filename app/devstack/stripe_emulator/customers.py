"""Customers: the little that a shop tells Stripe about a buyer."""

from __future__ import annotations

from dataclasses import replace

from app.devstack.stripe_emulator.call import Call
from app.devstack.stripe_emulator.listing import PAGE_PARAMETERS, list_page
from app.devstack.stripe_emulator.parameters import Parameters
from app.devstack.stripe_emulator.payment_methods import attach, resolve_payment_method
from app.devstack.stripe_emulator.records import Customer, Json
from app.devstack.stripe_emulator.render import render

CREATE_PARAMETERS = (
    "address", "description", "email", "metadata", "name", "payment_method", "phone", "shipping",
)  # fmt: skip


def create_customer(call: Call) -> Json:
    """POST /v1/customers."""
    params, changes = call.params, call.changes
    params.accept(*CREATE_PARAMETERS)
    customer = Customer(id=changes.identifiers.new("cus"), created=changes.now)
    customer = changes.customers.put(_with_values(params, customer))
    changes.emit("customer.created", customer)
    if payment_method_id := params.text("payment_method"):
        record = resolve_payment_method(changes, payment_method_id, param="payment_method", status=400)
        attach(changes, record, customer.id)
    return render(customer)


def retrieve_customer(call: Call) -> Json:
    """GET /v1/customers/:id."""
    call.params.accept()
    return render(call.changes.customers.get(call.path_id))


def update_customer(call: Call) -> Json:
    """POST /v1/customers/:id."""
    call.params.accept("address", "description", "email", "metadata", "name", "phone", "shipping")
    customer = _with_values(call.params, call.changes.customers.get(call.path_id))
    call.changes.emit("customer.updated", customer)
    return render(call.changes.customers.put(customer))


def delete_customer(call: Call) -> Json:
    """DELETE /v1/customers/:id."""
    call.params.accept()
    customer = call.changes.customers.get(call.path_id)
    call.changes.delete(customer.id)
    call.changes.emit("customer.deleted", customer)
    return {"id": customer.id, "object": "customer", "deleted": True}


def list_customers(call: Call) -> Json:
    """GET /v1/customers."""
    call.params.accept("email", *PAGE_PARAMETERS)
    email = call.params.text("email")
    rows = call.changes.customers.newest_first()
    return list_page(call, (row for row in rows if email in (None, row.email)))


def _with_values(params: Parameters, customer: Customer) -> Customer:
    return replace(
        customer,
        name=params.text_or("name", customer.name),
        email=params.text_or("email", customer.email),
        phone=params.text_or("phone", customer.phone),
        description=params.text_or("description", customer.description),
        address=params.json_or("address", customer.address),
        shipping=params.json_or("shipping", customer.shipping),
        metadata=params.metadata(customer.metadata),
    )
