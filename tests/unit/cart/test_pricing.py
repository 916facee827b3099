from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cart.domain import (
    Cart,
    CartLine,
    CartState,
    CheckoutRequirement,
    DeliveryOptionGone,
    KeyValue,
    LineInsufficientStock,
    LinePriceChanged,
    LineUnavailable,
    PricedCart,
    Shelf,
    positions_of,
)
from app.cart.pricing import demand_of, price_cart
from app.cart.quote import Terms
from app.catalog.domain import Offer
from app.core.contact import Address
from app.core.ids import CartLineId, VariantId
from app.core.money import Currency
from app.core.place import Place
from app.core.stock import StockPolicy
from app.inventory.domain import StockLevel
from app.shipping.domain import DeliveryOption, FlatRate
from app.taxes.domain import NoTaxes
from tests.unit.fakes import ADDRESS, NOON, cart, line, offer, usd

ABROAD = replace(ADDRESS, country_code="FR")
STANDARD = DeliveryOption(1, "Standard delivery", usd(490), 3)
DELIVERY = FlatRate(usd(490), 3, frozenset({"US"}))


def shelf(*offers: Offer, stock: Mapping[int, int] | None = None) -> Shelf:
    """These offers, ten units of each unless `stock` says otherwise."""
    units = {each.variant_id: (stock or {}).get(each.variant_id, 10) for each in offers}
    levels = {each: StockLevel(each, StockPolicy.DENY, on_hand, 0) for each, on_hand in units.items()}
    return Shelf({each.variant_id: each for each in offers}, levels)


def priced(of: Cart, on: Shelf, delivery: FlatRate = DELIVERY, at: datetime = NOON) -> PricedCart:
    return price_cart(of, on, Terms(delivery.to(of.place or Place("US")), NoTaxes()), at)


# ------------------------------------------------------------------------------------------------ any cart at all

variant_ids = st.integers(1, 5)
prices = st.integers(0, 10_000_000)


@st.composite
def offers(draw: st.DrawFn, number: int) -> Offer:
    return offer(number, price=draw(st.none() | prices), requires_shipping=draw(st.booleans()))


@st.composite
def levels(draw: st.DrawFn, number: int) -> StockLevel:
    return StockLevel(
        VariantId(number), draw(st.sampled_from(StockPolicy)), draw(st.integers(0, 1_500)), draw(st.integers(0, 50))
    )


@st.composite
def shelves(draw: st.DrawFn) -> Shelf:
    known = draw(st.sets(variant_ids))
    counted = draw(st.sets(variant_ids))
    return Shelf(
        {VariantId(each): draw(offers(each)) for each in sorted(known)},
        {VariantId(each): draw(levels(each)) for each in sorted(counted)},
    )


@st.composite
def carts(draw: st.DrawFn) -> Cart:
    attributes = st.sampled_from([(), (KeyValue("engraving", "Ada"),), (KeyValue("engraving", "Eve"),)])
    identities = draw(st.lists(st.tuples(variant_ids, attributes), max_size=8, unique=True))
    return cart(
        *(
            CartLine(
                CartLineId(UUID(int=place)), VariantId(variant), draw(st.integers(1, 999)), usd(draw(prices)), pairs
            )
            for place, (variant, pairs) in enumerate(identities)
        ),
        email=draw(st.sampled_from([None, "ada@example.com"])),
        shipping_address=draw(st.sampled_from([None, ADDRESS, ABROAD])),
        delivery_option_id=draw(st.sampled_from([None, 1, 2])),
    )


@settings(deadline=None, max_examples=300)
@given(carts(), shelves(), prices)
def test_the_cost_of_any_cart_adds_up(any_cart: Cart, on: Shelf, rate: int) -> None:
    view = priced(any_cart, on, FlatRate(usd(rate), 3, frozenset({"US"})))

    cost = view.cost
    assert sum(each.total.minor for each in view.lines) == cost.subtotal.minor
    assert all(each.subtotal == each.unit_price * each.quantity for each in view.lines)
    assert all(each.total == each.subtotal - each.discount for each in view.lines)
    extras = (cost.shipping.minor if cost.shipping else 0) + (cost.tax.minor if cost.tax else 0)
    assert cost.subtotal.minor - cost.discount.minor + extras == cost.total.minor
    assert cost.is_estimated == (cost.shipping is None)
    assert view.total_quantity == sum(each.quantity for each in any_cart.lines)


@settings(deadline=None, max_examples=300)
@given(carts(), shelves())
def test_any_cart_is_priced_and_explains_itself(any_cart: Cart, on: Shelf) -> None:
    view = priced(any_cart, on)

    assert [(each.id, each.variant_id, each.quantity) for each in view.lines] == [
        (each.id, each.variant_id, each.quantity) for each in any_cart.lines
    ]
    assert [each.position for each in view.lines] == positions_of(any_cart.lines)
    for before, after in zip(any_cart.lines, view.lines, strict=True):
        sold_at = on.price(before.variant_id)
        assert after.is_sold == (sold_at is not None)
        assert after.unit_price == (before.unit_price_when_added if sold_at is None else sold_at)
        kinds = {type(problem) for problem in view.problems if getattr(problem, "line", None) is after}
        assert (LineUnavailable in kinds) == (sold_at is None)
        assert (LinePriceChanged in kinds) == (sold_at not in (None, before.unit_price_when_added))
        assert (LineInsufficientStock in kinds) == (sold_at is not None and after.obtainable < after.quantity)
    assert view.readiness.ready == (view.readiness.missing == ())
    if view.readiness.ready:
        assert {type(problem) for problem in view.problems} <= {LinePriceChanged}


