"""What can be done to a cart, as values. Pure: a cart in, the changed cart out, or every fault at once.

An edit is checked whole before anything is applied: all of its lines go in, or none. See ADR-0005.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from app.cart.domain import MAX_NOTE_LENGTH, Cart, CartLine, KeyValue, LineIdentity, Shelf
from app.cart.line_checks import attribute_faults, bad_size, checked_lines, line_not_found, unavailable
from app.core.contact import Address, checked_address, checked_email
from app.core.errors import ClientError, ErrorCode, InvalidInput, Rejected
from app.core.ids import CartLineId, CustomerId, VariantId
from app.core.money import Money
from app.core.quantity import MAX_QUANTITY

NewLineId = Callable[[], CartLineId]


class CartEdit(Protocol):
    """A change to a cart."""

    @property
    def variant_ids(self) -> Sequence[VariantId]:
        """The variants, beyond those in the cart, that the shelf must hold."""
        ...

    def apply(self, cart: Cart, shelf: Shelf, new_line_id: NewLineId) -> Cart:
        """The changed cart. Raises a ClientError, `Rejected` where there are several faults."""
        ...


@dataclass(frozen=True, slots=True)
class NewLine:
    """Units to put into a cart."""

    variant_id: VariantId
    quantity: int
    attributes: tuple[KeyValue, ...] = ()

    @property
    def identity(self) -> LineIdentity:
        """The line of a cart that the units go into."""
        return self.variant_id, tuple(sorted(self.attributes, key=lambda pair: pair.key))

    def started(self, line_id: CartLineId, price: Money) -> CartLine:
        """A line for the units, with none of them yet."""
        return CartLine(line_id, self.variant_id, 0, price, self.identity[1])


@dataclass(frozen=True, slots=True)
class AddLines:
    """Put units into the cart: into the line with the same variant and attributes, or into a new one."""

    lines: tuple[NewLine, ...]

    @property
    def variant_ids(self) -> Sequence[VariantId]:
        """The variants that are added."""
        return [line.variant_id for line in self.lines]

    def apply(self, cart: Cart, shelf: Shelf, new_line_id: NewLineId) -> Cart:
        """The cart with every line added."""
        faults = _bad_sizes(self.lines)
        lines = {line.identity: line for line in cart.lines}
        touched: dict[LineIdentity, tuple[str, ...]] = {}
        asked: dict[VariantId, tuple[str, ...]] = {}
        for place, wanted in enumerate(self.lines):
            field = ("lines", str(place))
            price = shelf.price(wanted.variant_id)
            if price is None:
                faults.append(unavailable((*field, "variantId")))
            faults += attribute_faults(wanted.attributes, field)
            if price is None:
                continue
            asked.setdefault(wanted.variant_id, (*field, "quantity"))
            touched[wanted.identity] = (*field, "quantity")
            present = lines.get(wanted.identity) or wanted.started(new_line_id(), price)
            lines[wanted.identity] = replace(
                present, quantity=present.quantity + wanted.quantity, unit_price_when_added=price
            )
        changed = replace(cart, lines=tuple(lines.values()))
        return checked_lines(changed, shelf, touched=touched, asked=asked, faults=faults)


@dataclass(frozen=True, slots=True)
class LineChange:
    """A new quantity for a line (0 removes it), or a difference to it, and another variant where one is given."""

    line_id: CartLineId
    quantity: int | None = None
    quantity_delta: int | None = None
    variant_id: VariantId | None = None


@dataclass(frozen=True, slots=True)
class ChangeLines:
    """Change lines of the cart; a line whose quantity falls to 0 goes."""

    changes: tuple[LineChange, ...]

    @property
    def variant_ids(self) -> Sequence[VariantId]:
        """The variants that lines are changed to."""
        return [change.variant_id for change in self.changes if change.variant_id is not None]

    def apply(self, cart: Cart, shelf: Shelf, new_line_id: NewLineId) -> Cart:
        """The cart with every change made."""
        lines = {line.id: line for line in cart.lines}
        faults: list[ClientError] = []
        touched: dict[LineIdentity, tuple[str, ...]] = {}
        asked: dict[VariantId, tuple[str, ...]] = {}
        for place, change in enumerate(self.changes):
            field = ("lines", str(place))
            line = lines.get(change.line_id)
            if line is None:
                faults.append(line_not_found((*field, "lineId")))
            elif change.quantity is not None and change.quantity_delta is not None:
                faults.append(InvalidInput("Give quantity or quantityDelta, not both.", field=field))
            elif change.variant_id is not None and shelf.price(change.variant_id) is None:
                faults.append(unavailable((*field, "variantId")))
            else:
                changed = _changed_line(line, change, shelf)
                lines[line.id] = changed
                touched[changed.identity] = (*field, "quantity")
                if changed.quantity > line.quantity or changed.variant_id != line.variant_id:
                    asked.setdefault(changed.variant_id, (*field, "quantity"))
                if not 0 <= changed.quantity <= MAX_QUANTITY:
                    faults.append(bad_size((*field, "quantity"), lowest=0))
        kept = tuple(line for line in lines.values() if line.quantity)
        changed_cart = replace(cart, lines=_merged(kept))
        return checked_lines(changed_cart, shelf, touched=touched, asked=asked, faults=faults)


@dataclass(frozen=True, slots=True)
class RemoveLines:
    """Take lines out of the cart."""

    line_ids: tuple[CartLineId, ...]

    @property
    def variant_ids(self) -> Sequence[VariantId]:
        """None."""
        return ()

    def apply(self, cart: Cart, shelf: Shelf, new_line_id: NewLineId) -> Cart:
        """The cart without these lines."""
        present = {line.id for line in cart.lines}
        faults: list[ClientError] = [
            line_not_found(("lineIds", str(place)))
            for place, line_id in enumerate(self.line_ids)
            if line_id not in present
        ]
        if faults:
            raise Rejected(faults)
        return replace(cart, lines=tuple(line for line in cart.lines if line.id not in self.line_ids))


@dataclass(frozen=True, slots=True)
class SetDetails:
    """Set who buys and where it goes. What is None stays as it is.

    customer_id: whose alone the cart becomes.
    """

    email: str | None = None
    note: str | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    delivery_option_id: int | None = None
    customer_id: CustomerId | None = None

    @property
    def variant_ids(self) -> Sequence[VariantId]:
        """None."""
        return ()

    def apply(self, cart: Cart, shelf: Shelf, new_line_id: NewLineId) -> Cart:
        """The cart with these details."""
        faults: list[ClientError] = []
        changes: dict[str, object] = {}
        checks: dict[str, Callable[[], object]] = {
            "email": lambda: self.email and checked_email(self.email, field=("email",)),
            "note": lambda: _checked_note(self.note),
            "shipping_address": lambda: _address(self.shipping_address, "shippingAddress"),
            "billing_address": lambda: _address(self.billing_address, "billingAddress"),
            "delivery_option_id": lambda: self.delivery_option_id,
            "customer_id": lambda: self.customer_id,
        }
        for name, check in checks.items():
            if getattr(self, name) is None:
                continue
            try:
                changes[name] = check()
            except Rejected as several:
                faults += several.faults
            except ClientError as fault:
                faults.append(fault)
        if self.email == "":
            faults.append(InvalidInput("The e-mail address is empty.", code=ErrorCode.EMAIL_INVALID, field=("email",)))
        if faults:
            raise Rejected(faults)
        return replace(cart, **changes)  # type: ignore[arg-type]  # each name was checked into its own type


def _address(address: Address | None, name: str) -> Address | None:
    return address and checked_address(address, field=(name,))


def _checked_note(note: str | None) -> str | None:
    if note is not None and len(note) > MAX_NOTE_LENGTH:
        raise InvalidInput(f"The note is longer than {MAX_NOTE_LENGTH} characters.", field=("note",))
    return note


def _bad_sizes(lines: Sequence[NewLine]) -> list[ClientError]:
    return [
        bad_size(("lines", str(place), "quantity"), lowest=1)
        for place, line in enumerate(lines)
        if not 1 <= line.quantity <= MAX_QUANTITY
    ]


def _changed_line(line: CartLine, change: LineChange, shelf: Shelf) -> CartLine:
    quantity = line.quantity + (change.quantity_delta or 0) if change.quantity is None else change.quantity
    variant_id = line.variant_id if change.variant_id is None else change.variant_id
    price = shelf.price(variant_id) or line.unit_price_when_added
    return replace(line, quantity=quantity, variant_id=variant_id, unit_price_when_added=price)


def _merged(lines: Sequence[CartLine]) -> tuple[CartLine, ...]:
    """Lines that have become the same (variant and attributes) as one."""
    merged: dict[LineIdentity, CartLine] = {}
    for line in lines:
        present = merged.get(line.identity)
        merged[line.identity] = replace(present, quantity=present.quantity + line.quantity) if present else line
    return tuple(merged.values())
