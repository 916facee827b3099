"""Pools and sessions with PostgreSQL: which server a statement goes to, and what its failures mean.

`fetch_nearest` and `read_nearest` may use a replica and are for public catalogue data; `read_fresh` is the primary, one
statement at a time; `write` is one transaction on the primary. Reads run in AUTOCOMMIT: a BEGIN and a ROLLBACK around a
single SELECT cost a third more. A driver's failure leaves here as a `DatabaseUnavailable`, so nothing above knows the
driver. See ADR-0001 and ADR-0040.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import MappingProxyType
from typing import Any

import asyncpg
import msgspec
from sqlalchemy import ClauseElement, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.core import provenance
from app.database.direct import DirectReads, Hear, Row
from app.database.failures import translated

CONNECT_SECONDS = 1.0  # a server that accepts and never answers must not hold a request
ACQUIRE_SECONDS = 1.0
LOCK_MILLISECONDS = 1_000
IDLE_IN_TRANSACTION_MILLISECONDS = 10_000  # a stuck process must not keep its locks
NO_VALUES: Mapping[str, object] = MappingProxyType({})


class Database:
    """The primary, and a replica where there is one."""

    def __init__(self, url: str, primary: AsyncEngine, replica: AsyncEngine | None = None) -> None:
        self._url = url
        self._primary = primary
        self._fresh = primary.execution_options(isolation_level="AUTOCOMMIT")
        self._nearest = replica.execution_options(isolation_level="AUTOCOMMIT") if replica else self._fresh
        self._replica = replica
        self._direct = DirectReads(replica or primary)

    @classmethod
    def connect(
        cls, url: str, *, replica_url: str | None = None, pool_size: int, statement_timeout_seconds: int
    ) -> Database:
        """A database whose pools connect when first used."""
        primary = _engine(url, pool_size, statement_timeout_seconds)
        replica = _engine(replica_url, pool_size, statement_timeout_seconds) if replica_url else None
        return cls(url, primary, replica)

    @property
    def primary(self) -> AsyncEngine:
        """The primary's engine, for migrations."""
        return self._primary

    @contextmanager
    def heard(self, hear: Hear) -> Iterator[None]:
        """A block in which `hear` is told of each statement, and its values in order, before it is sent."""

        def hear_executed(_: object, __: object, statement: str, values: Sequence[object], *___: object) -> None:
            hear(statement, values)

        engines = {self._primary.sync_engine, (self._replica or self._primary).sync_engine}
        for engine in engines:
            event.listen(engine, "before_cursor_execute", hear_executed)
        self._direct.listeners.append(hear)
        try:
            yield
        finally:
            self._direct.listeners.remove(hear)
            for engine in engines:
                event.remove(engine, "before_cursor_execute", hear_executed)

    async def fetch_nearest(self, statement: ClauseElement, values: Mapping[str, object] = NO_VALUES) -> Sequence[Row]:
        """The rows of one statement on public data that may be a few seconds old; columns by place or `row["name"]`.

        statement: one that is kept, as each is compiled once and remembered; values: of its parameters by name.
        Raises DatabaseUnavailable.
        """
        provenance.is_for_this_request()
        return await self._direct.fetch(statement, values)

    @asynccontextmanager
    async def read_nearest(self) -> AsyncIterator[AsyncConnection]:
        """A connection for public data that may be a few seconds old."""
        self._direct.make_room()
        async with _session(self._nearest.connect()) as connection:
            yield connection

    @asynccontextmanager
    async def read_fresh(self) -> AsyncIterator[AsyncConnection]:
        """A connection to the primary: carts, orders and stock are read here only."""
        self._direct.make_room()
        async with _session(self._fresh.connect()) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction on the primary: committed on normal exit, rolled back on any exception."""
        self._direct.make_room()
        async with _session(self._primary.begin()) as connection:
            yield connection

    @asynccontextmanager
    async def write_at_leisure(self) -> AsyncIterator[AsyncConnection]:
        """One transaction on a connection of its own that no time limit of ours ends, for migrations."""
        engine = _engine(self._url, pool_size=1, statement_timeout_seconds=None)
        try:
            async with _session(engine.begin()) as connection:
                yield connection
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def apart(self, *, statement_timeout_seconds: int) -> AsyncIterator[asyncpg.Connection]:
        """The driver's own connection to the primary, outside the pool and any transaction, for whoever listens."""
        engine = _engine(self._url, pool_size=1, statement_timeout_seconds=statement_timeout_seconds)
        try:
            async with _session(engine.connect()) as connection:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                yield driver
        finally:
            await engine.dispose()

    async def close(self) -> None:
        """Close every pooled connection."""
        self._direct.give_back()
        await self._primary.dispose()
        if self._replica:
            await self._replica.dispose()


@asynccontextmanager
async def _session(opened: Any) -> AsyncIterator[AsyncConnection]:  # noqa: ANN401  two SQLAlchemy context types
    provenance.is_for_this_request()
    with translated():
        async with opened as connection:
            try:
                yield connection
            except (DBAPIError, OSError, TimeoutError) as error:
                if not isinstance(error, IntegrityError):  # asyncpg may be left between two messages: never pool that
                    await connection.invalidate()
                raise


def _engine(url: str, pool_size: int, statement_timeout_seconds: int | None) -> AsyncEngine:
    """statement_timeout_seconds: None for no limit at all."""
    limit = {} if statement_timeout_seconds is None else {"command_timeout": statement_timeout_seconds + 1}
    address = make_url(url).set(drivername="postgresql+asyncpg")
    if "sslmode" in address.query:  # what hosts hand out is libpq's spelling
        address = address.update_query_dict({"ssl": str(address.query["sslmode"])}).difference_update_query(["sslmode"])
    return create_async_engine(
        address,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=ACQUIRE_SECONDS,
        pool_use_lifo=True,
        hide_parameters=True,  # they are e-mail addresses and worse, and errors are logged
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
        connect_args={
            "timeout": CONNECT_SECONDS,
            **limit,  # behind the server's own, should it hang
            "server_settings": {
                "application_name": "cartograph",
                "statement_timeout": f"{statement_timeout_seconds or 0}s",
                "lock_timeout": f"{LOCK_MILLISECONDS}ms",
                "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_MILLISECONDS}ms",
                "jit": "off",  # compiling costs more than any of our statements
                "plan_cache_mode": "force_generic_plan",  # planning anew for each value costs as much as most of them
            },
        },
    )
