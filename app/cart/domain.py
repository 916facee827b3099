"""A cart and what it costs now, as records. See ADR-0002 and ADR-0005.

`Cart` is what is stored. `PricedCart` is what a shopper sees: the same cart against today's prices, stock and
delivery, computed at every read and never stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from app.cart.quote import PriceStep
from app.catalog.domain import Offer
from app.core.contact import Address
from app.core.discount import DiscountReason
from app.core.errors import ClientError
from app.core.ids import CartId, CartLineId, CustomerId, VariantId
from app.core.money import Currency, Money
from app.core.place import Place
from app.core.quantity import ANY_QUANTITY, QuantityRule
from app.inventory.domain import StockLevel
from app.promotions.domain import AppliedPromotion, DiscountCode
from app.shipping.domain import DeliveryOption
from app.taxes.domain import TaxLine

MAX_LINES = 100  # of one cart; also of one mutation
MAX_NOTE_LENGTH = 5_000
MAX_LINE_ATTRIBUTES = 20
MAX_ATTRIBUTE_KEY_LENGTH = 64
MAX_ATTRIBUTE_VALUE_LENGTH = 500


class CartState(Enum):
    """Where a cart is in its life."""

    ACTIVE = "ACTIVE"
    IN_CHECKOUT = "IN_CHECKOUT"
    COMPLETED = "COMPLETED"
    MERGED = "MERGED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A buyer's wish for a line, such as an engraving."""

    key: str
    value: str


LineIdentity = tuple[VariantId, tuple[KeyValue, ...]]  # the attributes by their keys


@dataclass(frozen=True, slots=True)
class CartLine:
    """Some units of one variant. A line is known by its variant and its attributes together.

    position: where it has been stored among the lines, None before; it stays while others come and go.
    """

    id: CartLineId
    variant_id: VariantId
    quantity: int
    unit_price_when_added: Money
    attributes: tuple[KeyValue, ...] = ()
    position: int | None = field(default=None, compare=False)

    @property
    def identity(self) -> LineIdentity:
        """What tells the line from the others of its cart."""
        return self.variant_id, self.attributes


def positions_of(lines: Sequence[CartLine]) -> list[int]:
    """A rising position for each line: its own where it has one that fits, so that others' cursors stay true."""
    positions: list[int] = []
    last = -1
    for line in lines:
        last = line.position if line.position is not None and line.position > last else last + 1
        positions.append(last)
    return positions


@dataclass(frozen=True, slots=True)
class Cart:
    """A cart as it is stored. version rises by one with every change.

    customer_id: whose it is alone; None for a guest's, which its id opens. merged_into: the cart its lines went to.
    discount_codes: normalised; country_code: where the shopper was when they opened it, None where nobody said.
    """

    id: CartId
    version: int
    state: CartState
    currency: Currency
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    lines: tuple[CartLine, ...] = ()
    email: str | None = None
    note: str | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    delivery_option_id: int | None = None
    discount_codes: tuple[str, ...] = ()
    country_code: str | None = None
    customer_id: CustomerId | None = None
    merged_into: CartId | None = None

    def is_open_to(self, caller: CustomerId | None) -> bool:
        """Whether the caller may know of the cart: anybody who has its id, or the customer whose it is."""
        return self.customer_id is None or self.customer_id == caller

    @property
    def place(self) -> Place | None:
        """Where it goes to: the shipping address, or the country it was opened for."""
        address = self.shipping_address
        if address is not None:
            return Place(address.country_code, address.region, is_address=True)
        return None if self.country_code is None else Place(self.country_code)

    def state_at(self, now: datetime) -> CartState:
        """The state, with an untouched cart's end taken into account."""
        expired = self.state is CartState.ACTIVE and now >= self.expires_at
        return CartState.EXPIRED if expired else self.state


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the variants in question cost and how many there are, read in one transaction."""

    offers: Mapping[VariantId, Offer]
    levels: Mapping[VariantId, StockLevel]

    def price(self, variant_id: VariantId) -> Money | None:
        """The price of one unit now, None where the variant is not sold."""
        offer = self.offers.get(variant_id)
        return offer.price if offer else None

    def rule(self, variant_id: VariantId) -> QuantityRule:
        """Which quantities of the variant may be bought."""
        offer = self.offers.get(variant_id)
        return offer.quantity_rule if offer else ANY_QUANTITY

    def sellable(self, variant_id: VariantId) -> int:
        """How many units of the variant may be sold now."""
        level = self.levels.get(variant_id)
        return level.sellable if level and self.price(variant_id) is not None else 0


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What became of the lines of a cart that was merged: each was moved, summed or dropped.

    clamped: how many of the moved and summed ones lost units; faults: why, line by line.
    """

    moved: int
    summed: int
    clamped: int
    dropped: int
    faults: tuple[ClientError, ...] = ()


