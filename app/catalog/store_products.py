"""Store a batch of product drafts, and have every copy of what changed forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from app.catalog.domain import CatalogWriter, ImportOutcome, ProductDraft
from app.core.clock import Clock
from app.core.ids import ProductId, VariantId


class CatalogTransaction(Protocol):
    """What storing products needs of a transaction."""

    @property
    def catalog(self) -> CatalogWriter:
        """The catalogue's store."""
        ...

    def drop_after_commit(self, tags: Iterable[str]) -> None:
        """Have the cache forget whatever carries these tags, once this transaction has been committed."""
        ...


class CatalogTransactions(Protocol):
    """Opens transactions for the catalogue."""

    def begin(self) -> AbstractAsyncContextManager[CatalogTransaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        ...


class _RolledBack(Exception):
    """Ends a dry run's transaction."""


@dataclass(frozen=True, slots=True)
class StoreProducts:
    """Create or update products. tags_of: the cache tags of what is made from these."""

    transactions: CatalogTransactions
    clock: Clock
    tags_of: Callable[[Sequence[ProductId], Sequence[VariantId]], Iterable[str]]

    async def __call__(
        self, drafts: Sequence[ProductDraft], *, dry_run: bool = False, index: bool = True
    ) -> ImportOutcome:
        """Store the drafts in one transaction; with dry_run, find out what that would do and undo it.

        index: False leaves it to a rebuild to have them found.
        """
        try:
            async with self.transactions.begin() as tx:
                outcome = await tx.catalog.upsert(drafts, now=self.clock.now(), index=index)
                if outcome.product_ids:
                    tx.drop_after_commit(self.tags_of(outcome.product_ids, outcome.variant_ids))
                if dry_run:
                    raise _RolledBack
        except _RolledBack:
            pass
        return outcome
