"""`expand[]`: objects in the place of their ids, up to four levels deep."""

from __future__ import annotations

from app.devstack.stripe_emulator.changes import Changes
from app.devstack.stripe_emulator.problems import InvalidParameter
from app.devstack.stripe_emulator.records import Json, Record
from app.devstack.stripe_emulator.render import render

_REFERENCES = ("charge", "customer", "latest_charge", "payment_intent", "payment_method")
_MAX_DEPTH = 4  # Stripe's limit
_REFUNDS_IN_CHARGE = 10  # Stripe expands a list's first page


def expand(body: Json, paths: tuple[str, ...], changes: Changes) -> Json:
    """The answer with every path, such as `latest_charge.refunds` or `data.customer`, expanded."""
    for path in paths:
        names = path.split(".")
        if len(names) > _MAX_DEPTH:
            raise InvalidParameter(f"You cannot expand more than {_MAX_DEPTH} levels of a property.", param="expand")
        body = _expand(body, names, path, changes)
    return body


def _expand(body: Json, names: list[str], path: str, changes: Changes) -> Json:
    name, rest = names[0], names[1:]
    value = body.get(name)
    if name == "data" and isinstance(value, list) and rest:
        return {**body, name: [_expand(row, rest, path, changes) for row in value]}
    if name == "refunds" and body.get("object") == "charge":
        return {**body, name: _refunds(str(body["id"]), changes)}
    if name not in _REFERENCES or name not in body:
        raise InvalidParameter(f"This property cannot be expanded ({path}).", param="expand")
    if isinstance(value, str):
        record = _find(value, changes)
        value = value if record is None else render(record)
    if rest and isinstance(value, dict):
        value = _expand(value, rest, path, changes)
    return {**body, name: value}


def _find(record_id: str, changes: Changes) -> Record | None:
    return (
        changes.payment_intents.find(record_id)
        or changes.payment_methods.find(record_id)
        or changes.charges.find(record_id)
        or changes.customers.find(record_id)
    )


def _refunds(charge_id: str, changes: Changes) -> Json:
    rows = [row for row in changes.refunds.newest_first() if row.charge == charge_id]
    return {
        "object": "list",
        "data": [render(row) for row in rows[:_REFUNDS_IN_CHARGE]],
        "has_more": len(rows) > _REFUNDS_IN_CHARGE,
        "url": f"/v1/charges/{charge_id}/refunds",
    }
