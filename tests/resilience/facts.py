"""What there is to be judged after a run, as plain values: the shop's records, and the provider's own ledger.

`database_facts` reads them from PostgreSQL, `simulation` from its books. The invariants see nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

PAID_STATES = frozenset({"paid", "partially_refunded", "refunded"})


class Edge(NamedTuple):
    """A transition of one state machine."""

    machine: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class OrderLineFact:
    """quantity × unit_price − discount = total."""

    variant_id: int
    quantity: int
    unit_price: int
    discount: int
    total: int


@dataclass(frozen=True, slots=True)
class OrderFact:
    """An order. Amounts in minor units; states as they are stored."""

    id: str
    cart_id: str
    status: str
    payment_status: str
    currency: str
    subtotal: int
    discount: int
    shipping: int
    tax: int
    total: int
    lines: tuple[OrderLineFact, ...]


@dataclass(frozen=True, slots=True)
class AttemptFact:
    """A payment attempt."""

    id: str
    order_id: str
    cart_id: str
    state: str
    amount: int
    currency: str
    intent_id: str | None


@dataclass(frozen=True, slots=True)
class ReservationFact:
    """Units that an order holds or has held."""

    order_id: str
    variant_id: int
    quantity: int
    state: str


@dataclass(frozen=True, slots=True)
class StockFact:
    """A stock level. initial: what was put on the shelf; None where nobody wrote it down. denies: never below zero."""

    variant_id: int
    on_hand: int
    reserved: int
    denies: bool
    initial: int | None


@dataclass(frozen=True, slots=True)
class RefundFact:
    """A refund as the shop has it."""

    id: str
    order_id: str
    amount: int
    state: str


@dataclass(frozen=True, slots=True)
class Transition:
    """A row of the state log, in the order in which they were written. before: "" where it begins."""

    machine: str
    subject: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class EventFact:
    """A row of an order's timeline."""

    order_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class MailFact:
    """A message that the shop has to send or has sent."""

    key: str
    template: str
    order_id: str


@dataclass(frozen=True, slots=True)
class MoneyFact:
    """An entry of the provider's ledger. attempt_id, order_id: the metadata of its PaymentIntent."""

    movement: str
    amount: int
    currency: str
    intent_id: str
    attempt_id: str | None
    order_id: str | None
    refund_id: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a run left behind.

    accepted: the totals that buyers accepted, by cart. edges: what the state machines allow. alerted: how many delays
    on-call was told of. texts: where it was found → what was said; card_places: where a card number was found.
    """

    orders: tuple[OrderFact, ...] = ()
    attempts: tuple[AttemptFact, ...] = ()
    reservations: tuple[ReservationFact, ...] = ()
    stock: tuple[StockFact, ...] = ()
    refunds: tuple[RefundFact, ...] = ()
    log: tuple[Transition, ...] = ()
    events: tuple[EventFact, ...] = ()
    mails: tuple[MailFact, ...] = ()
    ledger: tuple[MoneyFact, ...] = ()
    accepted: Mapping[str, frozenset[int]] = field(default_factory=dict)
    edges: frozenset[Edge] = frozenset()
    alerted: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)
    card_places: tuple[str, ...] = ()
