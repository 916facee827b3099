"""Delivery: methods by zone, what each costs for a parcel, and the port that reads them. See ADR-0018.

A method's price depends on nothing, on the weight or on the value of the goods; from a threshold on it is free.
Everything needed is read beforehand, so a cart is priced inside a transaction without asking anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from app.core.money import Currency, Money
from app.core.place import Place

MAX_OPTIONS = 20  # of one cart; dearer ones are not offered


@dataclass(frozen=True, slots=True)
class DeliveryOption:
    """A way for a parcel to reach the buyer. estimated_days: working days, None where nobody can say.

    is_pick_up: the buyer fetches it, so no address is needed; tax_class: of the delivery itself; cart_total: reckons
    what a cart costs in all with it, where it is offered to one; only when asked, as a cart has up to MAX_OPTIONS.
    """

    id: int
    name: str
    price: Money
    estimated_days: int | None
    is_pick_up: bool = False
    tax_class: str = "standard"
    cart_total: Callable[[], Money] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be delivered. goods: its value after discounts; unknown weights count as nothing."""

    goods: Money
    weight_grams: int = 0


class DeliveryOptions(Protocol):
    """What can be delivered to one place, at hand."""

    def quote(self, parcel: Parcel) -> Sequence[DeliveryOption]:
        """The options for this parcel; cheapest first."""
        ...


class DeliveryReader(Protocol):
    """Finds what can be delivered to a place. A carrier's adapter would bring its tariff along in the same shape."""

    async def options_to(self, place: Place) -> DeliveryOptions:
        """The options of a place."""
        ...


class DeliveryWriter(Protocol):
    """The shop's own delivery methods inside one transaction."""

    async def store_zone(self, zone: DeliveryZone) -> bool:
        """Make the zone what this one says; returns whether anything changed. Methods that it lacks are retired."""
        ...


@dataclass(frozen=True, slots=True)
class FlatRate:
    """One price to every country the shop delivers to, in the shop's currency: what a shop has before any import."""

    price: Money
    estimated_days: int
    countries: frozenset[str]

    def to(self, place: Place) -> DeliveryOptions:
        """Standard delivery, or nothing where the shop does not deliver to."""
        served = place.country_code in self.countries
        return FlatOption(DeliveryOption(1, "Standard delivery", self.price, self.estimated_days) if served else None)


@dataclass(frozen=True, slots=True)
class FlatOption:
    """`DeliveryOptions` with at most one, at one price."""

    option: DeliveryOption | None

    def quote(self, parcel: Parcel) -> Sequence[DeliveryOption]:
        """The option, for a parcel in its currency."""
        option = self.option
        return () if option is None or option.price.currency != parcel.goods.currency else (option,)


class Measure(Enum):
    """What a method's price depends on."""

    NOTHING = "nothing"
    WEIGHT = "weight"
    SUBTOTAL = "subtotal"


@dataclass(frozen=True, slots=True)
class Band:
    """A price for parcels of a measure up to this one: grams or minor units, inclusive; None for any."""

    up_to: int | None
    price_minor: int


@dataclass(frozen=True, slots=True)
class DeliveryMethod:
    """A way of delivering with its tariff. bands, free_from: by currency, in minor units; bands rise."""

    id: int
    name: str
    measure: Measure
    bands: Mapping[Currency, tuple[Band, ...]]
    free_from: Mapping[Currency, int] = field(default_factory=dict)
    estimated_days: int | None = None
    is_pick_up: bool = False
    tax_class: str = "standard"

    def price(self, parcel: Parcel) -> Money | None:
        """What this parcel costs; None where it is too heavy or dear, or the currency has no tariff."""
        currency = parcel.goods.currency
        measured = {
            Measure.NOTHING: 0,
            Measure.WEIGHT: parcel.weight_grams,
            Measure.SUBTOTAL: parcel.goods.minor,
        }[self.measure]
        bands = self.bands.get(currency, ())
        band = next((band for band in bands if band.up_to is None or measured <= band.up_to), None)
        if band is None:
            return None
        free_from = self.free_from.get(currency)
        is_free = free_from is not None and parcel.goods.minor >= free_from
        return Money(0 if is_free else band.price_minor, currency)


@dataclass(frozen=True, slots=True)
class DeliveryZone:
    """A zone as an import hands it in. regions: case folded, empty for whole countries; methods: by key, in order.

    The ids of the methods mean nothing here: the store gives them.
    """

    key: str
    countries: tuple[str, ...]
    regions: tuple[str, ...]
    methods: Mapping[str, DeliveryMethod]


@dataclass(frozen=True, slots=True)
class Tariff:
    """`DeliveryOptions` from the shop's own table. methods: those that serve the place."""

    methods: tuple[DeliveryMethod, ...]

    def quote(self, parcel: Parcel) -> Sequence[DeliveryOption]:
        """The options for this parcel; cheapest first, then in the table's order."""
        priced = [(method, price) for method in self.methods if (price := method.price(parcel)) is not None]
        return [
            DeliveryOption(m.id, m.name, price, m.estimated_days, m.is_pick_up, m.tax_class)
            for m, price in sorted(priced, key=lambda pair: pair[1].minor)[:MAX_OPTIONS]
        ]
