"""How the payment provider counts money: in units of its own, which differ from CLDR's for some currencies.

Source: Stripe, Supported currencies: zero-decimal currencies, three-decimal currencies, special cases.
"""

from __future__ import annotations

from app.core.money import Currency, Money, charge_step, minor_digits

_WITHOUT_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_WITH_THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
_USUAL_DIGITS = 2  # also of ISK and UGX, which have no cents any more and are counted in them for compatibility


def can_be_charged(currency: Currency) -> bool:
    """Whether every amount that the shop may ask for has a number at the provider."""
    return minor_digits(currency) <= _digits(currency)


def units_of(money: Money) -> int:
    """What the provider calls this amount: 500 ISK are 50,000 units, 500 JPY are 500.

    Raises ValueError where cards cannot be charged so fine an amount.
    """
    if money.minor % charge_step(money.currency):
        raise ValueError(f"{money} has thousandths, which cards cannot be charged")
    return money.minor * _factor(money.currency)


def money_of(units: int, currency: Currency) -> Money:
    """The amount that the provider calls so many units. Raises ValueError where it is none of the currency."""
    minor, rest = divmod(units, _factor(currency))
    if rest:
        raise ValueError(f"{units} units are no amount of {currency}")
    return Money(minor, currency)


def _factor(currency: Currency) -> int:
    factor: int = 10 ** (_digits(currency) - minor_digits(currency))
    return factor


def _digits(currency: Currency) -> int:
    if currency in _WITHOUT_DECIMALS:
        return 0
    return 3 if currency in _WITH_THREE_DECIMALS else _USUAL_DIGITS
