"""What a variant's quantity rule does to a cart: to what is added and changed, and to what stands in it already."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.cart.domain import CheckoutRequirement, KeyValue, LineQuantityNotAllowed, Shelf
from app.cart.edits import AddLines, CartEdit, ChangeLines, LineChange, NewLine, RemoveLines
from app.cart.pricing import price_cart
from app.cart.quote import Terms
from app.core.errors import ErrorCode, QuantityOutOfRange, Rejected
from app.core.ids import VariantId
from app.core.place import Place
from app.core.quantity import QuantityRule
from app.core.stock import StockPolicy
from app.inventory.domain import StockLevel
from app.shipping.domain import FlatRate
from app.taxes.domain import NoTaxes
from tests.unit.fakes import NOON, cart, line, offer, usd

PACKS = QuantityRule(minimum=12, maximum=60, step=6)
V7 = VariantId(7)
ADA = KeyValue("engraving", "Ada")
FRESH = line(99, 7).id
SHELF = Shelf(
    {V7: replace(offer(7), quantity_rule=PACKS)}, {V7: StockLevel(V7, StockPolicy.UNTRACKED, on_hand=0, reserved=0)}
)


def refusal(edit: CartEdit, *held: int) -> QuantityOutOfRange:
    before = cart(*(line(place, 7, units, note=str(place)) for place, units in enumerate(held)))
    with pytest.raises(Rejected) as caught:
        edit.apply(before, SHELF, lambda: FRESH)
    (fault,) = caught.value.faults
    assert isinstance(fault, QuantityOutOfRange)
    assert (fault.code, fault.rule) == (ErrorCode.QUANTITY_OUT_OF_RANGE, PACKS)
    return fault


@pytest.mark.parametrize("quantity", [1, 6, 13, 66])
def test_a_quantity_outside_the_rule_is_refused_by_name(quantity: int) -> None:
    fault = refusal(AddLines((NewLine(V7, quantity),)))

    assert (fault.requested, fault.applied, fault.field) == (quantity, 0, ("lines", "0", "quantity"))
    assert fault.message == f"The quantity must be 12 to 60 in steps of 6, not {quantity}."


def test_the_rule_is_about_the_line_as_it_becomes() -> None:
    before = cart(line(1, 7, 12))

    after = AddLines((NewLine(V7, 6),)).apply(before, SHELF, lambda: FRESH)

    assert [each.quantity for each in after.lines] == [18]


def test_the_maximum_is_about_all_lines_of_the_variant_together() -> None:
    fault = refusal(AddLines((NewLine(V7, 12, (ADA,)),)), 54)

    assert (fault.requested, fault.field) == (66, ("lines", "0", "quantity"))


@pytest.mark.parametrize(("values", "requested"), [({"quantity": 13}, 13), ({"quantity_delta": -6}, 6)])
def test_a_change_keeps_to_the_rule(values: dict[str, int], requested: int) -> None:
    edit = ChangeLines((LineChange(line(0, 7).id, **values),))

    assert refusal(edit, 12).requested == requested


def test_a_line_that_breaks_the_rule_may_still_be_removed() -> None:
    before = cart(line(1, 7, 5))
    by_change = ChangeLines((LineChange(before.lines[0].id, quantity=0),))

    assert by_change.apply(before, SHELF, lambda: FRESH).lines == ()
    assert RemoveLines((before.lines[0].id,)).apply(before, SHELF, lambda: FRESH).lines == ()


@pytest.mark.parametrize("held", [(5,), (13,), (66,), (36, 36)])
def test_a_cart_says_which_lines_broke_a_rule_that_came_later(held: tuple[int, ...]) -> None:
    stored = cart(*(line(place, 7, units, note=str(place)) for place, units in enumerate(held)))

    priced = price_cart(stored, SHELF, Terms(FlatRate(usd(490), 3, frozenset({"US"})).to(Place("US")), NoTaxes()), NOON)

    assert [
        (problem.line.quantity, problem.rule)
        for problem in priced.problems
        if isinstance(problem, LineQuantityNotAllowed)
    ] == [(units, PACKS) for units in held]
    assert CheckoutRequirement.PROBLEMS_RESOLVED in priced.readiness.missing
