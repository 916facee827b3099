from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.money import MAX_MINOR_UNITS, Currency, Money, allocate, fraction_of, known_currencies, minor_digits

USD, JPY, BHD = Currency("USD"), Currency("JPY"), Currency("BHD")
minors = st.integers(-MAX_MINOR_UNITS, MAX_MINOR_UNITS)
currencies = st.sampled_from([USD, JPY, BHD, Currency("EUR"), Currency("CLF")])


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.50", USD, 1_250),
        ("12.5", USD, 1_250),
        ("12.500000", USD, 1_250),
        ("12", USD, 1_200),
        (12, USD, 1_200),
        ("1.2e1", USD, 1_200),
        ("0.01", USD, 1),
        ("-0.01", USD, -1),
        ("0", USD, 0),
        ("500", JPY, 500),
        ("500.0", JPY, 500),
        ("1.234", BHD, 1_234),
        (Decimal("99999999999.99"), USD, MAX_MINOR_UNITS),
        (MAX_MINOR_UNITS, JPY, MAX_MINOR_UNITS),
    ],
)
def test_an_amount_becomes_minor_units_of_its_currency(
    amount: Decimal | str | int, currency: Currency, minor: int
) -> None:
    assert Money.parse(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("12.505", USD),
        ("0.001", USD),
        ("1." + "0" * 40 + "1", USD),
        ("99999999999." + "9" * 40, USD),
        ("1e-1999999999999999990", USD),
        ("500.5", JPY),
        ("1.2345", BHD),
        ("100000000000.00", USD),
        ("-100000000000.00", USD),
        ("1e999999", USD),
        ("1e999999999999", USD),
        ("-1e999999999999", USD),
        (10**60, USD),
        (MAX_MINOR_UNITS + 1, JPY),
        ("NaN", USD),
        ("sNaN", USD),
        ("Infinity", USD),
        ("-Infinity", USD),
        ("", USD),
        ("12,50", USD),
        ("twelve", USD),
        ("12.50 USD", USD),
        ("12.50", Currency("usd")),
        ("12.50", Currency("QQQ")),
        ("12.50", Currency("")),
    ],
)
def test_what_is_no_amount_of_the_currency_is_refused(amount: str | int, currency: Currency) -> None:
    with pytest.raises(ValueError, match=r"out of range|decimal|currency code"):
        Money.parse(amount, currency)


@settings(deadline=None)
@given(minors, currencies)
def test_an_amount_survives_text_and_back(minor: int, currency: Currency) -> None:
    money = Money(minor, currency)

    assert Money.parse(money.amount, currency) == money
    assert Money.parse(str(money).removesuffix(f" {currency}"), currency) == money


@settings(deadline=None)
@given(st.decimals(allow_nan=True, allow_infinity=True) | st.text(max_size=30), currencies)
def test_any_text_is_an_exact_amount_or_a_value_error(amount: Decimal | str, currency: Currency) -> None:
    try:
        money = Money.parse(amount, currency)
    except ValueError:
        return

    assert money.amount == Decimal(amount)
    assert abs(money.minor) <= MAX_MINOR_UNITS


@given(minors, minors, st.integers(0, 1_000))
def test_sums_differences_and_multiples_are_those_of_integers(first: int, second: int, quantity: int) -> None:
    assert Money(first, USD) + Money(second, USD) == Money(first + second, USD)
    assert Money(first, USD) - Money(second, USD) == Money(first - second, USD)
    assert Money(first, USD) * quantity == Money(first * quantity, USD)


@pytest.mark.parametrize("combine", [Money.__add__, Money.__sub__])
def test_two_currencies_do_not_combine(combine) -> None:
    with pytest.raises(ValueError, match="cannot combine USD with EUR"):
        combine(Money(1, USD), Money(1, Currency("EUR")))


def test_amounts_have_no_order_across_currencies_by_accident() -> None:
    with pytest.raises(TypeError):
        assert Money(1, USD) < Money(2, JPY)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1_250, USD, "12.50 USD"),
        (-5, USD, "-0.05 USD"),
        (0, USD, "0.00 USD"),
        (500, JPY, "500 JPY"),
        (1_234, BHD, "1.234 BHD"),
        (MAX_MINOR_UNITS, USD, "99999999999.99 USD"),
    ],
)
def test_text_has_all_digits_of_the_currency(minor: int, currency: Currency, text: str) -> None:
    assert str(Money(minor, currency)) == text


@pytest.mark.parametrize(
    ("money", "locale", "text"),
    [
        (Money(123_450, USD), "en_US", "$1,234.50"),
        (Money(123_450, Currency("EUR")), "de_DE", "1.234,50\N{NO-BREAK SPACE}€"),
        (Money(1_234, JPY), "ja_JP", "￥1,234"),
        (Money(1_234, JPY), "en_US", "¥1,234"),
    ],
)
def test_a_person_reads_money_as_their_locale_writes_it(money: Money, locale: str, text: str) -> None:
    assert money.formatted(locale) == text


def test_every_known_currency_has_zero_to_four_digits() -> None:
    assert {minor_digits(Currency(code)) for code in known_currencies()} == {0, 2, 3, 4}
    assert (minor_digits(USD), minor_digits(JPY), minor_digits(BHD)) == (2, 0, 3)
    assert Money.zero(JPY) == Money(0, JPY)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20), st.integers(0, 1_000_000))
def test_what_is_split_adds_up_and_no_part_is_larger_than_its_weight(weights: list[int], ppm: int) -> None:
    total = fraction_of(sum(weights), ppm, 1_000_000)

    parts = allocate(total, weights)

    assert sum(parts) == total
    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < max(sum(weights), 1)  # less than one unit from its share


def test_among_equal_remainders_the_first_gets_the_odd_unit() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]


def test_nothing_can_be_split_among_nothing() -> None:
    assert allocate(0, [0, 0]) == [0, 0]
    with pytest.raises(ValueError, match="weight"):
        allocate(1, [0, 0])


@pytest.mark.parametrize(
    ("minor", "ppm", "step", "part"), [(50, 10_000, 1, 1), (49, 10_000, 1, 0), (1_234, 500_000, 10, 620)]
)
def test_a_fraction_is_rounded_half_up_to_its_step(minor: int, ppm: int, step: int, part: int) -> None:
    assert fraction_of(minor, ppm, 1_000_000, step=step) == part
