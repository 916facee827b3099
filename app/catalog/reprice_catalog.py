"""Reprice the catalogue: make visible what promotions begin, change or end, without anybody asking.

find the promotions that prices do not show as they are -> reprice their products, a batch a transaction, each dropping
the cache tags of what it changed -> note the promotion as applied, unless it has changed in between

A run that dies is taken up by the next: repricing again changes nothing. See ADR-0019.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.catalog.price_book import DuePromotion, PriceBook
from app.core.clock import Clock
from app.core.ids import ProductId, VariantId

BATCH = 500  # products a transaction; an import waits for one


class PriceTransaction(Protocol):
    """What repricing needs of a transaction."""

    @property
    def prices(self) -> PriceBook:
        """Prices."""
        ...

    def drop_after_commit(self, tags: Iterable[str]) -> None:
        """Have the cache forget whatever carries these tags, once this transaction has been committed."""
        ...


class PriceTransactions(Protocol):
    """Opens transactions for prices."""

    def begin(self) -> AbstractAsyncContextManager[PriceTransaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        ...


@dataclass(frozen=True, slots=True)
class RepriceCatalog:
    """Make prices show the promotions of this moment. tags_of: the cache tags of what is made from these."""

    transactions: PriceTransactions
    clock: Clock
    tags_of: Callable[[Sequence[ProductId], Sequence[VariantId]], Iterable[str]]

    async def __call__(self) -> int:
        """Returns how many promotions there were to apply or to end. Concurrency: any number of workers."""
        now = self.clock.now()
        async with self.transactions.begin() as tx:
            due = await tx.prices.due_promotions(now=now)
        for promotion in due:
            await self._apply(promotion, now)
        return len(due)

    async def _apply(self, promotion: DuePromotion, now: datetime) -> None:
        after = ProductId(0)
        while True:
            async with self.transactions.begin() as tx:
                await tx.prices.lock()
                batch = await tx.prices.touched_products(promotion.id, after=after, limit=BATCH)
                if not batch:
                    await tx.prices.mark_applied(promotion)
                    return
                await tx.prices.begin_history(batch)
                changed = await tx.prices.reprice(batch, now=now)
                if changed:
                    tx.drop_after_commit(self.tags_of(batch, changed))
            after = batch[-1]
