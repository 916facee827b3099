"""Delivery options, and the port that quotes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.core.contact import Address
from app.core.money import Money


@dataclass(frozen=True, slots=True)
class DeliveryOption:
    """A way for a parcel to reach the buyer. estimated_days: working days, None where nobody can say."""

    id: int
    name: str
    price: Money
    estimated_days: int | None


class DeliveryOptions(Protocol):
    """Quotes delivery without asking anybody over the network: a cart is priced inside a transaction."""

    def quote(self, *, subtotal: Money, address: Address | None) -> Sequence[DeliveryOption]:
        """The options for a cart of this value, to this address or, while there is none, to any; cheapest first."""
        ...


@dataclass(frozen=True, slots=True)
class FlatRate:
    """`DeliveryOptions` with one price to every country the shop delivers to, in the shop's currency."""

    price: Money
    estimated_days: int
    countries: frozenset[str]

    def quote(self, *, subtotal: Money, address: Address | None) -> Sequence[DeliveryOption]:
        """Standard delivery, or nothing where the shop does not deliver to."""
        if subtotal.currency != self.price.currency or (address and address.country_code not in self.countries):
            return ()
        return (DeliveryOption(1, "Standard delivery", self.price, self.estimated_days),)
