"""What the triggers write to `state_change`, for the records of the books."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.resilience.facts import Transition

_MACHINES = {
    "orders": (("order", "status"), ("order_payment", "payment_status")),
    "attempts": (("attempt", "state"),),
}


def transitions_of(table: str, key: object, before: Any, after: Any) -> Iterator[Transition]:
    """The rows of the log for one write."""
    for machine, name in _MACHINES.get(table, ()):
        old, new = (None if record is None else getattr(record, name).value for record in (before, after))
        if old != new and new is not None:
            yield Transition(machine, str(key), old, new)
    if table == "reservations":
        old, new = (None if record is None else record[1].value.upper() for record in (before, after))
        if old != new and new is not None and isinstance(key, tuple):
            yield Transition("reservation", f"{key[0]} {key[1]}", old, new)
