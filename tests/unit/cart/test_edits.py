from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from app.cart.domain import (
    MAX_ATTRIBUTE_KEY_LENGTH,
    MAX_ATTRIBUTE_VALUE_LENGTH,
    MAX_LINE_ATTRIBUTES,
    MAX_LINES,
    MAX_NOTE_LENGTH,
    Cart,
    CartLine,
    KeyValue,
    Shelf,
)
from app.cart.edits import AddLines, CartEdit, ChangeLines, LineChange, NewLine, RemoveLines, SetDetails
from app.cart.pricing import demand_of
from app.core.contact import Address
from app.core.errors import ClientError, ErrorCode, OutOfStock, Rejected
from app.core.ids import CartLineId, VariantId
from app.core.quantity import MAX_QUANTITY
from app.core.stock import StockPolicy
from app.inventory.domain import StockLevel
from tests.unit.fakes import ADDRESS, cart, line, offer, usd

V7, V8, V9 = VariantId(7), VariantId(8), VariantId(9)
NOBODY = CartLineId(UUID(int=404))
ADA, EVE = KeyValue("engraving", "Ada"), KeyValue("engraving", "Eve")
RED = KeyValue("ribbon", "red")


def shelf(units: Mapping[int, int], *, unsold: tuple[int, ...] = (), price: int = 1_800) -> Shelf:
    """So many units of each variant; one that is not sold has no price."""
    return Shelf(
        {VariantId(each): offer(each, price=None if each in unsold else price) for each in units},
        {VariantId(each): StockLevel(VariantId(each), StockPolicy.DENY, on_hand, 0) for each, on_hand in units.items()},
    )


def numbered() -> Callable[[], CartLineId]:
    last = 0

    def new_line_id() -> CartLineId:
        nonlocal last
        last += 1
        return CartLineId(UUID(int=last))

    return new_line_id


def applied(edit: CartEdit, to: Cart, on: Shelf) -> Cart:
    return edit.apply(to, on, numbered())


def faults_of(edit: CartEdit, to: Cart, on: Shelf) -> list[tuple[ErrorCode, tuple[str, ...]]]:
    with pytest.raises(Rejected) as refusal:
        applied(edit, to, on)
    faults = refusal.value.faults
    assert (refusal.value.code, refusal.value.field) == (faults[0].code, faults[0].field)
    return [(fault.code, fault.field) for fault in faults]


def contents(of: Cart) -> list[tuple[int, int]]:
    return [(each.variant_id, each.quantity) for each in of.lines]


PLENTY = shelf({7: 2_000, 8: 2_000, 9: 2_000})


# ------------------------------------------------------------------------------------------------ adding


def test_a_new_line_gets_an_id_and_todays_price() -> None:
    changed = applied(AddLines((NewLine(V7, 2, (ADA,)),)), cart(), PLENTY)

    assert changed.lines == (CartLine(CartLineId(UUID(int=1)), V7, 2, usd(1_800), (ADA,)),)


def test_adding_leaves_everything_else_of_the_cart_alone() -> None:
    before = cart(line(1, 7), email="ada@example.com", note="Ring twice.", delivery_option_id=1)

    changed = applied(AddLines((NewLine(V8, 1),)), before, PLENTY)

    assert replace(changed, lines=before.lines) == before
    assert changed.lines[0] == before.lines[0]


def test_the_same_variant_and_attributes_go_into_the_same_line_at_todays_price() -> None:
    before = cart(line(1, 7, 2, price=1_500))

    changed = applied(AddLines((NewLine(V7, 3), NewLine(V7, 1))), before, PLENTY)

    assert changed.lines == (replace(before.lines[0], quantity=6, unit_price_when_added=usd(1_800)),)


def test_attributes_are_the_same_in_any_order() -> None:
    edit = AddLines((NewLine(V7, 1, (RED, ADA)), NewLine(V7, 2, (ADA, RED))))

    changed = applied(edit, cart(), PLENTY)

    assert contents(changed) == [(7, 3)]
    assert changed.lines[0].attributes == (ADA, RED)


def test_other_attributes_make_another_line() -> None:
    edit = AddLines((NewLine(V7, 1), NewLine(V7, 2, (ADA,)), NewLine(V7, 3, (EVE,)), NewLine(V7, 4, (ADA, RED))))

    assert contents(applied(edit, cart(), PLENTY)) == [(7, 1), (7, 2), (7, 3), (7, 4)]


