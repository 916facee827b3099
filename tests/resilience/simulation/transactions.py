"""What use cases get of the simulated database: `Transactions`, whose stores' calls are statements."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from tests.resilience.simulation.database import SimulatedDatabase, SimulatedTransaction
from tests.resilience.simulation.process import CURRENT

INSIDE: ContextVar[int] = ContextVar("INSIDE", default=0)  # how many transactions a task has open


class Statements:
    """A store whose calls are statements of a transaction."""

    def __init__(self, name: str, store: Any, transaction: SimulatedTransaction) -> None:
        self._name = name
        self._store = store
        self._transaction = transaction

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._store, method)
        if not inspect.iscoroutinefunction(call):
            return call

        async def statement(*values: Any, **named: Any) -> Any:
            return await self._transaction.statement((self._name, method), lambda: call(*values, **named))

        return statement


class Stores:
    """What a use case gets: every store by its name, and what it announces."""

    def __init__(self, transaction: SimulatedTransaction) -> None:
        self._transaction = transaction

    def __getattr__(self, name: str) -> Any:
        found = self._transaction.of_provider.get(name) or getattr(self._transaction.stores, name)
        return found if callable(found) or isinstance(found, set) else Statements(name, found, self._transaction)


class SimulatedTransactions:
    """`Transactions` of one process."""

    def __init__(self, database: SimulatedDatabase) -> None:
        self._database = database

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        """One transaction."""
        transaction = SimulatedTransaction(self._database, CURRENT.get())
        self._database.open(transaction)
        INSIDE.set(INSIDE.get() + 1)
        try:
            yield Stores(transaction)
            await transaction.commit()
        finally:
            INSIDE.set(INSIDE.get() - 1)
            self._database.close(transaction)
        if transaction.stores.changes:
            self._database.announced.append(transaction.stores.changes)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        """Reads, each for itself."""
        transaction = SimulatedTransaction(self._database, CURRENT.get())
        yield Stores(transaction)
