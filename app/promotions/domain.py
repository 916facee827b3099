"""Promotions as records: who gets what off, on which goods, until when. See ADR-0019."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from app.core.discount import DiscountReason
from app.core.ids import CartId, CategoryId, OrderId, ProductId, PromotionId
from app.core.money import Currency, Money

MAX_CODES = 10  # of one cart
MAX_AUTOMATIC = 50  # promotions that apply by themselves at one time, the oldest first
MAX_CODE_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Scope:
    """Which goods a promotion is about: those that any of the three names; all goods where nothing is named.

    categories: each with its whole subtree.
    """

    products: frozenset[ProductId] = frozenset()
    categories: frozenset[CategoryId] = frozenset()
    brands: frozenset[str] = frozenset()

    def has(self, item: Item) -> bool:
        """Whether the item is one of the goods."""
        if not (self.products or self.categories or self.brands):
            return True
        return (
            item.product_id in self.products
            or not self.categories.isdisjoint(item.category_ids)
            or item.brand in self.brands
        )


@dataclass(frozen=True, slots=True)
class Percent:
    """A part of the price of the goods. ppm: millionths, 1 to 1,000,000."""

    ppm: int


@dataclass(frozen=True, slots=True)
class Fixed:
    """An amount off the goods together, in minor units by currency; no more than they cost."""

    amounts: Mapping[Currency, int]


@dataclass(frozen=True, slots=True)
class FreeShipping:
    """The chosen delivery costs nothing."""


@dataclass(frozen=True, slots=True)
class BuyXGetY:
    """Of every buy + get units, the get cheapest are reduced. ppm: by how much, 1,000,000 for free."""

    buy: int
    get: int
    ppm: int


Effect = Percent | Fixed | FreeShipping | BuyXGetY
ALL_GOODS = Scope()


@dataclass(frozen=True, slots=True)
class CartPromotion:
    """A discount on carts, as one cart meets it.

    code: None where it applies by itself; minimum: what the goods must cost before discounts, in minor units by
    currency; where it is given, other currencies are not served. used, used_by_buyer: orders that had it, canceled
    ones left out.
    """

    id: PromotionId
    name: str
    effect: Effect
    code: str | None = None
    scope: Scope = ALL_GOODS
    minimum: Mapping[Currency, int] = field(default_factory=dict)
    first_order_only: bool = False
    combinable: bool = True
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    usage_limit: int | None = None
    usage_limit_per_customer: int | None = None
    used: int = 0
    used_by_buyer: int = 0


@dataclass(frozen=True, slots=True)
class Offered:
    """What promotions there are for a cart: those that apply by themselves, and those of its codes.

    has_ordered: whether the buyer, as far as they are known, has bought here before.
    """

    promotions: tuple[CartPromotion, ...] = ()
    has_ordered: bool = False


NOTHING_OFFERED = Offered()


@dataclass(frozen=True, slots=True)
class Item:
    """A cart's line as promotions see it. price_minor: of one unit."""

    product_id: ProductId | None
    category_ids: frozenset[CategoryId]
    brand: str | None
    price_minor: int
    quantity: int

    @property
    def subtotal(self) -> int:
        """Of all units, in minor units."""
        return self.price_minor * self.quantity


# ------------------------------------------------------------------------------------------------ outcomes


@dataclass(frozen=True, slots=True)
class AppliedPromotion:
    """What a promotion took off. by_item: from each item, in their order; shipping: from the delivery."""

    promotion: CartPromotion
    by_item: tuple[int, ...]
    shipping: int

    @property
    def minor(self) -> int:
        """In all, in minor units."""
        return sum(self.by_item) + self.shipping


@dataclass(frozen=True, slots=True)
class DiscountCode:
    """A code of a cart, and what came of it. missing: what the goods cost too little; amount: what it took off."""

    code: str
    reason: DiscountReason | None
    missing: Money | None = None
    amount: Money | None = None

    @property
    def applicable(self) -> bool:
        """Whether the discount is given."""
        return self.reason is None


# ------------------------------------------------------------------------------------------------ imports and ports


class PromotionKind(Enum):
    """What a promotion works on: carts, or the prices in the catalogue."""

    CART = "cart"
    CATALOG = "catalog"


@dataclass(frozen=True, slots=True)
class PromotionDraft:
    """A promotion as an import hands it in.

    products: import keys or slugs; categories: paths from the root. The rest as in `CartPromotion`.
    """

    key: str
    kind: PromotionKind
    name: str
    effect: Effect
    code: str | None = None
    products: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    brands: tuple[str, ...] = ()
    minimum: Mapping[Currency, int] = field(default_factory=dict)
    first_order_only: bool = False
    combinable: bool = True
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    usage_limit: int | None = None
    usage_limit_per_customer: int | None = None
    active: bool = True


class PromotionReader(Protocol):
    """Promotions as carts meet them."""

    async def offered_to(self, cart_id: CartId, codes: Sequence[str], email: str | None, *, now: datetime) -> Offered:
        """Promotions that apply by themselves now, and those of these codes. The cart's own order is not counted."""
        ...


class PromotionStore(PromotionReader, Protocol):
    """Promotions and their uses inside one transaction."""

    async def lock_limited(self, codes: Sequence[str], *, now: datetime) -> None:
        """Hold, until the transaction ends, every promotion of `offered_to` that may run out for a buyer."""
        ...

    async def use(self, order_id: OrderId, email: str, applied: Sequence[AppliedPromotion]) -> None:
        """Count the uses of an order: all of them, or none.

        Raises DiscountNotApplicable (USAGE_LIMIT) when one has run out.
        """
        ...

    async def release(self, order_id: OrderId) -> None:
        """Give back the uses of an order that came to nothing."""
        ...


class PromotionWriter(Protocol):
    """Promotions inside one transaction, for imports."""

    async def store(self, draft: PromotionDraft) -> bool:
        """Make the promotion with this key what the draft says; returns whether anything changed.

        Raises InvalidInput when it names goods that do not exist, another promotion's code, or a limit below its uses.
        """
        ...


def normalised_code(code: str) -> str:
    """The code as it is kept: without spaces around it, in upper case."""
    return code.strip().upper()