@settings(deadline=None, max_examples=300)
@given(carts(), shelves())
def test_lines_of_one_variant_share_its_units_and_waste_none(any_cart: Cart, on: Shelf) -> None:
    view = priced(any_cart, on)

    given_out: Counter[VariantId] = Counter()
    for each in view.lines:
        given_out[each.variant_id] += each.obtainable
    for variant_id, wanted in demand_of(any_cart).items():
        assert given_out[variant_id] == min(wanted, on.sellable(variant_id))
    assert all(0 <= each.obtainable <= each.quantity for each in view.lines)


@settings(deadline=None, max_examples=100)
@given(carts(), shelves())
def test_each_delivery_says_what_the_cart_costs_in_all_with_it(any_cart: Cart, on: Shelf) -> None:
    view = priced(any_cart, on)

    for option in view.delivery_options:
        assert option.cart_total is not None
        assert option.cart_total() == priced(replace(any_cart, delivery_option_id=option.id), on).cost.total


# ------------------------------------------------------------------------------------------------ lines and money


def test_the_first_line_gets_the_units_of_a_scarce_variant() -> None:
    lines = [line(1, 7, 3), line(2, 7, 4, engraving="Ada"), line(3, 7, 1, engraving="Eve")]

    view = priced(cart(*lines), shelf(offer(7), stock={7: 5}))

    assert [each.obtainable for each in view.lines] == [3, 2, 0]
    short = [problem for problem in view.problems if isinstance(problem, LineInsufficientStock)]
    assert [(problem.line.id, problem.available) for problem in short] == [(lines[1].id, 2), (lines[2].id, 0)]


def test_demand_is_counted_over_all_lines_in_their_order() -> None:
    lines = [line(1, 9, 2), line(2, 7, 3), line(3, 9, 4, engraving="Ada")]

    assert list(demand_of(cart(*lines)).items()) == [(9, 6), (7, 3)]


def test_a_cart_costs_what_its_lines_cost_today_and_its_delivery() -> None:
    lines = [line(1, 7, 3, price=1_800), line(2, 8, 1, price=999)]

    view = priced(cart(*lines, delivery_option_id=1), shelf(offer(7, price=2_000), offer(8, price=999)))

    assert view.cost.subtotal == usd(6_999)
    assert view.cost.discount == usd(0)
    assert (view.cost.shipping, view.cost.tax, view.cost.total) == (usd(490), None, usd(7_489))
    assert view.cost.is_estimated is False
    assert view.selected_delivery_option == STANDARD


def test_delivery_that_nobody_chose_makes_the_cost_an_estimate() -> None:
    view = priced(cart(line(1, 7)), shelf(offer(7)))

    assert view.delivery_options == (STANDARD,)
    assert view.selected_delivery_option is None
    assert (view.cost.shipping, view.cost.total, view.cost.is_estimated) == (None, usd(1_800), True)


def test_what_is_not_shipped_costs_no_delivery_even_when_one_was_chosen() -> None:
    view = priced(cart(line(1, 7), delivery_option_id=1), shelf(offer(7, requires_shipping=False)))

    assert (view.requires_shipping, view.delivery_options, view.selected_delivery_option) == (False, (), None)
    assert (view.cost.shipping, view.cost.total, view.cost.is_estimated) == (usd(0), usd(1_800), False)
    assert view.problems == ()


def test_one_line_that_is_shipped_makes_the_cart_shipped() -> None:
    view = priced(cart(line(1, 7), line(2, 8)), shelf(offer(7, requires_shipping=False), offer(8)))

    assert view.requires_shipping is True


def test_a_variant_that_does_not_exist_any_more_counts_as_shipped() -> None:
    view = priced(cart(line(1, 7)), shelf())

    assert view.requires_shipping is True
    assert view.cost.subtotal == usd(1_800)


def test_an_expired_cart_says_so_from_the_very_moment() -> None:
    until = cart(line(1, 7), expires_at=NOON)

    assert priced(until, shelf(offer(7))).state is CartState.EXPIRED
    assert priced(until, shelf(offer(7)), at=NOON - timedelta(microseconds=1)).state is CartState.ACTIVE


@pytest.mark.parametrize("state", [CartState.IN_CHECKOUT, CartState.COMPLETED])
def test_only_an_open_cart_expires(state: CartState) -> None:
    assert priced(cart(expires_at=NOON, state=state), shelf()).state is state


# ------------------------------------------------------------------------------------------------ problems


