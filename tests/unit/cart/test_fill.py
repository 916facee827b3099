"""Filling a cart: as much as there is room for, and a fault for every unit that stays out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from app.cart.domain import MAX_LINES, Cart, KeyValue, Shelf
from app.cart.edits import AddLines, NewLine
from app.cart.fill import Filled, fill
from app.cart.pricing import demand_of
from app.core.errors import ClientError, ErrorCode, OutOfStock, QuantityOutOfRange, Rejected
from app.core.ids import CartLineId, VariantId
from app.core.quantity import ANY_QUANTITY, QuantityRule
from app.core.stock import StockPolicy
from app.inventory.domain import StockLevel
from tests.unit.fakes import cart, line, offer, usd

V7, V8, V9 = VariantId(7), VariantId(8), VariantId(9)
ADA, EVE = KeyValue("engraving", "Ada"), KeyValue("engraving", "Eve")
SIXES = QuantityRule(minimum=6, maximum=24, step=6)


def shelf(
    units: Mapping[int, int], *, unsold: tuple[int, ...] = (), rules: Mapping[int, QuantityRule] | None = None
) -> Shelf:
    """So many units of each variant; one that is not sold has no price."""
    offers = {
        VariantId(each): replace(
            offer(each, price=None if each in unsold else 1_800), quantity_rule=(rules or {}).get(each, ANY_QUANTITY)
        )
        for each in units
    }
    levels = {
        VariantId(each): StockLevel(VariantId(each), StockPolicy.DENY, on_hand, 0) for each, on_hand in units.items()
    }
    return Shelf(offers, levels)


def filled(before: Cart, on: Shelf, *wanted: NewLine) -> Filled:
    numbers = iter(range(1, 1_000))
    return fill(before, wanted, on, lambda: CartLineId(UUID(int=next(numbers))))


def contents(of: Cart) -> list[tuple[int, int]]:
    return [(each.variant_id, each.quantity) for each in of.lines]


def told(fault: ClientError) -> tuple[object, ...]:
    assert isinstance(fault, OutOfStock | QuantityOutOfRange)
    available = fault.available if isinstance(fault, OutOfStock) else fault.rule
    return fault.requested, available, fault.applied, fault.field


def test_what_is_short_goes_in_as_far_as_it_goes() -> None:
    before = cart(line(1, 7, 3))

    result = filled(before, shelf({7: 5, 8: 9}), NewLine(V7, 4), NewLine(V8, 2))

    assert contents(result.cart) == [(7, 5), (8, 2)]
    assert result.added == (2, 2)
    assert [told(fault) for fault in result.faults] == [(7, 5, 2, ("lines", "0", "quantity"))]


def test_lines_of_one_variant_share_its_units_first_come() -> None:
    result = filled(cart(), shelf({7: 5}), NewLine(V7, 4, (ADA,)), NewLine(V7, 4, (EVE,)), NewLine(V7, 1))

    assert contents(result.cart) == [(7, 4), (7, 1)]
    assert result.added == (4, 1, 0)
    assert [told(fault)[:3] for fault in result.faults] == [(8, 5, 1), (6, 5, 0)]


@pytest.mark.parametrize(
    ("held", "wanted", "on_hand", "quantity"),
    [(0, 10, 99, 6), (0, 5, 99, 0), (6, 7, 99, 12), (12, 60, 99, 24), (0, 24, 20, 18), (6, 6, 11, 6), (0, 6, 5, 0)],
)
def test_a_rule_rounds_down_to_what_may_be_bought(held: int, wanted: int, on_hand: int, quantity: int) -> None:
    before = cart(*([line(1, 7, held)] if held else []))

    result = filled(before, shelf({7: on_hand}, rules={7: SIXES}), NewLine(V7, wanted))

    assert contents(result.cart) == ([(7, quantity)] if quantity else [])
    (fault,) = result.faults
    assert told(fault)[2] == result.added[0] == quantity - held


def test_a_line_that_is_wrong_stays_out_alone() -> None:
    on = shelf({7: 9, 8: 9, 9: 9}, unsold=(8,))

    result = filled(cart(), on, NewLine(V8, 1), NewLine(V7, 0), NewLine(V7, 1, (ADA, EVE)), NewLine(V9, 1))

    assert contents(result.cart) == [(9, 1)]
    assert [(fault.code, fault.field) for fault in result.faults] == [
        (ErrorCode.VARIANT_UNAVAILABLE, ("lines", "0", "variantId")),
        (ErrorCode.QUANTITY_OUT_OF_RANGE, ("lines", "1", "quantity")),
        (ErrorCode.INVALID, ("lines", "2", "attributes")),
    ]


def test_a_full_cart_takes_more_of_what_it_has_and_nothing_new() -> None:
    full = cart(*(line(number, 7, 1, note=f"{number:03}") for number in range(MAX_LINES)))

    result = filled(full, shelf({7: 999, 8: 9}), NewLine(V8, 1), NewLine(V7, 2, (KeyValue("note", "000"),)))

    assert (len(result.cart.lines), result.cart.lines[0].quantity) == (100, 3)
    assert [(fault.code, fault.field) for fault in result.faults] == [(ErrorCode.INVALID, ("lines", "0"))]


def test_prices_of_when_they_were_chosen_are_kept_for_new_lines() -> None:
    before = cart(line(1, 7, 1, price=1_500))
    lines = (NewLine(V7, 1), NewLine(V8, 1))

    kept = fill(before, lines, shelf({7: 9, 8: 9}), lambda: CartLineId(UUID(int=1)), prices=(usd(1_200), usd(900)))
    asked_again = filled(before, shelf({7: 9, 8: 9}), *lines)

    assert [each.unit_price_when_added for each in kept.cart.lines] == [usd(1_500), usd(900)]
    assert [each.unit_price_when_added for each in asked_again.cart.lines] == [usd(1_800), usd(1_800)]


# ------------------------------------------------------------------------------------------------ any lines at all

numbers = st.integers(1, 4)
rules = st.sampled_from([ANY_QUANTITY, SIXES, QuantityRule(maximum=3), QuantityRule(minimum=2)])
shelves = st.builds(
    lambda units, unsold, rules: shelf(units, unsold=tuple(unsold), rules=rules),
    st.fixed_dictionaries({each: st.sampled_from([0, 3, 7, 700]) for each in range(1, 5)}),
    st.sets(numbers, max_size=1),
    st.fixed_dictionaries(dict.fromkeys(range(1, 5), rules)),
)
attribute_sets = st.sampled_from([(), (ADA,), (EVE,), (ADA, EVE)])
new_lines = st.builds(NewLine, numbers.map(VariantId), st.sampled_from([0, 1, 2, 6, 7, 600, 999]), attribute_sets)


@st.composite
def carts(draw: st.DrawFn) -> Cart:
    identities = draw(st.lists(st.tuples(numbers, st.sampled_from(["", "Ada"])), max_size=4, unique=True))
    return cart(
        *(
            line(place, variant, draw(st.integers(1, 30)), **({"engraving": name} if name else {}))
            for place, (variant, name) in enumerate(identities)
        )
    )


@settings(deadline=None, max_examples=300)
@given(carts(), st.lists(new_lines, min_size=1, max_size=4), shelves)
def test_every_unit_is_in_the_cart_or_in_a_fault(before: Cart, wanted: list[NewLine], on: Shelf) -> None:
    result = filled(before, on, *wanted)

    was = {each.identity: each.quantity for each in before.lines}
    now = {each.identity: each.quantity for each in result.cart.lines}
    units: dict[object, int] = {}
    for each, added in zip(wanted, result.added, strict=True):
        assert 0 <= added <= max(each.quantity, 0)
        units[each.identity] = units.get(each.identity, 0) + added
    assert now == {key: was.get(key, 0) + units.get(key, 0) for key in {**was, **{k: v for k, v in units.items() if v}}}
    short = [place for place, each in enumerate(wanted) if result.added[place] < each.quantity or each.quantity < 1]
    assert sorted(int(fault.field[1]) for fault in result.faults) == short
    for variant_id, quantity in demand_of(result.cart).items():
        assert quantity <= max(demand_of(before).get(variant_id, 0), on.sellable(variant_id))
    for key, added in units.items():
        if added:
            assert on.rule(key[0]).allows(now[key])  # type: ignore[index]


@settings(deadline=None, max_examples=300)
@given(carts(), st.lists(new_lines, min_size=1, max_size=4), shelves)
def test_where_everything_fits_both_ways_of_adding_give_the_same_cart(
    before: Cart, wanted: list[NewLine], on: Shelf
) -> None:
    result = filled(before, on, *wanted)
    new_ids = iter(range(1, 1_000))

    if result.faults:
        event("something is left out")
        return
    event("everything fits")
    try:
        whole = AddLines(tuple(wanted)).apply(before, on, lambda: CartLineId(UUID(int=next(new_ids))))
    except Rejected as refusal:
        raise AssertionError(refusal) from refusal
    assert whole == result.cart
