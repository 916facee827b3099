"""What holds of a cart's lines, and the fault where it does not. Pure. See ADR-0005."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.cart.domain import (
    MAX_ATTRIBUTE_KEY_LENGTH,
    MAX_ATTRIBUTE_VALUE_LENGTH,
    MAX_LINE_ATTRIBUTES,
    MAX_LINES,
    Cart,
    KeyValue,
    LineIdentity,
    Shelf,
)
from app.cart.pricing import demand_of
from app.core.errors import ClientError, ErrorCode, InvalidInput, OutOfStock, QuantityOutOfRange, Rejected
from app.core.ids import VariantId
from app.core.quantity import MAX_QUANTITY

Field = tuple[str, ...]


def checked_lines(
    cart: Cart,
    shelf: Shelf,
    *,
    touched: Mapping[LineIdentity, Field],
    asked: Mapping[VariantId, Field],
    faults: Sequence[ClientError],
) -> Cart:
    """The cart, if it is within its bounds and the variants that more was asked of have enough stock.

    touched: the lines whose quantity has been chosen; asked: the variants that more was asked of, each with the place
    in the input. Raises Rejected with these faults and all that are found.
    """
    found = list(faults)
    if len(cart.lines) > MAX_LINES:
        found.append(too_many_lines(("lines",)))
    found += _outside_rule(cart, shelf, touched, asked, {fault.field for fault in faults})
    demand = demand_of(cart)
    for variant_id, field in asked.items():
        available = shelf.sellable(variant_id)
        if available < demand.get(variant_id, 0) <= MAX_LINES * MAX_QUANTITY:  # beyond it the quantity is the fault
            line_id = next(line.id for line in cart.lines if line.variant_id == variant_id)
            found.append(
                OutOfStock(
                    variant_id=variant_id,
                    requested=demand[variant_id],
                    available=available,
                    line_id=line_id,
                    field=field,
                )
            )
    if found:
        raise Rejected(found)
    return cart


def _outside_rule(
    cart: Cart,
    shelf: Shelf,
    touched: Mapping[LineIdentity, Field],
    asked: Mapping[VariantId, Field],
    known: set[Field],
) -> list[ClientError]:
    faults: dict[Field, ClientError] = {}
    for line in cart.lines:
        field, rule = touched.get(line.identity), shelf.rule(line.variant_id)
        if field is not None and field not in known and not rule.allows(line.quantity):
            faults[field] = QuantityOutOfRange(
                variant_id=line.variant_id, requested=line.quantity, rule=rule, field=field
            )
    for variant_id, units in demand_of(cart).items():
        field, rule = asked.get(variant_id), shelf.rule(variant_id)
        if field is not None and field not in known and rule.maximum is not None and units > rule.maximum:
            faults.setdefault(field, QuantityOutOfRange(variant_id=variant_id, requested=units, rule=rule, field=field))
    return list(faults.values())


def attribute_faults(attributes: Sequence[KeyValue], field: Field) -> list[ClientError]:
    """What is wrong with a line's attributes."""
    faults: list[ClientError] = []
    keys = [pair.key for pair in attributes]
    if len(keys) > MAX_LINE_ATTRIBUTES or len(set(keys)) < len(keys):
        faults.append(
            InvalidInput(f"At most {MAX_LINE_ATTRIBUTES} attributes, each key once.", field=(*field, "attributes"))
        )
    for pair in attributes:
        if not 1 <= len(pair.key) <= MAX_ATTRIBUTE_KEY_LENGTH or len(pair.value) > MAX_ATTRIBUTE_VALUE_LENGTH:
            message = (
                f"An attribute's key has 1 to {MAX_ATTRIBUTE_KEY_LENGTH} characters"
                f" and its value at most {MAX_ATTRIBUTE_VALUE_LENGTH}."
            )
            faults.append(InvalidInput(message, field=(*field, "attributes")))
            break  # the field is the same for all of them, and the list of faults has its bound
    return faults


def unavailable(field: Field) -> ClientError:
    """The variant cannot be bought."""
    return InvalidInput(
        "There is no such variant, or it is not sold in this currency.",
        code=ErrorCode.VARIANT_UNAVAILABLE,
        field=field,
    )


def line_not_found(field: Field) -> ClientError:
    """The cart does not have the line."""
    return InvalidInput("The cart has no such line.", code=ErrorCode.LINE_NOT_FOUND, field=field)


def too_many_lines(field: Field) -> ClientError:
    """The cart is full."""
    return InvalidInput(f"A cart has at most {MAX_LINES} lines.", field=field)


def bad_size(field: Field, *, lowest: int) -> ClientError:
    """A number that is no quantity of any line."""
    return InvalidInput(
        f"The quantity must be {lowest} to {MAX_QUANTITY}.", code=ErrorCode.QUANTITY_OUT_OF_RANGE, field=field
    )
