"""A database in memory: the stores of `tests.unit.fakes` over transactions that see and block each other.

As in PostgreSQL at READ COMMITTED: a statement sees what is committed when it begins, a record that another transaction
has written is waited for, `lock_timeout` ends the wait, constraints hold at the commit, and a process that is killed
takes its open transactions with it. Every call of a store is one statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import fields
from random import Random
from typing import Any

from app.core.changes import Change
from app.core.errors import DatabaseUnavailable
from app.jobs.domain import merged
from tests.resilience.facts import Transition
from tests.resilience.simulation.constraints import broken_constraints
from tests.resilience.simulation.overlay import OverlayDict, OverlayList
from tests.resilience.simulation.process import Process
from tests.resilience.simulation.provider_stores import (
    MemoryComparison,
    MemoryDisputes,
    MemoryEvents,
    MemoryFindings,
)
from tests.resilience.simulation.state_log import transitions_of
from tests.unit.fakes import Books, MemoryTransaction, what_changed

LOCK_SECONDS = 1.0  # as `lock_timeout` is set
SKIPS_LOCKED = frozenset({("attempts", "hasten_queued")})


class WouldBlock(Exception):
    """Another transaction has the lock."""

    def __init__(self, holder: SimulatedTransaction) -> None:
        super().__init__()
        self.holder = holder


class ConstraintBroken(Exception):
    """What the database would have refused: a unique key, a CHECK, a transition that is not drawn."""


class SimulatedDatabase:
    """Everything that is committed. pauses: how long a statement takes; hiccup: whether a commit's answer is lost."""

    def __init__(self, random: Random, note: Callable[[str], None]) -> None:
        self.books = Books()
        self.log: list[Transition] = []
        self.committed = asyncio.Event()
        self.announced: list[set[Change]] = []
        self.is_up = True
        self.hiccup: Callable[[], bool] = lambda: False
        self.note = note
        self.locks: dict[object, SimulatedTransaction] = {}
        self._open: dict[SimulatedTransaction, None] = {}
        self._random = random

    async def round_trip(self) -> None:
        """The time that a statement takes."""
        await asyncio.sleep(self._random.choice((0.0, 0.001, 0.004)))

    def tell_of_commit(self) -> None:
        """Wake whoever waits for something new."""
        self.committed.set()
        self.committed = asyncio.Event()

    def merge_jobs(self) -> None:
        """Have one job of each key wait."""
        self.books.jobs[:] = merged((), self.books.jobs)

    def open(self, transaction: SimulatedTransaction) -> None:
        """Know of a transaction, so that a killed process loses it."""
        self._open[transaction] = None

    def close(self, transaction: SimulatedTransaction) -> None:
        """Let its locks go, and who waits for them."""
        self._open.pop(transaction, None)
        for lock, holder in list(self.locks.items()):
            if holder is transaction:
                del self.locks[lock]
        transaction.ended.set()

    def lose(self, process: Process) -> None:
        """Roll back what a killed process had open; a commit that was on its way may have arrived."""
        for transaction in list(self._open):
            if transaction.process is process:
                if transaction.is_committing and self._random.random() < 0.5:
                    transaction.apply()
                self.close(transaction)


class _OverlaidBooks(Books):
    """Books over the tables of one transaction, also where a store gives a table a new list."""

    def __init__(self, overlay: Callable[[str], OverlayDict | OverlayList]) -> None:
        """Show tables, each made when it is first looked at: most transactions look at few."""
        self.__dict__["_overlay"] = overlay

    def __getattr__(self, name: str) -> Any:
        table = self.__dict__[name] = self.__dict__["_overlay"](name)
        return table

    def __setattr__(self, name: str, rows: Any) -> None:
        table = getattr(self, name)
        if rows is not table:  # it is where a store has said `books.table |= rows`
            table.assign(rows)


