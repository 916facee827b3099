"""Amounts that were written in cents, in the currency of a shop."""

from __future__ import annotations

from app.core.money import Currency, minor_digits

_DIGITS_OF_CENTS = 2


def minor_per_cent(currency: Currency) -> int:
    """How many of its smallest units a currency has for one cent.

    A currency without digits counts a cent as one whole unit: 18.00 becomes 1,800 yen, which is about as much.
    """
    factor: int = 10 ** max(minor_digits(currency) - _DIGITS_OF_CENTS, 0)
    return factor
