"""What can be charged: Stripe's smallest and largest amounts.

Source: docs.stripe.com, Currencies, Minimum and maximum charge amounts.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.core.money import Currency, known_currencies, minor_digits
from app.devstack.stripe_emulator.parameters import Parameters
from app.devstack.stripe_emulator.problems import InvalidParameter, missing

_MINIMUM_MINOR_UNITS: Mapping[str, int] = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30,
    "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200,
    "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
_MAXIMUM_MINOR_UNITS = 99_999_999  # eight digits, for most currencies
_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def read_currency(params: Parameters) -> str:
    """The `currency`, in lower case."""
    currency = params.required_text("currency").lower()
    if currency.upper() not in known_currencies():
        raise InvalidParameter(f"Invalid currency: {currency[:10]}.", param="currency")
    return currency


def read_amount(params: Parameters, currency: str) -> int:
    """The `amount`, which Stripe would charge in this currency."""
    amount = params.integer("amount", minimum=0)
    if amount is None:
        raise missing("amount")
    minimum = _MINIMUM_MINOR_UNITS.get(currency, 1)
    if amount < minimum:
        raise InvalidParameter(
            f"Amount must be at least {format_amount(minimum, currency)} {currency}",
            param="amount",
            code="amount_too_small",
        )
    if amount > _MAXIMUM_MINOR_UNITS:
        raise InvalidParameter(
            f"Amount must be no more than {format_amount(_MAXIMUM_MINOR_UNITS, currency)} {currency}",
            param="amount",
            code="amount_too_large",
        )
    return amount


def format_amount(minor: int, currency: str) -> str:
    """`$12.30`, as Stripe writes amounts in its errors."""
    digits = minor_digits(Currency(currency.upper()))
    whole, fraction = divmod(minor, 10**digits)
    number = f"{whole:,}.{fraction:0{digits}d}" if digits else f"{whole:,}"
    return f"{_SYMBOLS.get(currency, '')}{number}"
