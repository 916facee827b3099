"""What carts cost beside the same SQL through bare asyncpg, and how many statements an operation is.

The statements of an operation are recorded once and sent again, with the same values, by asyncpg alone: what is left
is the price of everything above the driver. "Use case" is the shop without GraphQL, "GraphQL" is a whole mutation or
query with 20 of its lines selected.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import text

from app.bootstrap import Shop, build_shop
from app.cart.edits import AddLines, NewLine
from app.catalog.domain import ProductDraft, VariantDraft
from app.core.ids import CartId, Kind, VariantId, encode
from app.core.money import Currency, Money
from app.settings import load_settings
from resolvers.context import Context
from resolvers.schema import build_schema
from tests.benchmarks.servers import own_servers

SIZES = (1, 20, 100)
ROUNDS = 7
CALLS = 30  # a round
PARALLEL, CONNECTIONS = 50, 10
MOST_USE_CASE, MOST_GRAPHQL, MOST_PARALLEL = 6.0, 10.0, 4.0  # times bare asyncpg

ADD = """mutation ($i: CartLinesAddInput!) { cartLinesAdd(input: $i) { userErrors { code }
  cart { version cost { total { amount } } lines(first: 20) { nodes { quantity total { amount } } } } } }"""
READ = """query ($id: ID!) { cart(id: $id) {
  version cost { total { amount } } lines(first: 20) { nodes { quantity total { amount } } } } }"""

Call = Callable[[], Awaitable[object]]
Statement = tuple[str, Sequence[Any]]


@dataclass(frozen=True)
class Row:
    """One line of the result, in seconds a call."""

    name: str
    statements: int
    bare: float
    use_case: float
    graphql: float

    def print(self) -> bool:
        """Print it; whether it is within the limits."""
        ratios = self.use_case / self.bare, self.graphql / self.bare
        print(
            f"{self.name:32} {self.statements:3} {self.bare * 1e3:7.2f} {self.use_case * 1e3:9.2f} {ratios[0]:5.2f}"
            f" {self.graphql * 1e3:9.2f} {ratios[1]:5.2f}"
        )
        return ratios[0] <= MOST_USE_CASE and ratios[1] <= MOST_GRAPHQL


async def seconds_of(*calls: Call) -> list[float]:
    """Seconds of each call: medians of rounds that took turns, so that all had the same machine."""
    spent: list[list[float]] = [[] for _ in calls]
    for call in calls:
        await call()
    for _ in range(ROUNDS):
        for call, seconds in zip(calls, spent, strict=True):
            began = time.perf_counter()
            for _ in range(CALLS):
                await call()
            seconds.append((time.perf_counter() - began) / CALLS)
    return [statistics.median(seconds) for seconds in spent]


async def recorded(shop: Shop, call: Call) -> list[Statement]:
    """The statements of a call, with their values."""
    statements: list[Statement] = []

    await call()  # prepared, and the connection made
    with shop.database.heard(lambda statement, values: statements.append((statement, tuple(values)))):
        await call()
    return statements


async def send(connection: asyncpg.Connection, statements: Sequence[Statement], *, is_write: bool) -> None:
    """The same statements again, in one transaction where they write."""
    if not is_write:
        for statement, values in statements:
            await connection.fetch(statement, *values)
        return
    async with connection.transaction():
        await send(connection, statements, is_write=False)


class Bench:
    """A shop with enough products, and a cart of each size."""

    def __init__(self, shop: Shop, url: str, variant_ids: Sequence[VariantId]) -> None:
        self.shop, self.url, self.variant_ids = shop, url, variant_ids
        self._schema = build_schema()

    async def cart(self, size: int) -> CartId:
        """A new cart of so many lines."""
        edits = [AddLines(tuple(NewLine(each, 1) for each in self.variant_ids[:size]))] if size else []
        return (await self.shop.services.create_cart(edits, currency=Currency(self.shop.settings.currency))).id

    def graphql(self, document: str, **variables: Any) -> Call:
        """A call of the schema."""
        operation = self._schema.prepare(document).choose(None)

        async def call() -> object:
            result = await self._schema.run(operation, variables, Context(self.shop.services, None))
            assert result.errors is None, result.errors
            return result.data

        return call

    def add(self, cart_id: CartId) -> tuple[Call, Call]:
        """One more unit of the first variant: by the use case, by GraphQL."""
        variant, edit = self.variant_ids[0], self.shop.services.edit_cart
        values = {"cartId": encode(Kind.CART, cart_id), "lines": [{"variantId": encode(Kind.VARIANT, variant)}]}
        return (
            lambda: edit(cart_id, AddLines((NewLine(variant, 1),)), expected_version=None),
            self.graphql(ADD, i=values),
        )

    def read(self, cart_id: CartId) -> tuple[Call, Call]:
        """The cart as it is: by the use case, by GraphQL."""
        read = self.shop.services.read_cart
        return lambda: read(cart_id, caller=None), self.graphql(READ, id=encode(Kind.CART, cart_id))

    async def row(self, name: str, use_case: Call, graphql: Call, *, is_write: bool) -> Row:
        """The measurement of one operation."""
        statements = await recorded(self.shop, use_case)
        connection = await asyncpg.connect(self.url)
        try:
            bare, plain, whole = await seconds_of(
                lambda: send(connection, statements, is_write=is_write), use_case, graphql
            )
        finally:
            await connection.close()
        return Row(name, len(statements), bare, plain, whole)

    async def parallel(self, name: str, cart_ids: Sequence[CartId]) -> bool:
        """Many additions at once, spread over these carts, beside asyncpg's own pool; whether that is within limits."""
        calls = [self.add(cart_ids[number % len(cart_ids)])[0] for number in range(PARALLEL)]
        batches = [await recorded(self.shop, self.add(cart_id)[0]) for cart_id in cart_ids]
        pool = await asyncpg.create_pool(self.url, min_size=CONNECTIONS, max_size=CONNECTIONS)

        async def one(number: int) -> None:
            async with pool.acquire() as connection:
                await send(connection, batches[number % len(batches)], is_write=True)

        async def burst(work: Callable[[], list[Awaitable[object]]]) -> float:
            began = time.perf_counter()
            await asyncio.gather(*work())
            return time.perf_counter() - began

        bare, ours = [], []
        for _ in range(ROUNDS):
            bare.append(await burst(lambda: [one(number) for number in range(PARALLEL)]))
            ours.append(await burst(lambda: [call() for call in calls]))
        await pool.close()
        ratio = statistics.median(ours) / statistics.median(bare)
        rates = PARALLEL / statistics.median(bare), PARALLEL / statistics.median(ours)
        print(f"{name:32}     {rates[0]:7.0f}/s {rates[1]:7.0f}/s {ratio:5.2f}")
        return ratio <= MOST_PARALLEL


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
    price = Money.parse("10.00", Currency("USD"))
    drafts = [
        ProductDraft(f"benchmark-{number}", "benchmark", f"Thing {number}", (VariantDraft(price, sku=f"B-{number}"),))
        for number in range(max(SIZES))
    ]
    await shop.store_products(drafts)
    async with shop.database.read_fresh() as connection:
        query = text("SELECT id FROM variant ORDER BY id")
        variant_ids = [VariantId(each) for each in (await connection.execute(query)).scalars()]
    bench = Bench(shop, url, variant_ids)
    print(f"{'':32} SQL bare ms  use case ratio   GraphQL ratio")
    good = True
    for size in SIZES:
        cart_id = await bench.cart(size)
        row = await bench.row(f"cartLinesAdd, {size} lines", *bench.add(cart_id), is_write=True)
        good &= row.print()
    for size in SIZES:
        cart_id = await bench.cart(size)
        row = await bench.row(f"cart, {size} lines", *bench.read(cart_id), is_write=False)
        good &= row.print()
    print(f"{'':32} bare asyncpg   use case ratio")
    good &= await bench.parallel(f"{PARALLEL} adds at once, one cart", [await bench.cart(1)])
    good &= await bench.parallel(
        f"{PARALLEL} adds at once, {PARALLEL} carts", [await bench.cart(1) for _ in range(PARALLEL)]
    )
    await shop.close()
    return good


def main() -> int:
    """Print the measurements; 1 where one is above its limit."""
    with own_servers(durable=True) as (database_url, redis_url):
        good = asyncio.run(measure(database_url, redis_url))
    print(f"at most: use case {MOST_USE_CASE}, GraphQL {MOST_GRAPHQL}, at once {MOST_PARALLEL}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
