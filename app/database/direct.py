"""Reads on the driver's own connections, at an eighth of the time that SQLAlchemy takes to execute them.

SQLAlchemy writes the statements and owns the pool. A connection that has been borrowed from it stays at hand for the
next read, and goes back as soon as the pool has no other one left: both together never have more than the pool's size.
See ADR-0040.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import asyncpg
from sqlalchemy import ClauseElement, Dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from app.database.failures import translated

Row = asyncpg.Record
Hear = Callable[[str, Sequence[object]], None]

_STATEMENTS = 4_000  # more than the shapes of all our statements


class DirectReads:
    """Fetches rows, each statement in a transaction of its own, on connections of an engine's pool."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._compiled = lru_cache(_STATEMENTS)(partial(_compiled, engine.dialect))
        self._at_hand: list[PoolProxiedConnection] = []
        self.listeners: list[Hear] = []

    async def fetch(self, statement: ClauseElement, values: Mapping[str, object]) -> Sequence[Row]:
        """The rows of a statement. Raises DatabaseUnavailable."""
        sent = self._compiled(statement)
        arguments = sent.arguments(values)
        for hear in self.listeners:
            hear(sent.text, arguments)
        with translated():
            borrowed = await self._borrowed()
            driver: Any = borrowed.driver_connection
            try:
                rows: Sequence[Row] = await driver.fetch(sent.text, *arguments)
            except Exception:
                borrowed.invalidate()  # asyncpg may be left between two messages
                raise
            except BaseException:  # canceled: the driver has the server stop before it sends anything else
                self._keep(borrowed)
                raise
            self._keep(borrowed)
            return rows

    def make_room(self) -> None:
        """Give a connection back where the pool has no other one left, for whoever is about to ask it for one."""
        if self._at_hand and self._is_pool_used_up():
            self._at_hand.pop().close()

    def give_back(self) -> None:
        """Give back all connections that are not in use."""
        while self._at_hand:
            self._at_hand.pop().close()

    async def _borrowed(self) -> PoolProxiedConnection:
        while True:
            borrowed = self._at_hand.pop() if self._at_hand else await self._engine.raw_connection()
            driver: Any = borrowed.driver_connection
            if not driver.is_closed():
                return borrowed
            borrowed.invalidate()  # cut while nobody used it

    def _keep(self, borrowed: PoolProxiedConnection) -> None:
        if self._is_pool_used_up():
            borrowed.close()
        else:
            self._at_hand.append(borrowed)

    def _is_pool_used_up(self) -> bool:
        pool = self._engine.pool
        return isinstance(pool, QueuePool) and pool.checkedout() >= pool.size()


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as the driver takes it. names: of its values in order; converters: of those that need one."""

    text: str
    names: tuple[str, ...]
    constants: Mapping[str, object]
    converters: Mapping[str, Callable[[Any], Any]]

    def arguments(self, values: Mapping[str, object]) -> list[object]:
        known = {**self.constants, **values}
        known.update({name: convert(known[name]) for name, convert in self.converters.items()})
        return [known[name] for name in self.names]


def _compiled(dialect: Dialect, statement: ClauseElement) -> _Compiled:
    compiled: Any = statement.compile(dialect=dialect)
    converters = {
        name: convert
        for name, bind in compiled.binds.items()
        if (convert := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
    return _Compiled(str(compiled), tuple(compiled.positiontup or ()), constants, converters)
