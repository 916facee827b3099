"""Lists: newest first, a page at a time, with Stripe's cursors."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from app.devstack.stripe_emulator.call import Call
from app.devstack.stripe_emulator.parameters import Parameters
from app.devstack.stripe_emulator.problems import InvalidParameter, no_such
from app.devstack.stripe_emulator.records import Json, Record
from app.devstack.stripe_emulator.render import render

PAGE_PARAMETERS = ("limit", "starting_after", "ending_before", "created")
_DEFAULT_LIMIT = 10
_MAX_LIMIT = 100
_BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "gt": int.__gt__,
    "gte": int.__ge__,
    "lt": int.__lt__,
    "lte": int.__le__,
}


def list_page(call: Call, rows: Iterable[Record]) -> Json:
    """One page of rows, which come newest first and already filtered."""
    selected = [row for row in rows if _was_created(row.created, call.params)]
    ids = [row.id for row in selected]
    limit = read_limit(call.params)
    if before := call.params.text("ending_before"):
        end = _position(ids, before, "ending_before")
        start = max(end - limit, 0)
        has_more = start > 0
    else:
        after = call.params.text("starting_after")
        start = _position(ids, after, "starting_after") + 1 if after else 0
        end = start + limit
        has_more = end < len(ids)
    data = [render(row) for row in selected[start:end]]
    return {"object": "list", "data": data, "has_more": has_more, "url": call.path}


def read_limit(params: Parameters) -> int:
    """How many rows a page has."""
    limit = params.integer("limit")
    if limit is None:
        return _DEFAULT_LIMIT
    if not 1 <= limit <= _MAX_LIMIT:
        raise InvalidParameter(f"Limit must be between 1 and {_MAX_LIMIT}.", param="limit")
    return limit


def _position(ids: list[str], record_id: str, param: str) -> int:
    if record_id not in ids:
        raise no_such("object", record_id, param=param, status=400)
    return ids.index(record_id)


def _was_created(created: int, params: Parameters) -> bool:
    if params.is_plain("created"):
        return created == params.integer("created")
    bounds = params.nested("created")
    if bounds is None:
        return True
    bounds.accept(*_BOUNDS)
    limits = ((holds, bounds.integer(name)) for name, holds in _BOUNDS.items())
    return all(limit is None or holds(created, limit) for holds, limit in limits)