def test_a_line_whose_variant_is_not_sold_says_only_that() -> None:
    view = priced(cart(line(1, 7, 99)), shelf(offer(7, price=None)))

    assert view.problems == (LineUnavailable(view.lines[0]),)
    assert (view.lines[0].is_sold, view.lines[0].obtainable) == (False, 0)


def test_a_line_with_too_few_units_says_how_many_there_are() -> None:
    view = priced(cart(line(1, 7, 11)), shelf(offer(7)))

    assert view.problems == (LineInsufficientStock(view.lines[0], 10),)


def test_a_line_at_another_price_says_both_prices() -> None:
    view = priced(cart(line(1, 7, price=1_500)), shelf(offer(7)))

    assert view.problems == (LinePriceChanged(view.lines[0], usd(1_500), usd(1_800)),)


def test_a_line_may_have_two_problems() -> None:
    view = priced(cart(line(1, 7, 11, price=1_500)), shelf(offer(7)))

    assert [type(problem) for problem in view.problems] == [LineInsufficientStock, LinePriceChanged]


@pytest.mark.parametrize(("chosen", "address"), [(2, ADDRESS), (2, None), (1, ABROAD)])
def test_a_delivery_that_is_not_offered_any_more_is_a_problem(chosen: int, address: Address | None) -> None:
    view = priced(cart(line(1, 7), delivery_option_id=chosen, shipping_address=address), shelf(offer(7)))

    assert [type(problem) for problem in view.problems] == [DeliveryOptionGone]
    assert view.selected_delivery_option is None
    assert (view.cost.shipping, view.cost.is_estimated) == (None, True)


def test_prices_in_another_currency_are_not_offered_delivery_in_this_one() -> None:
    euros = FlatRate(replace(usd(490), currency=Currency("EUR")), 3, frozenset({"US"}))

    view = priced(cart(line(1, 7), delivery_option_id=1), shelf(offer(7)), euros)

    assert (view.delivery_options, view.cost.total) == ((), usd(1_800))


# ------------------------------------------------------------------------------------------------ readiness

CONTENTS = {
    "empty": [],
    "shipped": [line(1, 7)],
    "shipped, cheaper now": [line(1, 7, price=2_500)],
    "shipped, too few": [line(1, 7, 11)],
    "shipped, not sold": [line(1, 8)],
    "download": [line(1, 9)],
    "download, too few": [line(1, 9, 11)],
}
ON_SHELF = shelf(offer(7), offer(8, price=None), offer(9, requires_shipping=False))


@pytest.mark.parametrize(
    ("contents", "has_email", "country", "chosen"),
    list(product(CONTENTS, [True, False], ["US", "FR", None], [1, 2, None])),
)
def test_readiness_names_exactly_what_is_missing(
    contents: str, has_email: bool, country: str | None, chosen: int | None
) -> None:
    address = None if country is None else replace(ADDRESS, country_code=country)
    written = cart(
        *CONTENTS[contents],
        email="ada@example.com" if has_email else None,
        shipping_address=address,
        delivery_option_id=chosen,
    )

    readiness = priced(written, ON_SHELF).readiness

    is_shipped = contents.startswith("shipped")
    is_offered = chosen == 1 and country != "FR"
    is_gone = is_shipped and chosen is not None and not is_offered
    expected = [
        *([CheckoutRequirement.LINES] if contents == "empty" else []),
        *([] if has_email else [CheckoutRequirement.EMAIL]),
        *([CheckoutRequirement.SHIPPING_ADDRESS] if is_shipped and country is None else []),
        *([CheckoutRequirement.DELIVERY_OPTION] if is_shipped and not is_offered else []),
        *([CheckoutRequirement.PROBLEMS_RESOLVED] if is_gone or contents.endswith(("too few", "not sold")) else []),
    ]
    assert list(readiness.missing) == expected
    assert readiness.ready == (expected == [])


def test_another_price_is_no_reason_to_stop() -> None:
    lines = [line(1, 7, price=2_500)]
    ready = cart(*lines, email="ada@example.com", shipping_address=ADDRESS, delivery_option_id=1)

    view = priced(ready, ON_SHELF)

    assert [type(problem) for problem in view.problems] == [LinePriceChanged]
    assert view.readiness.ready is True


# ------------------------------------------------------------------------------------------------ positions


@pytest.mark.parametrize(
    ("stored", "positions"),
    [
        ([], []),
        ([None, None], [0, 1]),
        ([0, 1, 2], [0, 1, 2]),
        ([1, 4, 9], [1, 4, 9]),
        ([2, 7, None, None], [2, 7, 8, 9]),
        ([None, 0, 5], [0, 1, 5]),
        ([5, 3, 9], [5, 6, 9]),
        ([4, 4], [4, 5]),
    ],
)
def test_lines_keep_their_positions_and_new_ones_follow(stored: list[int | None], positions: list[int]) -> None:
    lines = [replace(line(number, number), position=position) for number, position in enumerate(stored)]

    assert positions_of(lines) == positions
