"""What the triggers write to `state_change` for a write to the books; a transition that is not drawn is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.core.state_machine import BEGIN, StateMachine
from app.inventory.domain import RESERVATION_LIFE
from app.orders.domain import ORDER_LIFE, ORDER_PAYMENT
from app.payments.domain import ATTEMPT_LIFE
from app.payments.refunds import REFUND_LIFE
from tests.resilience.facts import Edge, Transition

MACHINES: tuple[StateMachine[Any], ...] = (ORDER_LIFE, ORDER_PAYMENT, ATTEMPT_LIFE, RESERVATION_LIFE, REFUND_LIFE)
EDGES = frozenset(Edge(machine.name, *edge) for machine in MACHINES for edge in machine.drawn())
_STATES = {  # table of the books -> machine and how its state is read from a record
    "orders": ((ORDER_LIFE, lambda record: record.status), (ORDER_PAYMENT, lambda record: record.payment_status)),
    "attempts": ((ATTEMPT_LIFE, lambda record: record.state),),
    "refunds": ((REFUND_LIFE, lambda record: record.state),),
    "reservations": ((RESERVATION_LIFE, lambda record: record[1]),),
}


class TransitionNotDrawn(Exception):
    """The foreign key of the log to the edges."""


def transitions_of(table: str, key: object, before: Any, after: Any) -> Iterator[Transition]:
    """The rows of the log for one write. Raises TransitionNotDrawn."""
    for machine, read in _STATES.get(table, ()):
        old, new = (BEGIN if record is None else read(record).value.lower() for record in (before, after))
        if old == new or after is None:
            continue
        if Edge(machine.name, old, new) not in EDGES:
            raise TransitionNotDrawn(f"{machine.name}: {old} → {new}")
        yield Transition(machine.name, "/".join(map(str, key)) if isinstance(key, tuple) else str(key), old, new)