@pytest.mark.parametrize("quantity", [1, MAX_QUANTITY])
def test_a_line_has_1_to_999_units(quantity: int) -> None:
    assert contents(applied(AddLines((NewLine(V7, quantity),)), cart(), PLENTY)) == [(7, quantity)]


@pytest.mark.parametrize("quantity", [0, -1, MAX_QUANTITY + 1, -(2**31), 2**31 - 1])
def test_a_quantity_out_of_bounds_is_refused_by_its_place(quantity: int) -> None:
    edit = AddLines((NewLine(V8, 1), NewLine(V7, quantity)))

    assert faults_of(edit, cart(), PLENTY)[0] == (ErrorCode.QUANTITY_OUT_OF_RANGE, ("lines", "1", "quantity"))


def test_a_negative_quantity_cannot_offset_another_line() -> None:
    edit = AddLines((NewLine(V7, 5), NewLine(V7, -4)))

    assert faults_of(edit, cart(), PLENTY) == [(ErrorCode.QUANTITY_OUT_OF_RANGE, ("lines", "1", "quantity"))]


def test_lines_that_become_one_count_together() -> None:
    before = cart(line(1, 7, 500))

    assert contents(applied(AddLines((NewLine(V7, 499),)), before, PLENTY)) == [(7, 999)]
    assert faults_of(AddLines((NewLine(V7, 250), NewLine(V7, 250))), before, PLENTY) == [
        (ErrorCode.QUANTITY_OUT_OF_RANGE, ("lines", "1", "quantity"))
    ]


def test_a_cart_has_100_lines_at_most() -> None:
    full = cart(*(line(number, 7, 1, note=str(number)) for number in range(MAX_LINES - 1)))

    assert len(applied(AddLines((NewLine(V8, 1),)), full, PLENTY).lines) == 100
    assert faults_of(AddLines((NewLine(V8, 1), NewLine(V9, 1))), full, PLENTY) == [(ErrorCode.INVALID, ("lines",))]


def test_a_full_cart_takes_more_of_what_it_has() -> None:
    full = cart(*(line(number, 7, 1, note=str(number)) for number in range(MAX_LINES)))

    changed = applied(AddLines((NewLine(V7, 1, (KeyValue("note", "0"),)),)), full, PLENTY)

    assert (len(changed.lines), changed.lines[0].quantity) == (100, 2)


@pytest.mark.parametrize("on", [shelf({7: 10}, unsold=(7,)), Shelf({}, {})], ids=["not sold", "unknown"])
def test_what_is_not_sold_is_refused(on: Shelf) -> None:
    assert faults_of(AddLines((NewLine(V7, 1),)), cart(), on) == [
        (ErrorCode.VARIANT_UNAVAILABLE, ("lines", "0", "variantId"))
    ]


def test_more_than_there_is_is_refused_with_the_numbers_of_all_lines_together() -> None:
    before = cart(line(1, 7, 3))

    with pytest.raises(Rejected) as refusal:
        applied(AddLines((NewLine(V8, 1), NewLine(V7, 2), NewLine(V7, 1, (ADA,)))), before, shelf({7: 5, 8: 1}))

    (fault,) = refusal.value.faults
    assert isinstance(fault, OutOfStock)
    assert (fault.variant_id, fault.requested, fault.available, fault.applied) == (7, 6, 5, 0)
    assert (fault.line_id, fault.field) == (before.lines[0].id, ("lines", "1", "quantity"))
    assert fault.message == "Only 5 of the 6 units asked for are available."


def test_nothing_left_is_sold_out() -> None:
    with pytest.raises(Rejected, match=r"^This item is sold out\.$"):
        applied(AddLines((NewLine(V7, 1),)), cart(), shelf({7: 0}))


@pytest.mark.parametrize("policy", [StockPolicy.BACKORDER, StockPolicy.UNTRACKED])
def test_what_is_sold_past_zero_is_never_short(policy: StockPolicy) -> None:
    on = Shelf({V7: offer(7)}, {V7: StockLevel(V7, policy, 0, 0)})

    assert contents(applied(AddLines((NewLine(V7, 999),)), cart(), on)) == [(7, 999)]


