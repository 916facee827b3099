"""Amounts and places in files: text and numbers become minor units, codes are checked against the shop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from babel import Locale

from app.core.money import Currency, Money, charge_step

PPM = 1_000_000
Amounts = Mapping[str, Decimal]


class Misfit(ValueError):
    """A value that does not fit. path: where, such as `.price.USD`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path, self.reason = path, reason


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """What entries are checked against: the currencies the shop sells in and the countries it delivers to."""

    own_currency: str
    currencies: frozenset[str]
    countries: frozenset[str]

    def minor_units(self, amounts: Amounts, path: str, *, is_charged: bool = False) -> dict[Currency, int]:
        """Every amount in minor units. is_charged: whether cards must be able to pay it alone. Raises Misfit."""
        return {
            Currency(code): self.minor(amount, code, f"{path}.{code}", is_charged) for code, amount in amounts.items()
        }

    def minor(self, amount: Decimal, code: str, path: str, is_charged: bool = False) -> int:
        """One amount of 0 or more in minor units. Raises Misfit."""
        if code not in self.currencies:
            raise Misfit(path, f"the shop does not sell in {code}, only in {', '.join(sorted(self.currencies))}")
        currency = Currency(code)
        try:
            money = Money.parse(amount, currency)
        except ValueError as error:
            raise Misfit(path, str(error)) from None
        if money.minor < 0:
            raise Misfit(path, f"{amount} is below 0")
        if is_charged and money.minor % charge_step(currency):
            raise Misfit(path, f"{amount}: cards cannot pay thousandths, let the last digit be 0")
        return money.minor


def checked_country(code: str, path: str) -> str:
    """The code, if it is one of ISO 3166-1. Raises Misfit."""
    if len(code) != 2 or not code.isupper() or code not in Locale("en").territories:
        raise Misfit(path, f"{code!r} is not an ISO 3166-1 code such as DE")
    return code


def millionths(percent: Decimal, path: str, *, most: int = 100) -> int:
    """A percentage in millionths. Raises Misfit when it is not 0 to `most`, or has more than four decimals."""
    if not percent.is_finite() or not 0 <= percent <= most:
        raise Misfit(path, f"{percent} is not 0 to {most}")
    ppm = percent * (PPM // 100)
    if ppm != int(ppm):
        raise Misfit(path, f"{percent} has more than 4 decimal places")
    return int(ppm)


def folded_region(name: str) -> str:
    """A region's name as tables hold it."""
    return name.strip().casefold()
