from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.discount import DiscountReason
from app.core.ids import CategoryId, ProductId, PromotionId
from app.core.money import Currency
from app.promotions.apply_promotions import Discounts, apply_promotions
from app.promotions.domain import (
    BuyXGetY,
    CartPromotion,
    Effect,
    Fixed,
    FreeShipping,
    Item,
    Offered,
    Percent,
    Scope,
)
from tests.unit.fakes import NOON, USD, usd

TOMORROW = NOON + timedelta(days=1)


def item(price: int, quantity: int = 1, *, product: int = 1, category: int = 9, brand: str | None = None) -> Item:
    return Item(ProductId(product), frozenset({CategoryId(1), CategoryId(category)}), brand, price, quantity)


def promotion(effect: Effect, number: int = 1, **values: object) -> CartPromotion:
    return replace(CartPromotion(PromotionId(number), f"Promotion {number}", effect), **values)  # type: ignore[arg-type]


def applied(
    items: list[Item], *promotions: CartPromotion, currency: Currency = USD, shipping: int | None = 490, **facts: bool
) -> Discounts:
    codes = tuple(each.code for each in promotions if each.code)
    offered = Offered(promotions, **facts)
    return apply_promotions(items, offered, codes, currency=currency, now=NOON, shipping=lambda _: shipping)


def reasons(found: Discounts) -> list[DiscountReason | None]:
    return [each.reason for each in found.codes]


def test_a_percentage_is_rounded_once_and_split_by_largest_remainder() -> None:
    found = applied([item(333), item(333), item(334)], promotion(Percent(100_000)))

    assert found.by_item == (33, 33, 34)


def test_an_amount_is_split_in_proportion_and_takes_no_more_than_there_is() -> None:
    fixed = promotion(Fixed({USD: 1_000}))

    assert applied([item(1_500), item(500, 3)], fixed).by_item == (500, 500)
    assert applied([item(300), item(200)], fixed).by_item == (300, 200)


@pytest.mark.parametrize(
    "scope",
    [
        Scope(products=frozenset({ProductId(2)})),
        Scope(categories=frozenset({CategoryId(5)})),
        Scope(brands=frozenset({"Pinefold"})),
    ],
)
def test_a_promotion_touches_only_its_goods(scope: Scope) -> None:
    others = [item(1_000), item(1_000, product=2, category=5, brand="Pinefold")]

    assert applied(others, promotion(Percent(500_000), scope=scope)).by_item == (0, 500)


@pytest.mark.parametrize(
    ("quantities", "off"), [((2, 0), (0, 0)), ((2, 1), (0, 500)), ((3, 3), (0, 1_000)), ((1, 5), (0, 1_000))]
)
def test_of_three_units_the_cheapest_is_free(quantities: tuple[int, int], off: tuple[int, int]) -> None:
    items = [item(price, count) for price, count in zip((800, 500), quantities, strict=True) if count]

    found = applied(items, promotion(BuyXGetY(2, 1, 1_000_000), code="THREE"))

    assert found.by_item == off[: len(items)]
    assert found.codes[0].applicable == any(off)


def test_combinable_promotions_apply_one_after_the_other() -> None:
    found = applied([item(1_000)], promotion(Fixed({USD: 100}), 1), promotion(Percent(100_000), 2))

    assert found.by_item == (200,)  # a tenth of all of it first, then the amount
    assert [each.promotion.id for each in found.applied] == [2, 1]


def test_one_that_cannot_be_combined_wins_where_it_is_worth_more() -> None:
    alone = promotion(Percent(300_000), 1, code="ALONE", combinable=False)
    small = promotion(Percent(100_000), 2, code="SMALL")

    found = applied([item(1_000)], alone, small)

    assert found.by_item == (300,)
    assert reasons(found) == [None, DiscountReason.NOT_COMBINABLE]


def test_one_that_cannot_be_combined_gives_way_where_the_others_are_worth_more() -> None:
    alone = promotion(Percent(100_000), 1, code="ALONE", combinable=False)
    large = promotion(Percent(300_000), 2)

    found = applied([item(1_000)], alone, large)

    assert found.by_item == (300,)
    assert reasons(found) == [DiscountReason.NOT_COMBINABLE]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"starts_at": TOMORROW}, DiscountReason.NOT_STARTED),
        ({"ends_at": NOON}, DiscountReason.EXPIRED),
        ({"usage_limit": 5, "used": 5}, DiscountReason.USAGE_LIMIT),
        ({"usage_limit_per_customer": 1, "used_by_buyer": 1}, DiscountReason.USAGE_LIMIT),
        ({"first_order_only": True}, DiscountReason.FIRST_ORDER_ONLY),
        ({"scope": Scope(brands=frozenset({"Other"}))}, DiscountReason.NO_ELIGIBLE_ITEM),
        ({"minimum": {Currency("EUR"): 100}}, DiscountReason.NO_ELIGIBLE_ITEM),
        ({"effect": Fixed({Currency("EUR"): 100})}, DiscountReason.NO_ELIGIBLE_ITEM),
        ({"effect": BuyXGetY(1, 1, 1_000_000)}, DiscountReason.NO_ELIGIBLE_ITEM),
        ({"starts_at": NOON, "ends_at": TOMORROW, "usage_limit": 5, "used": 4}, None),
    ],
)
def test_a_code_that_does_not_apply_says_why(values: dict[str, object], reason: DiscountReason | None) -> None:
    plain = {"effect": Percent(100_000), "code": "CODE"}
    found = applied([item(1_000)], promotion(**(plain | values)), has_ordered=True)

    assert reasons(found) == [reason]
    assert found.by_item == ((100,) if reason is None else (0,))


def test_a_code_below_its_minimum_says_how_much_is_missing() -> None:
    needs = promotion(
        Percent(100_000), code="BIG", minimum={USD: 5_000}, scope=Scope(products=frozenset({ProductId(1)}))
    )

    found = applied([item(1_500), item(9_000, product=2)], needs)

    assert (found.codes[0].reason, found.codes[0].missing) == (DiscountReason.MINIMUM_NOT_MET, usd(3_500))


def test_a_code_that_nobody_knows_says_so() -> None:
    found = apply_promotions([], Offered(), ("NOPE",), currency=USD, now=NOON, shipping=lambda _: None)

    assert reasons(found) == [DiscountReason.UNKNOWN]


def test_free_shipping_applies_before_a_delivery_is_chosen() -> None:
    free = promotion(FreeShipping(), code="SHIP")

    assert applied([item(1_000)], free, shipping=None).codes[0].amount == usd(0)
    assert applied([item(1_000)], free).shipping == 490
    assert applied([item(1_000)], free, promotion(FreeShipping(), 2)).shipping == 490
