"""Set list prices of a variant, in any currencies, and have every copy of what changed forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.catalog.price_book import ListPrice
from app.catalog.reprice_catalog import PriceTransactions
from app.core.clock import Clock
from app.core.ids import ProductId, VariantId
from app.core.money import Currency


class _RolledBack(Exception):
    """Ends a dry run's transaction."""


@dataclass(frozen=True, slots=True)
class SetPrices:
    """Set or remove list prices. tags_of: the cache tags of what is made from these."""

    transactions: PriceTransactions
    clock: Clock
    tags_of: Callable[[Sequence[ProductId], Sequence[VariantId]], Iterable[str]]

    async def __call__(self, sku: str, prices: Mapping[Currency, ListPrice | None], *, dry_run: bool = False) -> bool:
        """Returns whether anything changed; with dry_run, whether it would. Raises InvalidInput for an unknown sku."""
        changed = None
        try:
            async with self.transactions.begin() as tx:
                changed = await tx.prices.set_list(sku, prices, now=self.clock.now())
                if changed is not None:
                    tx.drop_after_commit(self.tags_of([changed[0]], [changed[1]]))
                if dry_run:
                    raise _RolledBack
        except _RolledBack:
            pass
        return changed is not None
