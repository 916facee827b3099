"""The witness: every movement of money, in order, never changed.

A fault test compares the shop's orders with it, because it knows nothing of what the shop believes.
`journal.read_ledger` reads it from the file when the emulator is gone; `GET /_emulator/ledger` asks a running one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Movement = Literal[
    "charge_succeeded",  # the money was taken
    "charge_failed",  # the bank said no; nothing moved
    "charge_pending",  # the bank has not answered yet
    "charge_authorized",  # the money is held, not taken
    "capture",  # held money was taken; what was held beyond `amount` is free again
    "refund",  # taken money was given back
    "refund_failed",  # it could not be: the shop has it again
    "dispute",  # the bank took the money for its customer
    "dispute_won",  # and gave it back
    "cancel",  # the payment ended without money; `amount` was held and is free again
]

_SIGNS: Mapping[Movement, int] = {"charge_succeeded": 1, "capture": 1, "refund": -1, "refund_failed": 1}


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One movement.

    amount: in the currency's minor unit, never negative; what it means depends on `movement`.
    at: seconds since 1970 by the emulator's clock, with fractions.
    """

    sequence: int
    at: float
    movement: Movement
    amount: int
    currency: str
    payment_intent: str
    charge: str | None = None
    refund: str | None = None
    decline_code: str | None = None
    idempotency_key: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def money_taken(entries: Iterable[LedgerEntry]) -> dict[str, int]:
    """What each PaymentIntent took, net of refunds; PaymentIntents that never took any are left out.

    Disputes do not count: they are between the bank and the shop, and the order stays as it is.
    """
    taken: Counter[str] = Counter()
    for entry in entries:
        if entry.movement in _SIGNS:
            taken[entry.payment_intent] += _SIGNS[entry.movement] * entry.amount
    return dict(taken)
