"""Stock levels and the rule of what may still be sold. Pure. See ADR-0005."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from app.core.ids import OrderId, VariantId
from app.core.state_machine import StateMachine
from app.core.stock import StockPolicy

LOW_STOCK = 5  # units or fewer are shown as low
SHOWN_QUANTITY = 50  # a page shows no more than this, so that a competitor cannot read the warehouse
UNLIMITED = 1_000_000  # what "never counted" means to a quantity check


class StockState(Enum):
    """What a shopper is told."""

    IN_STOCK = "IN_STOCK"
    LOW = "LOW"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    BACKORDER = "BACKORDER"


class ReservationState(Enum):
    """What became of the units that an order holds."""

    HELD = "held"
    SOLD = "sold"
    RELEASED = "released"
    RETURNED = "returned"


RESERVATION_LIFE = StateMachine(
    "reservation",
    frozenset({ReservationState.HELD}),
    {
        ReservationState.HELD: frozenset({ReservationState.SOLD, ReservationState.RELEASED}),
        ReservationState.SOLD: frozenset({ReservationState.RETURNED}),
    },
)


@dataclass(frozen=True, slots=True)
class StockLevel:
    """The stock of one variant. reserved: units that open orders hold."""

    variant_id: VariantId
    policy: StockPolicy
    on_hand: int
    reserved: int

    @property
    def free(self) -> int:
        """Units that nobody holds; never below 0."""
        return max(0, self.on_hand - self.reserved)

    @property
    def sellable(self) -> int:
        """How many units a cart may ask for now."""
        return self.free if self.policy is StockPolicy.DENY else UNLIMITED


@dataclass(frozen=True, slots=True)
class Availability:
    """What a shopper is told about stock.

    quantity: free units, None where they are not counted; quantity_is_capped: there are more than it says.
    """

    state: StockState
    quantity: int | None
    quantity_is_capped: bool
    as_of: datetime


def availability(levels: Sequence[StockLevel], as_of: datetime) -> Availability:
    """What to tell about these levels together: of one variant, or of all of a product's."""
    counted = [level for level in levels if level.policy is not StockPolicy.UNTRACKED]
    if len(counted) < len(levels):
        return Availability(StockState.IN_STOCK, None, quantity_is_capped=False, as_of=as_of)
    free = sum(level.free for level in counted)
    if free == 0:
        later = any(level.policy is StockPolicy.BACKORDER for level in counted)
        state = StockState.BACKORDER if later else StockState.OUT_OF_STOCK
    else:
        state = StockState.LOW if free <= LOW_STOCK else StockState.IN_STOCK
    return Availability(state, min(free, SHOWN_QUANTITY), free > SHOWN_QUANTITY, as_of)


class StockReader(Protocol):
    """Stock for shoppers to see, from the primary. A variant without a row is absent: it cannot be bought."""

    async def levels_by_variant_ids(self, ids: Sequence[VariantId]) -> dict[VariantId, StockLevel]:
        """The levels of these variants."""
        ...


class StockStore(Protocol):
    """Stock inside one transaction."""

    async def levels_by_variant_ids(self, ids: Sequence[VariantId]) -> dict[VariantId, StockLevel]:
        """The levels of these variants, not locked."""
        ...

    async def hold(self, order_id: OrderId, demand: Mapping[VariantId, int], *, now: datetime) -> None:
        """Reserve units for an order: all of them, or none.

        demand: units a variant, each 1 or more.
        Raises Rejected with an OutOfStock for every variant that is short, in the order of demand.
        Concurrency: rows are locked in variant order, so two orders cannot deadlock; a CHECK stands behind.
        """
        ...

    async def sell(self, order_id: OrderId, *, now: datetime) -> None:
        """Take what the order holds out of the stock. Doing it again changes nothing."""
        ...

    async def release(self, order_id: OrderId, *, now: datetime) -> None:
        """Give back what the order holds. Doing it again changes nothing."""
        ...

    async def take_back(self, order_id: OrderId, *, now: datetime) -> None:
        """Put what the order has bought on the shelf again. Doing it again changes nothing."""
        ...
