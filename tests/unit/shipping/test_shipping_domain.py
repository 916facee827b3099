from __future__ import annotations

import pytest

from app.core.money import Currency, Money
from app.core.place import Place
from app.shipping.domain import Band, DeliveryMethod, FlatRate, Measure, Parcel, Tariff
from tests.unit.fakes import USD, usd

BY_WEIGHT = DeliveryMethod(1, "Parcel", Measure.WEIGHT, {USD: (Band(1_000, 490), Band(5_000, 990))})
BY_VALUE = DeliveryMethod(2, "Courier", Measure.SUBTOTAL, {USD: (Band(5_000, 900), Band(None, 500))}, {USD: 10_000})


@pytest.mark.parametrize(("grams", "price"), [(0, 490), (1_000, 490), (1_001, 990), (5_000, 990), (5_001, None)])
def test_a_parcel_costs_what_its_weight_does(grams: int, price: int | None) -> None:
    found = BY_WEIGHT.price(Parcel(usd(1), grams))

    assert found == (None if price is None else usd(price))


@pytest.mark.parametrize(("goods", "price"), [(5_000, 900), (5_001, 500), (9_999, 500), (10_000, 0)])
def test_a_parcel_costs_what_its_value_does_and_nothing_from_the_threshold(goods: int, price: int) -> None:
    assert BY_VALUE.price(Parcel(usd(goods))) == usd(price)


def test_a_currency_without_a_tariff_has_no_option() -> None:
    assert Tariff((BY_WEIGHT, BY_VALUE)).quote(Parcel(Money(100, Currency("EUR")))) == []


def test_the_cheapest_comes_first() -> None:
    assert [option.id for option in Tariff((BY_VALUE, BY_WEIGHT)).quote(Parcel(usd(100)))] == [1, 2]


def test_the_flat_rate_serves_its_countries_only() -> None:
    flat = FlatRate(usd(490), 3, frozenset({"US"}))

    assert [option.price for option in flat.to(Place("US")).quote(Parcel(usd(1)))] == [usd(490)]
    assert flat.to(Place("FR")).quote(Parcel(usd(1))) == ()
