"""Taxes as pure rules over rates that were read beforehand, and the port that reads them. See ADR-0017.

Tax is computed on what is really paid: lines after discounts, and delivery. Every rate is rounded once, for the whole
cart. Where prices do not contain tax it comes on top; where they do, it is stated and nothing is added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from app.core.money import Currency, Money, allocate, charge_step, fraction_of
from app.core.place import Place

STANDARD = "standard"  # the tax class of whatever names none
PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A rate. ppm: millionths, so 19 % is 190,000 and 8.875 % is 88,750."""

    name: str
    ppm: int


@dataclass(frozen=True, slots=True)
class TaxCountry:
    """All taxes of a country as an import hands them in.

    rates: by region, case folded and "" for the whole country, then by tax class.
    """

    code: str
    prices_include_tax: bool
    rates: Mapping[str, Mapping[str, tuple[TaxRate, ...]]]


@dataclass(frozen=True, slots=True)
class Taxable:
    """Something that is paid for. minor: what is paid, in minor units; tax_class: which rates it has."""

    minor: int
    tax_class: str


@dataclass(frozen=True, slots=True)
class TaxLine:
    """One tax of a cart. rate: a fraction, 0.19 for 19 %; is_included: whether the prices contain it already."""

    name: str
    rate: Decimal
    amount: Money
    is_included: bool


@dataclass(frozen=True, slots=True)
class TaxAssessment:
    """What is owed. on_top: what is added to the prices; None where the shop has no tax data."""

    lines: tuple[TaxLine, ...]
    on_top: Money | None
    is_estimated: bool = False


class Taxes(Protocol):
    """The taxes of one place, at hand: a cart is priced inside a transaction and asks nobody."""

    def assess(self, items: Sequence[Taxable], currency: Currency) -> TaxAssessment:
        """The taxes on these items together."""
        ...


class TaxReader(Protocol):
    """Finds the taxes of a place. An adapter of a tax service would bring them along in the same shape."""

    async def taxes_at(self, place: Place) -> Taxes:
        """The taxes on what is sold there."""
        ...


class TaxWriter(Protocol):
    """The shop's own taxes inside one transaction."""

    async def store_country(self, country: TaxCountry) -> bool:
        """Make the country's taxes what this one says; returns whether anything changed."""
        ...


@dataclass(frozen=True, slots=True)
class NoTaxes:
    """`Taxes` of a shop that has no tax data: nobody knows, nothing is added."""

    def assess(self, items: Sequence[Taxable], currency: Currency) -> TaxAssessment:
        """Nothing."""
        return TaxAssessment((), None)


@dataclass(frozen=True, slots=True)
class LocalTaxes:
    """`Taxes` from the shop's own table. rates: by tax class; a class without rates is not taxed.

    is_guess: the place is not the buyer's address, so what comes on top may still change.
    """

    rates: Mapping[str, tuple[TaxRate, ...]]
    prices_include_tax: bool
    is_guess: bool = False

    def assess(self, items: Sequence[Taxable], currency: Currency) -> TaxAssessment:
        """The taxes on these items together, in the order in which the items name them."""
        bases: defaultdict[tuple[TaxRate, ...], int] = defaultdict(int)
        for item in items:
            bases[self.rates.get(item.tax_class, ())] += item.minor
        owed: defaultdict[TaxRate, int] = defaultdict(int)
        if self.prices_include_tax:
            for rates, base in bases.items():
                together = sum(rate.ppm for rate in rates)
                contained = fraction_of(base, together, PPM + together)
                for rate, part in zip(rates, allocate(contained, [rate.ppm for rate in rates]), strict=True):
                    owed[rate] += part
        else:
            for rates, base in bases.items():
                for rate in rates:
                    owed[rate] += base  # rounded once for all bases together, below
            step = charge_step(currency)
            owed = defaultdict(int, {rate: fraction_of(base, rate.ppm, PPM, step=step) for rate, base in owed.items()})
        lines = tuple(
            TaxLine(rate.name, Decimal(rate.ppm) / PPM, Money(minor, currency), self.prices_include_tax)
            for rate, minor in owed.items()
        )
        on_top = 0 if self.prices_include_tax else sum(owed.values())
        return TaxAssessment(lines, Money(on_top, currency), is_estimated=self.is_guess and not self.prices_include_tax)
