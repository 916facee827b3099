"""Taxes in files: what an entry may say, and the country that it is."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import msgspec

from app.catalog_import.rows import TaxClass
from app.taxes.domain import STANDARD, TaxCountry, TaxRate
from app.terms_import.amounts import checked_country, folded_region, millionths
from app.terms_import.delivery_entries import Name

MAX_PERCENT = 200


class RateEntry(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A rate of one tax class."""

    name: Name
    percent: Decimal
    tax_class: TaxClass = STANDARD


Rates = Annotated[list[RateEntry], msgspec.Meta(max_length=20)]


class RegionEntry(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A region with rates of its own. names: every way in which buyers write it."""

    names: Annotated[list[Name], msgspec.Meta(min_length=1, max_length=20)]
    rates: Rates


class CountryEntry(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """All taxes of a country."""

    country: str
    prices_include_tax: bool
    rates: Rates = []
    regions: Annotated[list[RegionEntry], msgspec.Meta(max_length=500)] = []


def country_of(entry: CountryEntry) -> TaxCountry:
    """The taxes of an entry. Raises Misfit."""
    code = checked_country(entry.country, ".country")
    rates = {"": _by_class(entry.rates, ".rates")}
    for place, region in enumerate(entry.regions):
        by_class = _by_class(region.rates, f".regions[{place}].rates")
        rates |= {folded_region(name): by_class for name in region.names}
    return TaxCountry(code, entry.prices_include_tax, rates)


def _by_class(entries: Sequence[RateEntry], path: str) -> dict[str, tuple[TaxRate, ...]]:
    by_class: dict[str, tuple[TaxRate, ...]] = {}
    for place, entry in enumerate(entries):
        ppm = millionths(entry.percent, f"{path}[{place}].percent", most=MAX_PERCENT)
        by_class[entry.tax_class] = (*by_class.get(entry.tax_class, ()), TaxRate(entry.name, ppm))
    return by_class
