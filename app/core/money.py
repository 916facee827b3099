"""Money: integer minor units and a currency. No float ever touches an amount.

How many digits a currency has behind the point comes from CLDR through babel (JPY 0, USD 2, BHD 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import NewType

from babel.numbers import format_currency, get_currency_precision, list_currencies

Currency = NewType("Currency", str)

MAX_MINOR_UNITS = 99_999_999_999_99  # Stripe takes 12 digits at most for any currency; two more leave room for totals


@cache
def known_currencies() -> frozenset[str]:
    """Every ISO 4217 code that CLDR knows."""
    return frozenset(list_currencies())


@cache
def minor_digits(currency: Currency) -> int:
    """How many digits the currency has behind the decimal point: 0, 2 or 3 (4 for a few accounting units)."""
    return get_currency_precision(currency)


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
