"""Build the index anew beside the one that is searched, and put it in its place.

note changes -> fill and index the new tables -> catch up with the changes -> lock writers, catch up, rename

The lock keeps out whoever writes, and imports wait before they have locked anything: so nobody waits for each other.
Searches run all the while: until the last step on the old tables, after it on the new ones, and the step between takes
a moment. New rows stand in the order in which they are asked for: each sample together, in it category and popularity.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ARRAY, BigInteger, TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.catalog.price_sql import LOCK_IMPORTS
from app.catalog.search_documents import HITS, Marking, SearchDocuments
from app.catalog.search_documents_sql import price_places
from app.catalog.search_marks_sql import STEPS_OF_PRODUCTS
from app.catalog.search_steps_sql import price_steps
from app.catalog.upkeep_sql import SET_BUILT, TIER_BOUNDS_OF_PRODUCTS
from app.core.errors import OperationalError
from app.core.money import Currency
from app.database.engine import Database
from app.database.search_tables import sample_level

PRICES = "product_price_order"
TABLES = (HITS, PRICES)
NEXT = "_next"
_BATCH = 2_000
_FEW_CHANGES = 500  # so few are caught up with while writers wait
_LOCK = 0x5EA_4C4
_SWAP_LOCK_SECONDS = 5
_TIDIED = "autovacuum_enabled, toast.autovacuum_enabled"
_UNTIDIED = "autovacuum_enabled = off, toast.autovacuum_enabled = off"  # a vacuum's lock would keep indexes from coming

_PRODUCTS = text(f"""
    SELECT id FROM product ORDER BY {sample_level("id")}, category_id, popularity DESC, id DESC
""")
_NOTE_CHANGES = (
    "CREATE OR REPLACE FUNCTION note_search_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO search_change VALUES (coalesce(NEW.product_id, OLD.product_id)); RETURN NULL; END $$",
    "DELETE FROM search_change",
    "CREATE OR REPLACE TRIGGER note_search_change AFTER INSERT OR UPDATE OR DELETE ON product_search"
    " FOR EACH ROW EXECUTE FUNCTION note_search_change()",
)
_INDEXES = text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = :table AND schemaname = current_schema()")
_CONSTRAINTS = text("""
    SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
    WHERE conrelid = CAST(:table AS regclass) AND contype = 'p'
""")
_OPTIONS = text("SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = CAST(:table AS regclass)")
_PRICE_STEPS = price_steps(HITS + NEXT)
_PLACES = f"INSERT INTO {PRICES}{NEXT} {price_places(HITS + NEXT, 'CAST(:price_steps AS bigint[])')}"
_STEPS = bindparam("price_steps", type_=ARRAY(BigInteger))
_FILL_PRICES = text(f"{_PLACES} ORDER BY 1, 2, 3").bindparams(_STEPS)
_FILL_PRICES_OF = text(f"{_PLACES} WHERE product.id = ANY(CAST(:ids AS int[]))").bindparams(_STEPS)


class RebuildUnderWay(OperationalError):
    """Another process builds the index."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the tiers and the steps of all orders begin, so that new rows are marked as they are written."""

    marked: Marking
    price_steps: list[int]


