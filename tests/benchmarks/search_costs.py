"""What a search costs: wall clock, the database's CPU to the nanosecond, memory, disk, and what an update writes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text

from app.bootstrap import Shop
from app.catalog.search_documents import SearchDocuments
from app.core.money import Currency

Call = Callable[[], Awaitable[Any]]
_LEAST_CALLS = 60
_UPDATES = 60
_USED_BUFFERS = """
    SELECT count(*) * current_setting('block_size')::int FROM pg_buffercache
    WHERE reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_STOCK_FLIP = """
    UPDATE stock SET on_hand = CASE WHEN on_hand > reserved THEN reserved ELSE reserved + 5 END, policy = 'deny'
    WHERE variant_id IN (SELECT id FROM variant WHERE product_id = :id)
"""
_NEW_WORD = "UPDATE product SET description = description || ' w' || (random() * 1000000)::int WHERE id = :id"
_PRICE = """
    UPDATE product_search SET price_min_minor = price_min_minor + 100, price_max_minor = price_max_minor + 100
    WHERE product_id = :id
"""


class Served(msgspec.Struct, frozen=True):
    """What a whole request takes besides: milliseconds of CPU of the API (all processes), of Redis and of the client.

    per_second: how many were answered.
    """

    api: float
    redis: float
    client: float
    per_second: float


class Cost(msgspec.Struct, frozen=True):
    """Milliseconds of one call: wall clock at p50 and p95, and CPU of the database (or of the engine in this process).

    served: of whole requests only.
    """

    p50: float
    p95: float
    cpu: float
    served: Served | None = None

    @property
    def total(self) -> float:
        """Milliseconds of CPU of all that answers it, the client left out."""
        return self.cpu + (self.served.api + self.served.redis if self.served else 0.0)


async def backends(shop: Shop) -> list[int]:
    """The processes that serve this database's clients."""
    query = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type <> 'autovacuum'")
    async with shop.database.read_fresh() as connection:
        return list((await connection.execute(query)).scalars())


def cpu_seconds(pids: Iterable[int]) -> float:
    """What these processes have computed so far, all their threads."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0])
    return total / 1e9


def family(pid: int) -> list[int]:
    """A process and all that it has started, and these in turn."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()
    ]
    return [pid, *(each for child in children for each in family(child))]


def percentiles(times: list[float], cpu: float, served: Served | None = None) -> Cost:
    """The cost of calls that took these seconds, cpu of them all together."""
    ordered = sorted(times)
    count = len(ordered)
    return Cost(ordered[count // 2] * 1e3, ordered[int(count * 0.95)] * 1e3, max(cpu, 0) / count * 1e3, served)


async def measure(shop: Shop, calls: Sequence[Call], seconds: float) -> Cost:
    """The cost of calls in rotation, one at a time, after a round of warming up."""
    rotating = itertools.cycle(calls)
    for call in itertools.islice(rotating, min(max(len(calls), 20), 80)):
        await call()
    before, started = cpu_seconds(await backends(shop)), time.perf_counter()
    times: list[float] = []
    while time.perf_counter() - started < seconds or len(times) < _LEAST_CALLS:
        begun = time.perf_counter()
        await next(rotating)()
        times.append(time.perf_counter() - begun)
    return percentiles(times, cpu_seconds(await backends(shop)) - before)


def measure_here(calls: Sequence[Callable[[], None]], seconds: float) -> Cost:
    """The cost of calls that happen in this process: all of its CPU is the engine's."""
    times: list[float] = []
    started, before = time.perf_counter(), time.process_time()
    for call in itertools.cycle(calls):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
        if time.perf_counter() - started > seconds and len(times) >= _LEAST_CALLS:
            break
    return percentiles(times, time.process_time() - before)


async def disk(shop: Shop) -> dict[str, float]:
    """Megabytes of every table and index of search, and of the whole database."""
    query = text("""
        SELECT relname AS name, pg_relation_size(oid) + CASE WHEN relkind = 'r' THEN
               coalesce(pg_total_relation_size(nullif(reltoastrelid, 0)), 0) ELSE 0 END AS bytes
        FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = current_schema()::regnamespace
        AND relname ~ '^(product_search|product_price|search_|facet_value)'
        UNION ALL SELECT 'the whole database', pg_database_size(current_database()) ORDER BY bytes DESC
    """)
    async with shop.database.read_fresh() as connection:
        return {row.name: row.bytes / 1e6 for row in (await connection.execute(query)).all() if row.bytes > 1e6}


async def memory(shop: Shop) -> dict[str, float]:
    """Megabytes: shared buffers, how much of them search has, and what each backend has for itself."""
    async with shop.database.write() as connection:
        await connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_buffercache"))
        buffers = (await connection.execute(text("SELECT pg_size_bytes(current_setting('shared_buffers'))"))).scalar()
        used = (await connection.execute(text(_USED_BUFFERS))).scalar()
    own = [_own_bytes(pid) for pid in await backends(shop)]
    return {
        "shared buffers": float(buffers or 0) / 1e6,
        "of them used by this catalogue": float(used or 0) / 1e6,
        "largest backend, without them": max(own) / 1e6,
    }


def _own_bytes(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    (anonymous,) = (line.split() for line in rollup.splitlines() if line.startswith("Pss_Anon:"))
    return int(anonymous[1]) * 1024


async def updates(shop: Shop) -> tuple[dict[str, Cost], dict[str, float]]:
    """What it takes to bring one product up to date, and how much of its hit rows stayed in place (HOT)."""
    ids = await _sample_of_products(shop)
    costs, in_place = {}, {}
    for name, statement in (("stock flip", _STOCK_FLIP), ("price", _PRICE)):
        before = await _written(shop)
        costs[name] = await measure(shop, [lambda i=i, s=statement: _write(shop, s, i) for i in ids], 1.0)
        rows, hot = (now - then for now, then in zip(await _written(shop), before, strict=True))
        assert rows >= _LEAST_CALLS, f"{name}: only {rows} rows of search were written"
        in_place[name] = hot / rows
    costs["text"] = await measure(shop, [lambda i=i: _change_text(shop, i) for i in ids], 1.0)
    return costs, in_place


async def _sample_of_products(shop: Shop) -> list[int]:
    query = text(f"""
        SELECT product_id FROM product_search WHERE (SELECT count(*) FROM variant WHERE variant.product_id =
        product_search.product_id) = 1 AND product_id % 97 = 0 ORDER BY product_id LIMIT {_UPDATES}
    """)
    async with shop.database.read_fresh() as connection:
        return list((await connection.execute(query)).scalars())


async def _write(shop: Shop, statement: str, product_id: int) -> None:
    async with shop.database.write() as connection:
        await connection.execute(text(statement), {"id": product_id})


async def _change_text(shop: Shop, product_id: int) -> None:
    """Give a product another word, and write its search rows anew."""
    async with shop.database.write() as connection:
        await connection.execute(text(_NEW_WORD), {"id": product_id})
        settings = shop.settings
        await SearchDocuments(connection, Currency(settings.currency), settings.language).index([product_id])


async def _written(shop: Shop) -> tuple[int, int]:
    """How many hit rows were updated so far, and how many of them in place."""
    statement = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'product_search'"
    async with shop.database.write() as connection:  # the pool gives the connection that has written last
        await connection.execute(text("SELECT pg_stat_force_next_flush()"))
    async with shop.database.write() as connection:
        row = (await connection.execute(text(statement))).one()
    return row[0], row[1]
