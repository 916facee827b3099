"""How the cost of a search grows with the catalogue, and what a naive query and a search engine take for it.

    python -m tests.benchmarks.search [--sizes 10000,100000] [--database SIZE=URL ...] [--seconds 5]

Every class of query is asked in rotation, page by page uncached, of catalogues that `cartograph seed` generates; then
whole GraphQL requests go over HTTP at 1, 8 and 32 clients. Prints milliseconds at p50 and p95 and, but for HTTP, of the
database's CPU, with ratios to the smallest catalogue, to `ts_rank` and to tantivy. Ends with 1 where a class grows more
than MOST_GROWTH. A catalogue that has been loaded before is named by --database.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from app.bootstrap import Shop, open_shop
from app.catalog.search import SearchRequest
from app.commands import seed
from app.core.pagination import PageRequest
from app.devstack.ports import http_status, pick_port
from app.devstack.postgres import PostgresServer
from app.devstack.supervisor import Supervisor
from app.devstack.valkey import ValkeyServer
from app.settings import load_settings
from tests.benchmarks.search_rivals import Tantivy, ranked, tantivy
from tests.benchmarks.search_terms import Terms, choose_terms

MOST_GROWTH = 3.0  # of the database's CPU from the smallest to the largest catalogue
MAY_GROW = {"broad term, 4 filters", "broad term by price"}  # narrow filters, and words in an order of their own
LEAST_MS = 0.3  # below, a ratio is noise
CLIENTS = (1, 8, 32)
PAGE = PageRequest(24)
TICKS = os.sysconf("SC_CLK_TCK")
REPOSITORY = Path(__file__).resolve().parents[2]

HITS = "query ($q: String, $n: Int) { products(query: $q, first: $n) { nodes { id name } pageInfo { hasNextPage } } }"
FULL = """query ($q: String, $n: Int) { products(query: $q, first: $n) { nodes { id name } totalCount { value }
  facets { slug ... on ListFacet { values { value count { value } } } ... on RangeFacet { min max } } } }"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of one call: wall clock at p50 and p95, and the database's CPU, None where others use it too."""

    p50: float
    p95: float
    cpu: float | None = None

    def __str__(self) -> str:
        cpu = "       -" if self.cpu is None else f"{self.cpu:8.2f}"
        return f"{self.p50:8.2f} {self.p95:8.2f} {cpu}"


async def backends(shop: Shop) -> list[int]:
    """The processes that serve this database's clients."""
    query = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type <> 'autovacuum'")
    async with shop.database.read_fresh() as connection:
        return list((await connection.execute(query)).scalars())


def cpu_seconds(pids: Sequence[int]) -> float:
    """What these processes have computed so far."""
    total = 0
    for pid in pids:
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():
            total += sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13]))
    return total / TICKS