def test_a_shortage_of_what_was_there_before_does_not_stop_another_edit() -> None:
    before = cart(line(1, 7, 5), line(2, 9, 1))

    changed = applied(AddLines((NewLine(V8, 1),)), before, shelf({7: 1, 8: 1, 9: 0}, unsold=(9,)))

    assert contents(changed) == [(7, 5), (9, 1), (8, 1)]


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param((KeyValue("", "x"),), id="no key"),
        pytest.param((KeyValue("k" * (MAX_ATTRIBUTE_KEY_LENGTH + 1), "x"),), id="a long key"),
        pytest.param((KeyValue("k", "x" * (MAX_ATTRIBUTE_VALUE_LENGTH + 1)),), id="a long value"),
        pytest.param((ADA, RED, EVE), id="a key twice"),
        pytest.param(tuple(KeyValue(f"k{n}", "x") for n in range(MAX_LINE_ATTRIBUTES + 1)), id="too many"),
    ],
)
def test_attributes_out_of_bounds_are_refused(attributes: tuple[KeyValue, ...]) -> None:
    edit = AddLines((NewLine(V7, 1), NewLine(V7, 1, attributes)))

    assert faults_of(edit, cart(), PLENTY) == [(ErrorCode.INVALID, ("lines", "1", "attributes"))]


def test_attributes_at_their_bounds_are_taken() -> None:
    longest = [
        KeyValue(f"{n:02}".ljust(MAX_ATTRIBUTE_KEY_LENGTH, "k"), "v" * MAX_ATTRIBUTE_VALUE_LENGTH) for n in range(20)
    ]

    changed = applied(AddLines((NewLine(V7, 1, tuple(longest)),)), cart(), PLENTY)

    assert changed.lines[0].attributes == tuple(longest)


def test_every_fault_is_named_at_once() -> None:
    edit = AddLines(
        (NewLine(V9, 1), NewLine(V7, 0), NewLine(V8, 3), NewLine(V7, 1, (ADA, EVE)), NewLine(VariantId(10), 1))
    )

    faults = faults_of(edit, cart(), shelf({7: 5, 8: 2, 9: 5}, unsold=(9,)))

    assert sorted(faults, key=lambda fault: fault[1]) == [
        (ErrorCode.VARIANT_UNAVAILABLE, ("lines", "0", "variantId")),
        (ErrorCode.QUANTITY_OUT_OF_RANGE, ("lines", "1", "quantity")),
        (ErrorCode.INSUFFICIENT_STOCK, ("lines", "2", "quantity")),
        (ErrorCode.INVALID, ("lines", "3", "attributes")),
        (ErrorCode.VARIANT_UNAVAILABLE, ("lines", "4", "variantId")),
    ]


# ------------------------------------------------------------------------------------------------ changing


def change(number: int, **values: int) -> LineChange:
    return LineChange(CartLineId(UUID(int=1_000_000 + number)), **values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"quantity": 5}, [(7, 5), (8, 1)]),
        ({"quantity": 999}, [(7, 999), (8, 1)]),
        ({"quantity": 0}, [(8, 1)]),
        ({"quantity_delta": 2}, [(7, 5), (8, 1)]),
        ({"quantity_delta": -2}, [(7, 1), (8, 1)]),
        ({"quantity_delta": -3}, [(8, 1)]),
        ({"quantity_delta": 0}, [(7, 3), (8, 1)]),
        ({}, [(7, 3), (8, 1)]),
        ({"variant_id": 9}, [(9, 3), (8, 1)]),
        ({"variant_id": 9, "quantity": 4}, [(9, 4), (8, 1)]),
    ],
)
def test_a_line_is_changed_in_its_place(values: dict[str, int], expected: list[tuple[int, int]]) -> None:
    before = cart(line(1, 7, 3), line(2, 8, 1))

    assert contents(applied(ChangeLines((change(1, **values),)), before, PLENTY)) == expected


def test_a_changed_line_keeps_its_id_and_takes_todays_price() -> None:
    before = cart(line(1, 7, 3, price=1_500, engraving="Ada"))

    changed = applied(ChangeLines((change(1, quantity=2),)), before, PLENTY)

    assert changed.lines == (replace(before.lines[0], quantity=2, unit_price_when_added=usd(1_800)),)


def test_changes_of_one_line_add_up() -> None:
    edit = ChangeLines((change(1, quantity_delta=2), change(1, quantity_delta=-1), change(1, quantity_delta=4)))

    assert contents(applied(edit, cart(line(1, 7, 3)), PLENTY)) == [(7, 8)]


