"""Orders are found by indexes, however many there are."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.bootstrap import Shop
from app.core.ids import CartId
from app.orders.repository import SqlOrderReader


@contextmanager
def statements(shop: Shop) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the primary, with its parameters."""
    sent: list[tuple[str, Any]] = []

    with shop.database.heard(lambda statement, values: sent.append((statement, values))):
        yield sent


async def test_the_order_of_a_cart_is_found_without_reading_all_orders(shop: Shop) -> None:
    with statements(shop) as sent:
        await SqlOrderReader(shop.database).order_ids_by_cart_ids([CartId(uuid.uuid4())])

    [(statement, parameters)] = sent
    async with shop.database.write() as connection:
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # a test has too few orders for an index
        plan = "\n".join((await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)).scalars())
    assert "Seq Scan on orders" not in plan, plan