async def measure(shop: Shop, calls: Iterator[Callable[[], Awaitable[Any]]], seconds: float) -> Cost:
    """The cost of calls in rotation, after a warm-up."""
    for call in itertools.islice(calls, 20):
        await call()
    pids = await backends(shop)
    before, started = cpu_seconds(pids), time.perf_counter()
    times: list[float] = []
    while time.perf_counter() - started < seconds or len(times) < 40:
        begun = time.perf_counter()
        await next(calls)()
        times.append(time.perf_counter() - begun)
    cpu = max(cpu_seconds(pids) - before, 0) / len(times)
    times.sort()
    return Cost(times[len(times) // 2] * 1e3, times[int(len(times) * 0.95)] * 1e3, cpu * 1e3)


def rotating(calls: Sequence[Callable[[], Awaitable[Any]]]) -> Iterator[Callable[[], Awaitable[Any]]]:
    return itertools.cycle(calls)


async def deep_cursor(shop: Shop, request: SearchRequest, pages: int) -> PageRequest:
    """The page that far down the list, or the last one."""
    page = PageRequest(100)
    for _ in range(pages * PAGE.limit // 100):
        hits = (await shop.search_index.page(request, page)).page
        if not hits.has_next:
            break
        page = PageRequest(100, cursor=hits.cursors[-1])
    return PageRequest(PAGE.limit, cursor=page.cursor)


async def measure_classes(shop: Shop, terms: Terms, folder: Path, seconds: float) -> dict[str, Cost]:
    """Every class of query through the port, its rivals beside it."""
    index = shop.search_index
    costs: dict[str, Cost] = {}
    classes = terms.classes()
    for name, requests in classes.items():
        costs[name] = await measure(shop, rotating([lambda r=r: index.page(r, PAGE) for r in requests]), seconds)
    by_price = classes["category by price"][:8]
    deep = [(request, await deep_cursor(shop, request, 400)) for request in by_price]
    costs["by price, page 400"] = await measure(
        shop, rotating([lambda r=r, p=p: index.page(r, p) for r, p in deep]), seconds
    )
    for name, requests in (("broad term", classes["broad term"]), ("browse", classes["browse"])):
        for label, ask in (("facets", index.facets), ("count", index.count)):
            costs[f"{label} of {name}"] = await measure(
                shop, rotating([lambda r=r, a=ask: a(r) for r in requests]), seconds
            )
    words = [*terms.broad, *terms.middle]
    typed = [word[:length] for word in words for length in range(2, len(word))]
    costs["suggestions"] = await measure(shop, rotating([lambda w=w: index.suggest(w, 5) for w in typed]), seconds)
    rivals = ("rare term", "middling term", "broad term", "two terms")
    for name in rivals:
        costs[f"ts_rank: {name}"] = await measure(
            shop, rotating([lambda r=r: ranked(shop, r) for r in classes[name]]), seconds
        )
    if tantivy is not None:
        engine = Tantivy(folder)
        print(f"tantivy's index: {await engine.fill(shop):.0f} s", flush=True)
        for name in rivals:
            costs[f"tantivy: {name}"] = in_process([lambda r=r: engine.search(r) for r in classes[name]], seconds)
    return costs


def in_process(calls: Sequence[Callable[[], None]], seconds: float) -> Cost:
    """The cost of calls that happen in this process: all of their CPU is the engine's."""
    times, started = [], time.perf_counter()
    before = time.process_time()
    for call in itertools.cycle(calls):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
        if time.perf_counter() - started > seconds and len(times) >= 40:
            break
    cpu = (time.process_time() - before) / len(times)
    times.sort()
    return Cost(times[len(times) // 2] * 1e3, times[int(len(times) * 0.95)] * 1e3, cpu * 1e3)


async def measure_http(port: int, document: str, words: Sequence[str], clients: int, seconds: float) -> Cost:
    """Whole requests, each another one, so that no cache answers."""
    asked = ({"q": word, "n": size} for size in itertools.cycle(range(20, 31)) for word in words)
    times: list[float] = []
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, trust_env=False) as http:
        started = time.perf_counter()

        async def client() -> None:
            while time.perf_counter() - started < seconds:
                body = {"query": document, "variables": next(asked)}
                begun = time.perf_counter()
                answer = await http.post("/graphql", json=body, timeout=30)
                times.append(time.perf_counter() - begun)
                assert "errors" not in answer.json(), answer.text

        await asyncio.gather(*(client() for _ in range(clients)))
    times.sort()
    return Cost(times[len(times) // 2] * 1e3, times[int(len(times) * 0.95)] * 1e3)


@contextmanager
def serving(supervisor: Supervisor, environment: dict[str, str], folder: Path) -> Iterator[int]:
    """One `cartograph serve`, without a limit of requests for each caller."""
    port = pick_port()
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
    child = supervisor.spawn("api", command, log=folder / "api.log", env={**os.environ, **environment}, cwd=REPOSITORY)
    end = time.monotonic() + 60
    while http_status(port, "/readyz") != 200:
        assert time.monotonic() < end, child.output()
        time.sleep(0.1)
    try:
        yield port
    finally:
        supervisor.stop(child)


async def table_sizes(shop: Shop) -> str:
    """What the tables of search take, on disk and so in memory."""
    query = text("""
        SELECT string_agg(format('%s %s MB', relname, pg_total_relation_size(oid) / 1048576), ', ' ORDER BY relname)
        FROM pg_class WHERE relkind = 'r' AND relname ~ '^(product_search|product_price_order|search_|facet_)'
        AND pg_total_relation_size(oid) > 1048576
    """)
    async with shop.database.read_fresh() as connection:
        return str((await connection.execute(query)).scalar())


async def update_cost(shop: Shop) -> str:
    """Milliseconds to bring one product's row up to date: availability alone, its price, everything."""
    parts = []
    for name, statement in (
        ("stock flip", "UPDATE product_search SET available = NOT available WHERE product_id = :id"),
        (
            "text",
            "UPDATE product_search SET text_vector = text_vector || to_tsvector('shop_en', 'changed' || :id)"
            " WHERE product_id = :id",
        ),
    ):
        times = []
        for product_id in range(1, 61):
            async with shop.database.write() as connection:
                begun = time.perf_counter()
                await connection.execute(text(statement.replace(":id", str(product_id))))
                times.append(time.perf_counter() - begun)
        parts.append(f"{name} {sorted(times)[30] * 1e3:.2f} ms")
    return ", ".join(parts)


async def measure_catalogue(
    size: int, environment: dict[str, str], supervisor: Supervisor, folder: Path, seconds: float
) -> dict[str, Cost]:
    """All costs of one catalogue, loaded first where it is not there."""
    async with open_shop(load_settings(environment)) as shop:
        await shop.migrate()
        if await shop.product_count() < size:
            await seed(shop, products=size, if_empty=False)
        elif await shop.search_index_is_missing():
            await shop.rebuild_search()
            await shop.refresh_search()
        print(f"{size:,} products: {await table_sizes(shop)}", flush=True)
        print(f"one product: {await update_cost(shop)}", flush=True)
        terms = await choose_terms(shop, size)
        (folder / "tantivy").mkdir()
        costs = await measure_classes(shop, terms, folder / "tantivy", seconds)
        words = [*terms.broad, *terms.middle, *terms.pairs]
        with serving(supervisor, environment, folder) as port:
            for label, document in (("hits", HITS), ("full", FULL)):
                for clients in CLIENTS:
                    name = f"HTTP {label}, {clients} clients"
                    costs[name] = await measure_http(port, document, words, clients, seconds)
        return costs


def show(costs: dict[int, dict[str, Cost]]) -> list[str]:
    """Print the table; returns the classes that grow too much."""
    sizes = sorted(costs)
    smallest, largest = sizes[0], sizes[-1]
    for size in sizes:
        print(f"\n{size:,} products{'':12}     p50      p95  db CPU   ms; CPU to {smallest:,}, to ts_rank, to tantivy")
        for name, cost in costs[size].items():
            ratios = [_ratio(cost, costs[smallest].get(name))]
            ratios += [_ratio(cost, costs[size].get(f"{rival}: {name}")) for rival in ("ts_rank", "tantivy")]
            print(f"{name:28} {cost}   {'  '.join(ratios)}")
    return [
        name
        for name, cost in costs[largest].items()
        if not name.startswith(("ts_rank", "tantivy"))
        and name not in MAY_GROW
        and cost.cpu is not None
        and cost.cpu > MOST_GROWTH * max(costs[smallest][name].cpu or 0, LEAST_MS)
    ]


def _ratio(cost: Cost, other: Cost | None) -> str:
    if other is None or cost.cpu is None or other.cpu is None:
        return "     -"
    return f"{cost.cpu / max(other.cpu, 0.01):6.2f}"


def main() -> int:
    """Measure every catalogue, one after the other."""
    parser = argparse.ArgumentParser(description="How the cost of a search grows with the catalogue.")
    parser.add_argument("--sizes", default="10000,100000", help="products of each catalogue (10000,100000)")
    parser.add_argument("--database", action="append", default=[], metavar="SIZE=URL", help="a catalogue that is there")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each class is asked (5)")
    options = parser.parse_args()
    ready = dict(each.split("=", 1) for each in options.database)
    costs: dict[int, dict[str, Cost]] = {}
    with tempfile.TemporaryDirectory(prefix="cartograph-search-") as name, Supervisor() as supervisor:
        folder = Path(name)
        folder.chmod(0o711)
        postgres = PostgresServer(supervisor, folder / "postgres", durable=False)
        postgres.start()
        valkey = ValkeyServer(supervisor, folder / "valkey")
        valkey.start()
        for size in sorted(int(each) for each in options.sizes.split(",")):
            database = f"products_{size}"
            if str(size) not in ready:
                postgres.create_database(database)
            environment = {
                "DATABASE_URL": ready.get(str(size), postgres.url(database)),
                "REDIS_URL": valkey.url,
                "STRIPE_API_KEY": "sk_test_benchmark",
                "CARTOGRAPH_DATA_DIR": str(folder),
                "CARTOGRAPH_COST_BUCKET": "1000000000",
                "CARTOGRAPH_COST_RESTORED_ADDRESS": "1000000",
            }
            own = folder / str(size)
            own.mkdir()
            costs[size] = asyncio.run(measure_catalogue(size, environment, supervisor, own, options.seconds))
        grown = show(costs)
    for each in grown:
        print(f"grows more than {MOST_GROWTH:g} times: {each}")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