def test_lines_that_become_the_same_are_merged_into_the_first() -> None:
    before = cart(line(1, 7, 3), line(2, 8, 2), line(3, 9, 1, engraving="Ada"))

    changed = applied(ChangeLines((change(2, variant_id=7),)), before, PLENTY)

    assert contents(changed) == [(7, 5), (9, 1)]
    assert changed.lines[0].id == before.lines[0].id


def test_lines_with_other_attributes_are_not_merged() -> None:
    before = cart(line(1, 7, 3), line(2, 8, 2, engraving="Ada"))

    assert contents(applied(ChangeLines((change(2, variant_id=7),)), before, PLENTY)) == [(7, 3), (7, 2)]


def test_lines_that_are_merged_count_together() -> None:
    before = cart(line(1, 7, 600), line(2, 8, 400))

    assert faults_of(ChangeLines((change(2, variant_id=7),)), before, PLENTY) == [
        (ErrorCode.QUANTITY_OUT_OF_RANGE, ("lines", "0", "quantity"))
    ]


@pytest.mark.parametrize(
    "values", [{"quantity": -1}, {"quantity": 1_000}, {"quantity_delta": -4}, {"quantity_delta": 997}]
)
def test_a_change_out_of_bounds_is_refused(values: dict[str, int]) -> None:
    before = cart(line(1, 8, 1), line(2, 7, 3))

    assert faults_of(ChangeLines((change(1, quantity=2), change(2, **values))), before, PLENTY) == [
        (ErrorCode.QUANTITY_OUT_OF_RANGE, ("lines", "1", "quantity"))
    ]


