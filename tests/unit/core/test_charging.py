from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.charging import can_be_charged, money_of, units_of
from app.core.money import Currency, Money, charge_step, known_currencies

CHARGEABLE = [Currency(code) for code in sorted(known_currencies()) if can_be_charged(Currency(code))]


@pytest.mark.parametrize(
    ("code", "minor", "units"),
    [("USD", 1_250, 1_250), ("JPY", 500, 500), ("ISK", 500, 50_000), ("UGX", 5, 500), ("KWD", 5_120, 5_120)],
)
def test_the_provider_is_asked_for_the_same_amount_in_its_own_units(code: str, minor: int, units: int) -> None:
    money = Money(minor, Currency(code))

    assert units_of(money) == units
    assert money_of(units, money.currency) == money


@given(st.sampled_from(CHARGEABLE), st.integers(0, 10**12))
def test_what_is_asked_for_comes_back_as_it_was(currency: Currency, number: int) -> None:
    money = Money(number * charge_step(currency), currency)

    assert money_of(units_of(money), currency) == money


def test_an_amount_that_no_card_can_pay_is_not_asked_for() -> None:
    with pytest.raises(ValueError, match="thousandths"):
        units_of(Money(5_124, Currency("KWD")))
    with pytest.raises(ValueError, match="no amount"):
        money_of(50, Currency("ISK"))


def test_accounting_units_cannot_be_charged() -> None:
    assert not can_be_charged(Currency("CLF"))
    assert can_be_charged(Currency("BHD"))
