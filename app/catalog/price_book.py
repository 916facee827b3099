"""The catalogue's prices as those see them who write them: lists, and what promotions make of them. See ADR-0019."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.core.ids import ProductId, PromotionId, VariantId
from app.core.money import Currency


@dataclass(frozen=True, slots=True)
class ListPrice:
    """A price before promotions, in minor units, and what it is compared with."""

    minor: int
    compare_at_minor: int | None = None


@dataclass(frozen=True, slots=True)
class DuePromotion:
    """A promotion of the catalogue that prices do not show as it is. is_on: whether it reduces them now."""

    id: PromotionId
    revision: int
    is_on: bool


class PriceBook(Protocol):
    """The catalogue's prices inside one transaction: lists, what promotions make of them, and their history."""

    async def lock(self) -> None:
        """Be the only one who writes prices until the transaction ends; waits for another's batch."""
        ...

    async def set_list(
        self, sku: str, prices: Mapping[Currency, ListPrice | None], *, now: datetime
    ) -> tuple[ProductId, VariantId] | None:
        """Set, or where None remove, list prices of a variant; whose they are, None where nothing changed.

        Raises InvalidInput when there is no such variant.
        """
        ...

    async def reprice(self, ids: Sequence[ProductId], *, now: datetime) -> list[VariantId]:
        """Apply the promotions of this moment to the products' prices; the variants whose price that changed."""
        ...

    async def begin_history(self, ids: Sequence[ProductId]) -> None:
        """Record the prices of products whose history nobody has kept so far."""
        ...

    async def due_promotions(self, *, now: datetime) -> list[DuePromotion]:
        """Promotions of the catalogue that prices do not show as they are at this moment."""
        ...

    async def touched_products(self, promotion_id: PromotionId, *, after: ProductId, limit: int) -> list[ProductId]:
        """Products that a promotion is about or has reduced, in the order of their keys."""
        ...

    async def mark_applied(self, promotion: DuePromotion) -> None:
        """Note that prices show the promotion, unless it has changed since."""
        ...
