"""Delivery zones in files: what an entry may say, and the zone that it is."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import msgspec

from app.catalog_import.rows import TaxClass
from app.core.money import Currency
from app.shipping.domain import Band, DeliveryMethod, DeliveryZone, Measure
from app.terms_import.amounts import Misfit, ShopFacts, checked_country, folded_region

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Amounts = dict[str, Decimal]
_Grams = Annotated[int, msgspec.Meta(ge=1, le=2_147_483_647)]


class WeightBand(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A price for parcels of up to so many grams; the last may leave the limit out."""

    price: Amounts
    up_to_grams: _Grams | None = None


class SubtotalBand(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A price for goods of up to this value; the last may leave the limit out."""

    price: Amounts
    up_to: Amounts | None = None


class MethodEntry(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """One way of delivering, with one of three kinds of price."""

    key: Key
    name: Name
    price: Amounts | None = None
    price_by_weight: Annotated[list[WeightBand], msgspec.Meta(min_length=1, max_length=50)] | None = None
    price_by_subtotal: Annotated[list[SubtotalBand], msgspec.Meta(min_length=1, max_length=50)] | None = None
    free_from: Amounts = {}
    days: Annotated[int, msgspec.Meta(ge=0, le=365)] | None = None
    pick_up: bool = False
    tax_class: TaxClass = "standard"


class ZoneEntry(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Countries, or regions of one country, with everything that is offered there."""

    zone: Key
    countries: Annotated[list[str], msgspec.Meta(min_length=1, max_length=300)]
    methods: Annotated[list[MethodEntry], msgspec.Meta(max_length=50)]
    regions: Annotated[list[Name], msgspec.Meta(max_length=500)] = []


def zone_of(entry: ZoneEntry, shop: ShopFacts) -> DeliveryZone:
    """The zone of an entry. Raises Misfit."""
    for place, code in enumerate(entry.countries):
        checked_country(code, f".countries[{place}]")
        if code not in shop.countries:
            raise Misfit(f".countries[{place}]", f"{code} is not among CARTOGRAPH_COUNTRIES: add it there")
    if entry.regions and len(entry.countries) > 1:
        raise Misfit(".regions", "regions are those of one country: make a zone for each")
    methods: dict[str, DeliveryMethod] = {}
    for place, method in enumerate(entry.methods):
        if method.key in methods:
            raise Misfit(f".methods[{place}].key", f"{method.key} stands in this zone twice")
        methods[method.key] = _method(method, f".methods[{place}]", shop)
    regions = tuple(dict.fromkeys(folded_region(name) for name in entry.regions))
    return DeliveryZone(entry.zone, tuple(dict.fromkeys(entry.countries)), regions, methods)


def _method(entry: MethodEntry, path: str, shop: ShopFacts) -> DeliveryMethod:
    kinds = {"price": entry.price, "priceByWeight": entry.price_by_weight, "priceBySubtotal": entry.price_by_subtotal}
    if sum(value is not None for value in kinds.values()) != 1:
        raise Misfit(path, f"needs exactly one of {', '.join(kinds)}")
    bands: dict[Currency, tuple[Band, ...]]
    if entry.price is not None:
        prices = shop.minor_units(entry.price, f"{path}.price", is_charged=True)
        measure, bands = Measure.NOTHING, {code: (Band(None, minor),) for code, minor in prices.items()}
    elif entry.price_by_weight is not None:
        limits: list[Amounts | int | None] = [band.up_to_grams for band in entry.price_by_weight]
        by_weight = [band.price for band in entry.price_by_weight]
        measure, bands = Measure.WEIGHT, _bands(limits, by_weight, f"{path}.priceByWeight", shop)
    else:
        by_value = entry.price_by_subtotal or []
        limits = [band.up_to for band in by_value]
        bands = _bands(limits, [band.price for band in by_value], f"{path}.priceBySubtotal", shop)
        measure = Measure.SUBTOTAL
    return DeliveryMethod(
        id=0,
        name=entry.name,
        measure=measure,
        bands=bands,
        free_from=shop.minor_units(entry.free_from, f"{path}.freeFrom"),
        estimated_days=entry.days,
        is_pick_up=entry.pick_up,
        tax_class=entry.tax_class,
    )


def _bands(
    limits: Sequence[Amounts | int | None], prices: Sequence[Amounts], path: str, shop: ShopFacts
) -> dict[Currency, tuple[Band, ...]]:
    bands: dict[Currency, list[Band]] = {}
    for place, (limit, price) in enumerate(zip(limits, prices, strict=True)):
        here = f"{path}[{place}]"
        if limit is None and place < len(limits) - 1:
            raise Misfit(here, "only the last band may be without a limit")
        tops = shop.minor_units(limit, f"{here}.upTo") if isinstance(limit, dict) else {}
        for currency, minor in shop.minor_units(price, f"{here}.price", is_charged=True).items():
            if isinstance(limit, dict) and currency not in tops:
                raise Misfit(f"{here}.upTo", f"says nothing for {currency}")
            top = limit if isinstance(limit, int) else tops.get(currency)
            before = bands.setdefault(currency, [])
            if before and top is not None and top <= (before[-1].up_to or 0):
                raise Misfit(here, f"the limits must rise, also in {currency}")
            before.append(Band(top, minor))
    return {currency: tuple(each) for currency, each in bands.items()}