@pytest.mark.parametrize(
    ("edit", "code", "field"),
    [
        (LineChange(NOBODY, quantity=1), ErrorCode.LINE_NOT_FOUND, ("lines", "0", "lineId")),
        (change(1, quantity=1, quantity_delta=1), ErrorCode.INVALID, ("lines", "0")),
        (change(1, variant_id=8), ErrorCode.VARIANT_UNAVAILABLE, ("lines", "0", "variantId")),
        (change(1, variant_id=404), ErrorCode.VARIANT_UNAVAILABLE, ("lines", "0", "variantId")),
        (change(1, quantity=6), ErrorCode.INSUFFICIENT_STOCK, ("lines", "0", "quantity")),
        (change(1, quantity_delta=3), ErrorCode.INSUFFICIENT_STOCK, ("lines", "0", "quantity")),
        (change(1, variant_id=9), ErrorCode.INSUFFICIENT_STOCK, ("lines", "0", "quantity")),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(edit: LineChange, code: ErrorCode, field: tuple[str, ...]) -> None:
    before = cart(line(1, 7, 3))

    assert faults_of(ChangeLines((edit,)), before, shelf({7: 5, 8: 5, 9: 1}, unsold=(8,))) == [(code, field)]


def test_every_fault_of_a_change_is_named_at_once() -> None:
    before = cart(line(1, 7, 3), line(2, 8, 1))
    edit = ChangeLines((change(1, quantity=-1), LineChange(NOBODY), change(2, variant_id=404), change(2, quantity=9)))

    assert faults_of(edit, before, shelf({7: 5, 8: 5})) == [
        (ErrorCode.QUANTITY_OUT_OF_RANGE, ("lines", "0", "quantity")),
        (ErrorCode.LINE_NOT_FOUND, ("lines", "1", "lineId")),
        (ErrorCode.VARIANT_UNAVAILABLE, ("lines", "2", "variantId")),
        (ErrorCode.INSUFFICIENT_STOCK, ("lines", "3", "quantity")),
    ]


def test_fewer_units_may_be_asked_for_even_when_there_are_fewer_still() -> None:
    before = cart(line(1, 7, 5), line(2, 8, 5))

    changed = applied(ChangeLines((change(1, quantity=4), change(2, quantity_delta=-1))), before, shelf({7: 1}))

    assert contents(changed) == [(7, 4), (8, 4)]
    assert changed.lines[1].unit_price_when_added == before.lines[1].unit_price_when_added


# ------------------------------------------------------------------------------------------------ removing


def test_removed_lines_are_gone_and_the_others_stay() -> None:
    before = cart(line(1, 7), line(2, 8), line(3, 9))
    ids = before.lines[0].id, before.lines[2].id, before.lines[0].id

    changed = applied(RemoveLines(ids), before, shelf({}))

    assert changed == replace(before, lines=(before.lines[1],))


def test_no_line_is_removed_when_one_is_not_there() -> None:
    before = cart(line(1, 7), line(2, 8))
    ids = before.lines[0].id, NOBODY, CartLineId(UUID(int=405))

    assert faults_of(RemoveLines(ids), before, shelf({})) == [
        (ErrorCode.LINE_NOT_FOUND, ("lineIds", "1")),
        (ErrorCode.LINE_NOT_FOUND, ("lineIds", "2")),
    ]


# ------------------------------------------------------------------------------------------------ details

WRITTEN = Address(
    "  Ada Marsh ", "1 Contour Road", "Portland", "US", company=" ", region="Oregon", postal_code=" 97205"
)


@pytest.mark.parametrize(
    ("edit", "changes"),
    [
        (SetDetails(), {}),
        (SetDetails(email=" Ada@Example.com "), {"email": "Ada@example.com"}),
        (SetDetails(note="Ring twice."), {"note": "Ring twice."}),
        (SetDetails(note=""), {"note": ""}),
        (SetDetails(note="x" * MAX_NOTE_LENGTH), {"note": "x" * MAX_NOTE_LENGTH}),
        (SetDetails(shipping_address=WRITTEN), {"shipping_address": ADDRESS}),
        (SetDetails(billing_address=WRITTEN), {"billing_address": ADDRESS}),
        (SetDetails(delivery_option_id=2), {"delivery_option_id": 2}),
    ],
)
def test_details_are_set_and_what_is_left_out_stays(edit: SetDetails, changes: dict[str, object]) -> None:
    elsewhere = replace(ADDRESS, line1="2 Other Road")
    before = cart(
        line(1, 7),
        email="eve@example.com",
        note="Mind the dog.",
        shipping_address=elsewhere,
        billing_address=elsewhere,
        delivery_option_id=1,
    )

    assert applied(edit, before, shelf({})) == replace(before, **changes)


@pytest.mark.parametrize(
    ("edit", "faults"),
    [
        (SetDetails(email="ada"), [(ErrorCode.EMAIL_INVALID, ("email",))]),
        (SetDetails(email=""), [(ErrorCode.EMAIL_INVALID, ("email",))]),
        (SetDetails(email="  "), [(ErrorCode.EMAIL_INVALID, ("email",))]),
        (SetDetails(note="x" * (MAX_NOTE_LENGTH + 1)), [(ErrorCode.INVALID, ("note",))]),
        (
            SetDetails(shipping_address=replace(ADDRESS, city="")),
            [(ErrorCode.ADDRESS_INVALID, ("shippingAddress", "city"))],
        ),
        (
            SetDetails(
                email="ada",
                note="x" * (MAX_NOTE_LENGTH + 1),
                shipping_address=replace(ADDRESS, line1=""),
                billing_address=replace(ADDRESS, full_name=""),
                delivery_option_id=1,
            ),
            [
                (ErrorCode.EMAIL_INVALID, ("email",)),
                (ErrorCode.INVALID, ("note",)),
                (ErrorCode.ADDRESS_INVALID, ("shippingAddress", "line1")),
                (ErrorCode.ADDRESS_INVALID, ("billingAddress", "fullName")),
            ],
        ),
    ],
)
def test_details_that_are_wrong_are_refused_all_at_once(
    edit: SetDetails, faults: list[tuple[ErrorCode, tuple[str, ...]]]
) -> None:
    assert faults_of(edit, cart(), shelf({})) == faults


@pytest.mark.parametrize(
    ("edit", "wanted"),
    [
        (AddLines((NewLine(V7, 1), NewLine(V8, 2), NewLine(V7, 3))), [7, 8, 7]),
        (ChangeLines((change(1, quantity=1), change(2, variant_id=9))), [9]),
        (RemoveLines((NOBODY,)), []),
        (SetDetails(note="x"), []),
    ],
)
def test_an_edit_names_the_variants_that_have_to_be_on_the_shelf(edit: CartEdit, wanted: list[int]) -> None:
    assert list(edit.variant_ids) == wanted


# ------------------------------------------------------------------------------------------------ any edit at all

numbers = st.integers(1, 4)
quantities = st.sampled_from([-1, 0, 1, 2, 5, 400, 600, 999, 1_000])
attribute_sets = st.sampled_from([(), (ADA,), (EVE,), (ADA, RED), (RED, ADA), (ADA, EVE)])
new_lines = st.builds(NewLine, numbers.map(VariantId), quantities, attribute_sets)
shelves = st.fixed_dictionaries({each: st.sampled_from([0, 3, 700, 5_000]) for each in range(1, 5)}).flatmap(
    lambda units: st.sets(numbers, max_size=1).map(lambda unsold: shelf(units, unsold=tuple(unsold)))
)


@st.composite
def carts(draw: st.DrawFn) -> Cart:
    identities = draw(st.lists(st.tuples(numbers, st.sampled_from([(), (ADA,), (ADA, RED)])), max_size=5, unique=True))
    return cart(
        *(
            CartLine(
                CartLineId(UUID(int=1_000_000 + place)), VariantId(variant), draw(st.integers(1, 999)), usd(1), pairs
            )
            for place, (variant, pairs) in enumerate(identities)
        )
    )


def assert_sound(after: Cart) -> None:
    """What holds of every cart that is stored."""
    assert len(after.lines) <= MAX_LINES
    assert all(1 <= each.quantity <= MAX_QUANTITY for each in after.lines)
    assert len({(each.variant_id, frozenset(each.attributes)) for each in after.lines}) == len(after.lines)
    assert len({each.id for each in after.lines}) == len(after.lines)


@settings(deadline=None, max_examples=300)
@given(carts(), st.lists(new_lines, min_size=1, max_size=4), shelves)
def test_adding_puts_in_all_that_was_asked_for_or_is_refused_for_a_reason(
    before: Cart, wanted: list[NewLine], on: Shelf
) -> None:
    units: Counter[tuple[VariantId, frozenset[KeyValue]]] = Counter()
    for each in (*before.lines, *wanted):
        units[each.variant_id, frozenset(each.attributes)] += each.quantity
    demand: Counter[VariantId] = Counter()
    for (variant_id, _), quantity in units.items():
        demand[variant_id] += quantity
    is_sound = (
        all(1 <= each.quantity <= MAX_QUANTITY for each in wanted)
        and all(len({pair.key for pair in each.attributes}) == len(each.attributes) for each in wanted)
        and all(on.price(each.variant_id) is not None for each in wanted)
        and all(quantity <= MAX_QUANTITY for quantity in units.values())
        and all(demand[each.variant_id] <= on.sellable(each.variant_id) for each in wanted)
    )

    try:
        after = applied(AddLines(tuple(wanted)), before, on)
    except Rejected as refusal:
        event("refused")
        faults = refusal.faults
        after = None

    if after is None:
        assert not is_sound
        assert faults
        return
    assert is_sound
    assert_sound(after)
    assert {(each.variant_id, frozenset(each.attributes)): each.quantity for each in after.lines} == units
    assert [each.id for each in after.lines[: len(before.lines)]] == [each.id for each in before.lines]


changes = st.builds(
    LineChange,
    st.integers(0, 5).map(lambda place: CartLineId(UUID(int=1_000_000 + place))),
    quantity=st.none() | quantities,
    quantity_delta=st.none() | st.sampled_from([-600, -1, 0, 1, 600]),
    variant_id=st.none() | numbers.map(VariantId),
)


@settings(deadline=None, max_examples=300)
@given(carts(), st.lists(changes, min_size=1, max_size=4), shelves)
def test_changing_asks_for_no_more_than_there_is(before: Cart, wanted: list[LineChange], on: Shelf) -> None:
    try:
        after = applied(ChangeLines(tuple(wanted)), before, on)
    except Rejected:
        event("refused")
        return

    assert_sound(after)
    assert {each.id for each in after.lines} <= {each.id for each in before.lines}
    touched = {each.line_id for each in wanted}
    assert touched <= {each.id for each in before.lines}
    was, now = demand_of(before), demand_of(after)
    for variant_id, quantity in now.items():
        assert quantity <= max(was.get(variant_id, 0), on.sellable(variant_id))


@settings(deadline=None, max_examples=100)
@given(carts(), st.lists(new_lines, max_size=4), shelves)
def test_a_refused_edit_has_changed_nothing_and_says_where_each_fault_is(
    before: Cart, wanted: list[NewLine], on: Shelf
) -> None:
    untouched = replace(before)

    try:
        applied(AddLines(tuple(wanted)), before, on)
    except Rejected as refusal:
        faults: tuple[ClientError, ...] = refusal.faults
    else:
        faults = ()

    assert before == untouched
    places = {str(place) for place in range(len(wanted))}
    for fault in faults:
        assert fault.field == ("lines",) or (fault.field[0] == "lines" and fault.field[1] in places)