class SimulatedTransaction:
    """One transaction, and the stores on it."""

    def __init__(self, database: SimulatedDatabase, process: Process | None) -> None:
        self.process = process
        self.ended = asyncio.Event()
        self.is_committing = False
        self.log: list[Transition] = []
        self._database = database
        self._tables: dict[str, OverlayDict | OverlayList] = {}
        self.books = _OverlaidBooks(self._overlay)
        self.stores = MemoryTransaction(self.books, [], lambda _: None, locked=LockedCarts(self))
        self.of_provider = {
            "payment_events": MemoryEvents(self.books),
            "disputes": MemoryDisputes(self.books),
            "findings": MemoryFindings(self.books),
            "books": MemoryComparison(self.books),
        }

    def _overlay(self, name: str) -> OverlayDict | OverlayList:
        committed = getattr(self._database.books, name)
        if isinstance(committed, list):
            self._tables[name] = OverlayList(name, committed)
        else:
            self._tables[name] = OverlayDict(name, committed, self.take, self._written)
        return self._tables[name]

    def take(self, lock: object) -> None:
        """Have the lock until the end; raises WouldBlock."""
        holder = self._database.locks.setdefault(lock, self)
        if holder is not self:
            raise WouldBlock(holder)

    async def statement(self, name: tuple[str, str], call: Callable[[], Any]) -> Any:
        """Run one call of a store as a statement."""
        await self._reach_database()
        while True:
            savepoints = {key: table.savepoint() for key, table in self._tables.items()}
            logged = len(self.log)
            try:
                with self._hidden(name in SKIPS_LOCKED):
                    return await call()
            except WouldBlock as blocked:
                for key, table in self._tables.items():
                    table.roll_back_to(savepoints.get(key))  # type: ignore[arg-type]
                del self.log[logged:]
                await self._wait_for(blocked.holder)

    async def commit(self) -> None:
        """Make everything true at once, or raise and leave nothing."""
        self.is_committing = True
        await self._reach_database()
        self.is_committing = False
        broken = broken_constraints(self.books)
        if broken:
            raise ConstraintBroken("; ".join(broken))
        assert what_changed_by(self) <= self.stores.changes, "what has changed is announced"
        self.apply()
        if self._database.hiccup():
            raise DatabaseUnavailable("the commit's answer was lost")

    def apply(self) -> None:
        """Commit."""
        for table in self._tables.values():
            table.apply()
        self._database.log += self.log
        self._database.tell_of_commit()

    def changed(self, table: str) -> dict[Any, tuple[Any, Any]]:
        """Key → the record before and after, of a table with keys."""
        overlay = getattr(self.books, table)
        assert isinstance(overlay, OverlayDict)
        return overlay.changes()

    async def _reach_database(self) -> None:
        await self._database.round_trip()
        if self.process is not None:
            self.process.insist_on_life()
        if not self._database.is_up:
            raise DatabaseUnavailable("the database is away")

    async def _wait_for(self, holder: SimulatedTransaction) -> None:
        try:
            await asyncio.wait_for(holder.ended.wait(), LOCK_SECONDS)
        except TimeoutError:
            raise DatabaseUnavailable("the lock was not to be had in time") from None
        await self._reach_database()

    def _hidden(self, skips_locked: bool) -> _Hidden:
        tables = [getattr(self.books, each.name) for each in fields(Books)] if skips_locked else []
        return _Hidden([table for table in tables if isinstance(table, OverlayDict)], self)

    def is_locked_by_another(self, lock: object) -> bool:
        """What SKIP LOCKED leaves out."""
        return self._database.locks.get(lock, self) is not self

    def _written(self, table: str, key: object, before: Any, after: Any) -> None:
        self.log += transitions_of(table, key, before, after)


class _Hidden:
    """While it lasts, records that others have locked are not seen."""

    def __init__(self, tables: Sequence[OverlayDict], transaction: SimulatedTransaction) -> None:
        self._tables = tables
        self._transaction = transaction

    def __enter__(self) -> None:
        for table in self._tables:
            table.hidden = self._transaction.is_locked_by_another

    def __exit__(self, *_: object) -> None:
        for table in self._tables:
            table.hidden = lambda _: False


class LockedCarts(set[Any]):
    """The carts whose lock a transaction has: adding one takes it."""

    def __init__(self, transaction: SimulatedTransaction) -> None:
        super().__init__()
        self._transaction = transaction

    def add(self, cart_id: Any) -> None:
        """Lock a cart."""
        self._transaction.take(("carts", cart_id))
        super().add(cart_id)

    def __ior__(self, ids: Any) -> LockedCarts:  # type: ignore[override,misc]
        for each in sorted(ids):
            self.add(each)
        return self


def what_changed_by(transaction: SimulatedTransaction) -> set[Change]:
    """The changes that somebody may be watching."""
    before, after = Books(), Books()
    for name in ("carts", "orders", "attempts"):
        for key, (old, new) in transaction.changed(name).items():
            if old is not None and new is not None:
                getattr(before, name)[key], getattr(after, name)[key] = old, new
    return what_changed(before, after)
