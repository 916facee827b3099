"""Put into a cart what fits, and say of the rest why it stayed out. Pure.

`AddLines` takes all or nothing; this takes as many units of each line as stock, the variant's rule and the cart's
bounds leave room for. Nothing is left out silently: every unit that is missing has its fault. See ADR-0016.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from app.cart.domain import MAX_LINES, Cart, Shelf
from app.cart.edits import NewLine, NewLineId
from app.cart.line_checks import Field, attribute_faults, bad_size, too_many_lines, unavailable
from app.cart.pricing import demand_of
from app.core.errors import ClientError, OutOfStock, QuantityOutOfRange
from app.core.ids import CartLineId, VariantId
from app.core.money import Money
from app.core.quantity import MAX_QUANTITY


class OnLineError(Enum):
    """What to do when a line cannot be added as it is asked for."""

    ALL_OR_NOTHING = "ALL_OR_NOTHING"
    PARTIAL = "PARTIAL"


@dataclass(frozen=True, slots=True)
class Filled:
    """The cart with what fitted. added: units that went in, one number a wanted line; faults: why not all did."""

    cart: Cart
    added: tuple[int, ...]
    faults: tuple[ClientError, ...]


def fill(
    cart: Cart,
    lines: Sequence[NewLine],
    shelf: Shelf,
    new_line_id: NewLineId,
    *,
    prices: Sequence[Money] | None = None,
) -> Filled:
    """The cart with as many units of each line as there is room for, one line after the other.

    prices: what the units cost when they were chosen, one a line; today's prices without them.
    """
    filling = _Filling(cart, shelf, new_line_id)
    added = tuple(
        filling.add(line, ("lines", str(place)), prices[place] if prices else None) for place, line in enumerate(lines)
    )
    return Filled(replace(cart, lines=tuple(filling.lines.values())), added, tuple(filling.faults))


class _Filling:
    """One cart while it is being filled."""

    def __init__(self, cart: Cart, shelf: Shelf, new_line_id: NewLineId) -> None:
        self._shelf = shelf
        self._new_line_id = new_line_id
        self._demand = demand_of(cart)
        self.lines = {line.identity: line for line in cart.lines}
        self.faults: list[ClientError] = []

    def add(self, wanted: NewLine, field: Field, price: Money | None) -> int:
        """How many units went in."""
        today = self._shelf.price(wanted.variant_id)
        wrong = self._wrong(wanted, field)
        if wrong or today is None:
            self.faults += wrong[:1]  # a list of faults has its bound, and one is enough to keep a line out
            return 0
        present = self.lines.get(wanted.identity)
        held = present.quantity if present else 0
        units = self._room(wanted, held)
        if units < wanted.quantity:
            line_id = present.id if present else None
            self.faults.append(self._shortfall(wanted, held, units, (*field, "quantity"), line_id))
        if units:
            line = present or wanted.started(self._new_line_id(), price or today)
            asked_again = present is not None and price is None
            when_added = today if asked_again else line.unit_price_when_added
            self.lines[wanted.identity] = replace(line, quantity=held + units, unit_price_when_added=when_added)
            self._demand[wanted.variant_id] = self._demanded(wanted.variant_id) + units
        return units

    def _wrong(self, wanted: NewLine, field: Field) -> list[ClientError]:
        faults = attribute_faults(wanted.attributes, field)
        if self._shelf.price(wanted.variant_id) is None:
            faults.append(unavailable((*field, "variantId")))
        if not 1 <= wanted.quantity <= MAX_QUANTITY:
            faults.append(bad_size((*field, "quantity"), lowest=1))
        if not faults and wanted.identity not in self.lines and len(self.lines) >= MAX_LINES:
            faults.append(too_many_lines(field))
        return faults

    def _room(self, wanted: NewLine, held: int) -> int:
        demanded, rule = self._demanded(wanted.variant_id), self._shelf.rule(wanted.variant_id)
        free = min(wanted.quantity, self._shelf.sellable(wanted.variant_id) - demanded)
        if rule.maximum is not None:
            free = min(free, rule.maximum - demanded)
        return max(0, rule.fitting(held + free) - held)

    def _shortfall(
        self, wanted: NewLine, held: int, units: int, field: Field, line_id: CartLineId | None
    ) -> ClientError:
        variant_id, available = wanted.variant_id, self._shelf.sellable(wanted.variant_id)
        requested = self._demanded(variant_id) + wanted.quantity
        if requested > available:
            return OutOfStock(
                variant_id=variant_id,
                requested=requested,
                available=available,
                applied=units,
                line_id=line_id,
                field=field,
            )
        rule = self._shelf.rule(variant_id)
        limited = rule.maximum is not None and requested > rule.maximum
        return QuantityOutOfRange(
            variant_id=variant_id,
            requested=requested if limited else held + wanted.quantity,
            rule=rule,
            applied=units,
            field=field,
        )

    def _demanded(self, variant_id: VariantId) -> int:
        return self._demand.get(variant_id, 0)
