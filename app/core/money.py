"""Money: integer minor units and a currency. No float ever touches an amount.

How many digits a currency has behind the point comes from CLDR through babel (JPY 0, USD 2, BHD 3). Shares of an
amount are rounded half up, once, and what is split adds up: see ADR-0017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import NewType

from babel.numbers import format_currency, get_currency_precision, list_currencies

Currency = NewType("Currency", str)

_DIGITS_OF_CARDS = 2
MAX_MINOR_UNITS = 99_999_999_999_99  # Stripe takes 12 digits at most for any currency; two more leave room for totals


@cache
def known_currencies() -> frozenset[str]:
    """Every ISO 4217 code that CLDR knows."""
    return frozenset(list_currencies())


@cache
def minor_digits(currency: Currency) -> int:
    """How many digits the currency has behind the decimal point: 0, 2 or 3 (4 for a few accounting units)."""
    return get_currency_precision(currency)


def charge_step(currency: Currency) -> int:
    """What an amount that is charged must be a multiple of, in minor units: cards know no thousandths.

    Source: Stripe, Supported currencies, three-decimal currencies.
    """
    step: int = 10 ** max(minor_digits(currency) - _DIGITS_OF_CARDS, 0)
    return step


def fraction_of(minor: int, numerator: int, denominator: int, *, step: int = 1) -> int:
    """numerator / denominator of an amount of 0 or more, rounded half up to a multiple of step."""
    unit = denominator * step
    return (2 * minor * numerator + unit) // (2 * unit) * step


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split an amount of 0 or more in proportion to the weights, so that the parts sum to it exactly.

    No part exceeds its weight while the total does not exceed the sum of them; among equal remainders the first wins.
    Raises ValueError when there is something to split and every weight is 0.
    Source: the largest remainder method (Hamilton).
    """
    whole = sum(weights)
    if not whole:
        if total:
            raise ValueError("nothing to split by: every weight is 0")
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(total * weights[place] % whole))
    for place in by_remainder[: total - sum(parts)]:
        parts[place] += 1
    return parts


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in one currency, in its smallest unit. Adding two currencies is a `ValueError`."""

    minor: int
    currency: Currency

    @classmethod
    def zero(cls, currency: Currency) -> Money:
        """Nothing, in this currency."""
        return cls(0, currency)

    @classmethod
    def parse(cls, amount: Decimal | str | int, currency: Currency) -> Money:
        """The money that a decimal amount such as `12.50` names.

        Raises ValueError when the currency is unknown, the amount is not a finite number, has more digits
        than the currency, or is out of range. Nothing is rounded.
        """
        if currency not in known_currencies():
            raise ValueError(f"{currency!r} is not an ISO 4217 currency code")
        try:
            number = Decimal(amount)
        except InvalidOperation:
            raise ValueError(f"{amount!r} is not a decimal number") from None
        if not number.is_finite() or number.copy_abs() > MAX_MINOR_UNITS:  # abs() may overflow
            raise ValueError(f"{amount} is out of range")
        digits = minor_digits(currency)
        rounded = number.quantize(Decimal(1).scaleb(-digits))
        if number != rounded:
            raise ValueError(f"{amount} has more than {digits} decimal places, which {currency} does not have")
        minor = int(rounded.scaleb(digits))
        if abs(minor) > MAX_MINOR_UNITS:
            raise ValueError(f"{amount} is out of range")
        return cls(minor, currency)

    @property
    def amount(self) -> Decimal:
        """The amount in major units, with all digits of the currency: `Decimal("12.50")`."""
        return Decimal(self.minor).scaleb(-minor_digits(self.currency))

    def formatted(self, locale: str) -> str:
        """The amount as a person of that locale reads it: `$12.50`."""
        return _format(self.minor, self.currency, locale)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __mul__(self, quantity: int) -> Money:
        return Money(self.minor * quantity, self.currency)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency}")
        return other


@lru_cache(maxsize=10_000)
def _format(minor: int, currency: Currency, locale: str) -> str:
    return format_currency(Money(minor, currency).amount, currency, locale=locale)
