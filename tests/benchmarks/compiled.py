"""What executing a query takes beside graphql-core, and what working it out takes the first time.

Both execute the same operations in turn, over the same resolvers, with ports and use cases that answer from memory:
what is measured is the executor, the resolvers and the loaders. A first execution is one of an operation just made.
"""

from __future__ import annotations

import asyncio
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

from app.bootstrap import build_shop
from app.core.money import Currency
from app.seed.demo import demo_drafts
from app.settings import load_settings
from resolvers.compiled.operation import CompiledOperation
from resolvers.context import Context
from resolvers.schema import build_schema
from resolvers.services import Services
from resolvers.shop_schema import Operation, ShopSchema
from tests.benchmarks.search_http import FULL, HITS
from tests.benchmarks.servers import own_servers
from tests.compared_execution import Memory, executed_by_graphql_core, told

ROUNDS, CALLS = 9, 40
LEAST_RATIO = 2.0  # the resolvers themselves, and the loaders, are the same for both

LIST = """query ($q: String, $n: Int) { products(query: $q, first: $n) { nodes { id name slug thumbnail { url }
  priceRange { min { amount currencyCode } max { amount } } availability { state } category { name } } } }"""
DOCUMENTS = {
    "hits": HITS,
    "hits + facets + count": FULL,
    "list with price, stock and category": LIST,
    "hits, all plain": "query ($q: String, $n: Int) { products(query: $q, first: $n) { nodes { name slug brand } } }",
}
VARIABLES = {"q": "", "n": 24}

Execute = Callable[[Context], Awaitable[object]]


async def milliseconds(services: Services, ways: dict[str, Execute]) -> dict[str, float]:
    """CPU of an execution by each way: the least of rounds in which they take turns."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, execute in ways.items():
            began = time.process_time()
            for _ in range(CALLS):
                await execute(Context(services, None))
            times[name].append((time.process_time() - began) / CALLS * 1_000)
    return {name: min(each) for name, each in times.items()}


async def measure_document(name: str, schema: ShopSchema, services: Services, text: str) -> bool:
    """Print a row; whether it is within its limit."""
    operation = schema.prepare(text).choose(None)

    def fresh() -> CompiledOperation:
        return CompiledOperation(schema._compiler, operation.document, operation.node, most_fields=len(text))

    expected = await executed_by_graphql_core(schema, operation, VARIABLES, Context(services, None))
    given = await operation.compiled.run(VARIABLES, Context(services, None), None)
    assert told(given) == told(expected), f"{name} is answered differently"
    took = await milliseconds(
        services,
        {
            "core": lambda context: executed_by_graphql_core(schema, operation, VARIABLES, context),
            "first": lambda context: fresh().run(VARIABLES, context, None),
            "compiled": lambda context: operation.compiled.run(VARIABLES, context, None),
        },
    )
    kept = await kept_bytes(fresh, Context(services, None)) / len(text)
    ratio = took["core"] / took["compiled"]
    print(
        f"{name:36}{took['core']:9.3f}{took['first']:9.3f}{took['compiled']:9.3f}{ratio:7.1f}"
        f"{actual_milliseconds(operation, given.data):9.3f}{kept:9.0f}"
    )
    return ratio >= LEAST_RATIO


async def kept_bytes(fresh: Callable[[], CompiledOperation], context: Context) -> int:
    """How much memory an operation keeps once it was executed."""
    tracemalloc.start()
    operation = fresh()
    await operation.run(VARIABLES, context, None)
    places = [tracemalloc.Filter(True, name) for name in ("*/resolvers/compiled/*", "*/execution/collect_fields.py")]
    traced = tracemalloc.take_snapshot().filter_traces(places)
    tracemalloc.stop()
    return sum(each.size for each in traced.traces)


def actual_milliseconds(operation: Operation, answer: Any) -> float:
    """What it takes to reckon what an answer has cost."""
    began = time.process_time()
    for _ in range(CALLS):
        operation.plan.actual(answer)
    return (time.process_time() - began) / CALLS * 1_000


async def measure(url: str, redis_url: str) -> bool:
    """Print every row; whether all are within their limits."""
    settings = load_settings(
        {
            "DATABASE_URL": url,
            "REDIS_URL": redis_url,
            "STRIPE_API_KEY": "sk_test_nobody",
            "CARTOGRAPH_SECRET_KEY": "a-benchmark-signs-with-this-and-nobody-else",
        }
    )
    shop = build_shop(settings)
    await shop.migrate()
    await shop.store_products(list(demo_drafts(Currency(settings.currency), image_base_url="")))
    schema, services = build_schema(), Memory().remembering(shop.services)
    print(f"{'CPU in ms':36}{'core':>9}{'first':>9}{'compiled':>9}{'ratio':>7}{'cost':>9}{'B/char':>9}")
    good = [await measure_document(name, schema, services, text) for name, text in DOCUMENTS.items()]
    await shop.close()
    return all(good)


def main() -> int:
    """Print the measurements; 1 where graphql-core is less than LEAST_RATIO times as dear."""
    with own_servers(durable=False) as (database_url, redis_url):
        good = asyncio.run(measure(database_url, redis_url))
    print(f"at least {LEAST_RATIO} times less than graphql-core")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