# ------------------------------------------------------------------------------------------------ as a shopper sees it


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line at today's price.

    is_sold: whether the variant is still sold; obtainable: how many of the line's units can be had; broken_rule: the
    quantity rule that the line does not keep to.
    """

    id: CartLineId
    variant_id: VariantId
    quantity: int
    unit_price: Money
    unit_price_when_added: Money
    subtotal: Money
    discount: Money
    total: Money
    attributes: tuple[KeyValue, ...]
    position: int
    is_sold: bool
    obtainable: int
    broken_rule: QuantityRule | None = None

    @property
    def problems(self) -> tuple[LineProblem, ...]:
        """What has happened to the line since it was added."""
        if not self.is_sold:
            return (LineUnavailable(self),)
        problems: list[LineProblem] = []
        if self.obtainable < self.quantity:
            problems.append(LineInsufficientStock(self, self.obtainable))
        if self.broken_rule is not None:
            problems.append(LineQuantityNotAllowed(self, self.broken_rule))
        if self.unit_price != self.unit_price_when_added:
            problems.append(LinePriceChanged(self, self.unit_price_when_added, self.unit_price))
        return tuple(problems)


@dataclass(frozen=True, slots=True)
class LineUnavailable:
    """The variant is not sold any more."""

    line: PricedLine


@dataclass(frozen=True, slots=True)
class LineInsufficientStock:
    """Fewer units are left than the line asks for."""

    line: PricedLine
    available: int


@dataclass(frozen=True, slots=True)
class LineQuantityNotAllowed:
    """The variant's quantity rule has changed since the line was chosen."""

    line: PricedLine
    rule: QuantityRule


@dataclass(frozen=True, slots=True)
class LinePriceChanged:
    """The price is not the one that stood there when the line was added; no reason to stop."""

    line: PricedLine
    before: Money
    after: Money


@dataclass(frozen=True, slots=True)
class DiscountCodeInactive:
    """A code of the cart does not apply (any more); no reason to stop."""

    code: str
    reason: DiscountReason


@dataclass(frozen=True, slots=True)
class DeliveryOptionGone:
    """The chosen delivery is not offered (to this address) any more."""

    message: str


LineProblem = LineUnavailable | LineInsufficientStock | LineQuantityNotAllowed | LinePriceChanged
CartProblem = LineProblem | DiscountCodeInactive | DeliveryOptionGone


class CheckoutRequirement(Enum):
    """What a cart still lacks before it can be paid."""

    LINES = "LINES"
    EMAIL = "EMAIL"
    SHIPPING_ADDRESS = "SHIPPING_ADDRESS"
    DELIVERY_OPTION = "DELIVERY_OPTION"
    PROBLEMS_RESOLVED = "PROBLEMS_RESOLVED"


@dataclass(frozen=True, slots=True)
class CheckoutReadiness:
    """Whether the cart can be paid, and what is missing, in the order in which a checkout asks for it."""

    ready: bool
    missing: tuple[CheckoutRequirement, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """subtotal − discount + shipping + tax = total, exactly.

    shipping: None while no delivery is chosen; tax: what comes on top of the prices, None in a shop without tax data.
    Both count as nothing then. tax_lines: all taxes, those that the prices contain too.
    """

    subtotal: Money
    discount: Money
    shipping: Money | None
    tax: Money | None
    total: Money
    is_estimated: bool
    tax_lines: tuple[TaxLine, ...] = ()


@dataclass(frozen=True, slots=True)
class PricedCart:
    """A cart against today's prices, stock and delivery."""

    id: CartId
    version: int
    state: CartState
    currency: Currency
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    merged_into: CartId | None
    email: str | None
    note: str | None
    shipping_address: Address | None
    billing_address: Address | None
    lines: tuple[PricedLine, ...]
    total_quantity: int
    delivery_options: tuple[DeliveryOption, ...]
    selected_delivery_option: DeliveryOption | None
    requires_shipping: bool
    discount_codes: tuple[DiscountCode, ...]
    cost: Cost
    explain: tuple[PriceStep, ...]
    problems: tuple[CartProblem, ...]
    readiness: CheckoutReadiness
    shelf: Shelf = field(repr=False)
    applied: tuple[AppliedPromotion, ...] = field(repr=False, default=())
