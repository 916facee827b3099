"""Store a shop's search rules, and have every search that they change forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from app.catalog.search_rules import MissingThing, SearchRules


class RulesWriter(Protocol):
    """The rules' store inside one transaction."""

    async def store(self, rules: SearchRules) -> Sequence[MissingThing]:
        """Store the rules; returns the products and categories that there are not, which are left out."""
        ...


class RulesTransaction(Protocol):
    """What storing rules needs of a transaction."""

    @property
    def search_rules(self) -> RulesWriter:
        """The rules' store."""
        ...

    def drop_after_commit(self, tags: Iterable[str]) -> None:
        """Have the cache forget whatever carries these tags, once this transaction has been committed."""
        ...


class RulesTransactions(Protocol):
    """Opens transactions for search rules."""

    def begin(self) -> AbstractAsyncContextManager[RulesTransaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        ...


class _RolledBack(Exception):
    """Ends a dry run's transaction."""


@dataclass(frozen=True, slots=True)
class StoreRules:
    """Store search rules. tags: of every search."""

    transactions: RulesTransactions
    tags: Callable[[], Iterable[str]]

    async def __call__(self, rules: SearchRules, *, dry_run: bool = False) -> Sequence[MissingThing]:
        """Store the rules in one transaction; with dry_run, find out what that would do and undo it."""
        missing: Sequence[MissingThing] = ()
        try:
            async with self.transactions.begin() as tx:
                missing = await tx.search_rules.store(rules)
                tx.drop_after_commit(self.tags())
                if dry_run:
                    raise _RolledBack
        except _RolledBack:
            pass
        return missing