@dataclass(frozen=True, slots=True)
class RebuildSearch:
    """Build the index anew. currency, language: the shop's own."""

    database: Database
    currency: Currency
    language: str

    async def __call__(self, progress: Callable[[int, int], None] = lambda done, total: None) -> int:
        """How many products were read. progress: told how many of all. Raises RebuildUnderWay beside another one."""
        async with self.database.write_at_leisure() as guard:
            await guard.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            if not (await guard.execute(text(f"SELECT pg_try_advisory_xact_lock({_LOCK})"))).scalar_one():
                raise RebuildUnderWay("the search index is being rebuilt already: wait for it")
            await self._run(*_NOTE_CHANGES)
            (tiers,) = await self._row(TIER_BOUNDS_OF_PRODUCTS)
            marked = Marking(tiers, *await self._row(STEPS_OF_PRODUCTS))
            total = await self._fill(progress, marked)
            bounds = Bounds(marked, *await self._row(_PRICE_STEPS))
            await self._build_indexes(bounds)
            while await self._catch_up(_BATCH, bounds) >= _FEW_CHANGES:
                pass
            await self._swap(bounds, total)
        return total

    async def _row(self, query: TextClause) -> Sequence[Any]:
        async with self.database.read_fresh() as connection:
            return (await connection.execute(query)).one()

    async def _fill(self, progress: Callable[[int, int], None], marked: Marking) -> int:
        for table in TABLES:
            async with self.database.write() as connection:
                options = (await connection.execute(_OPTIONS, {"table": table})).scalar()
                await connection.execute(text(f"DROP TABLE IF EXISTS {table}{NEXT}"))
                copied = f"LIKE {table} INCLUDING DEFAULTS INCLUDING STORAGE"
                stored = f"WITH ({options})" if options else ""
                await connection.execute(text(f"CREATE TABLE {table}{NEXT} ({copied}) {stored}"))
                await connection.execute(text(f"ALTER TABLE {table}{NEXT} SET ({_UNTIDIED})"))
        async with self.database.read_fresh() as connection:
            ids = (await connection.execute(_PRODUCTS)).scalars().all()
        try:
            await self._write_all(ids, progress, marked)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed  # a task's own failure, as its caller would see it
        progress(len(ids), len(ids))
        return len(ids)

    async def _write_all(self, ids: Sequence[int], progress: Callable[[int, int], None], marked: Marking) -> None:
        documents: SearchDocuments | None = None
        written: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as tasks:  # the database writes one batch while the next one is put into words
            for start in range(0, len(ids), _BATCH):
                async with self.database.write() as connection:  # short: imports wait for the words that it adds
                    documents = self._documents(connection, documents)
                    rows = await documents.prepare(ids[start : start + _BATCH])
                if written is not None:
                    await written
                written = tasks.create_task(self._write(rows, marked))
                progress(start, len(ids))

    async def _write(self, rows: Sequence[dict[str, object]], marked: Marking) -> None:
        async with self.database.write() as connection:
            await self._documents(connection).write(rows, into=HITS + NEXT, marked=marked)

    def _documents(self, connection: AsyncConnection, before: SearchDocuments | None = None) -> SearchDocuments:
        if before is None:
            return SearchDocuments(connection, self.currency, self.language)
        before.connection = connection  # it remembers facets and words
        return before

    async def _build_indexes(self, bounds: Bounds) -> None:
        async with self.database.write_at_leisure() as connection:
            await connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
            await connection.execute(_FILL_PRICES, {"price_steps": bounds.price_steps})
            for table in TABLES:
                for constraint in await _all(connection, _CONSTRAINTS, table):
                    name = f"{constraint.conname}{NEXT}"
                    await connection.execute(
                        text(f"ALTER TABLE {table}{NEXT} ADD CONSTRAINT {name} {constraint.definition}")
                    )
                for index in await _all(connection, _INDEXES, table):
                    if not index.indexname.endswith("_pkey"):
                        await connection.execute(text(_for_next(index.indexdef, index.indexname, table)))
                await connection.execute(text(f"ANALYZE {table}{NEXT}"))

    async def _catch_up(self, most: int, bounds: Bounds) -> int:
        async with self.database.write() as connection:
            return await self._apply_changes(connection, most, bounds)

    async def _apply_changes(self, connection: AsyncConnection, most: int, bounds: Bounds) -> int:
        taken = text(
            "DELETE FROM search_change WHERE ctid = ANY(ARRAY(SELECT ctid FROM search_change LIMIT :most))"
            " RETURNING product_id"
        )
        ids = sorted(set((await connection.execute(taken, {"most": most})).scalars()))
        if ids:
            for table in TABLES:
                gone = text(f"DELETE FROM {table}{NEXT} WHERE product_id = ANY(CAST(:ids AS int[]))")
                await connection.execute(gone, {"ids": ids})
            documents = self._documents(connection)
            rows = await documents.prepare(ids)
            await documents.write(rows, into=HITS + NEXT, marked=bounds.marked)
            await connection.execute(_FILL_PRICES_OF, {"price_steps": bounds.price_steps, "ids": ids})
        return len(ids)

    async def _swap(self, bounds: Bounds, total: int) -> None:
        async with self.database.write_at_leisure() as connection:
            await connection.execute(text(f"SET LOCAL lock_timeout = '{_SWAP_LOCK_SECONDS}s'"))
            await connection.execute(LOCK_IMPORTS)
            await connection.execute(text(f"LOCK TABLE {', '.join(TABLES)} IN EXCLUSIVE MODE"))
            while await self._apply_changes(connection, _BATCH, bounds):
                pass
            built = {**asdict(bounds.marked), "price_steps": bounds.price_steps, "built_count": total}
            await connection.execute(SET_BUILT, built)
            for table in TABLES:
                names = [row.indexname for row in await _all(connection, _INDEXES, table)]
                await connection.execute(text(f"DROP TABLE {table}"))
                await connection.execute(text(f"ALTER TABLE {table}{NEXT} RESET ({_TIDIED})"))
                await connection.execute(text(f"ALTER TABLE {table}{NEXT} RENAME TO {table}"))
                for name in names:
                    await connection.execute(text(f"ALTER INDEX {name}{NEXT} RENAME TO {name}"))

    async def _run(self, *statements: str) -> None:
        async with self.database.write() as connection:
            for statement in statements:
                await connection.execute(text(statement))


def _for_next(definition: str, name: str, table: str) -> str:
    """The statement that makes an index of a table, for the table that will take its place."""
    renamed = re.sub(rf"\b{name}\b", f"{name}{NEXT}", definition, count=1)
    return re.sub(rf"\b{table} USING", f"{table}{NEXT} USING", renamed, count=1).replace(":", r"\:")


async def _all(connection: AsyncConnection, statement: Any, table: str) -> Sequence[Any]:  # noqa: ANN401  Executable
    return (await connection.execute(statement, {"table": table})).all()
