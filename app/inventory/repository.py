"""Stock's SQL. Every method is a constant number of statements, whatever the number of variants. See ADR-0005."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Integer, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.errors import OutOfStock, Rejected
from app.core.ids import OrderId, VariantId
from app.core.stock import StockPolicy
from app.database.engine import Database
from app.database.tables import stock
from app.inventory.domain import StockLevel

_LEVELS = select(stock.c.variant_id, stock.c.policy, stock.c.on_hand, stock.c.reserved).where(
    stock.c.variant_id == func.any(bindparam("ids", type_=ARRAY(Integer)))
)
_LOCKED_LEVELS = _LEVELS.order_by(stock.c.variant_id).with_for_update()

_HOLD = text("""
    WITH demand AS (SELECT * FROM unnest(CAST(:ids AS integer[]), CAST(:quantities AS integer[])) AS d (id, quantity)),
    taken AS (
        UPDATE stock SET reserved = reserved + quantity FROM demand WHERE stock.variant_id = demand.id
    )
    INSERT INTO reservation (order_id, variant_id, quantity, state, created_at)
    SELECT :order_id, id, quantity, 'held', :now FROM demand
""")
# the rows are locked in variant order before they change, like those of hold
_LOCK = text("""
    SELECT stock.variant_id FROM stock JOIN reservation ON reservation.variant_id = stock.variant_id
    WHERE order_id = :order_id AND state IN ('held', 'sold') ORDER BY stock.variant_id FOR UPDATE
""")
_SELL = text("""
    WITH ended AS (
        UPDATE reservation SET state = 'sold', ended_at = :now WHERE order_id = :order_id AND state = 'held'
        RETURNING variant_id, quantity
    )
    UPDATE stock SET on_hand = on_hand - quantity, reserved = reserved - quantity
    FROM ended WHERE stock.variant_id = ended.variant_id
""")
_RELEASE = text("""
    WITH ended AS (
        UPDATE reservation SET state = 'released', ended_at = :now WHERE order_id = :order_id AND state = 'held'
        RETURNING variant_id, quantity
    )
    UPDATE stock SET reserved = reserved - quantity FROM ended WHERE stock.variant_id = ended.variant_id
""")
_TAKE_BACK = text("""
    WITH ended AS (
        UPDATE reservation SET state = 'returned', ended_at = :now WHERE order_id = :order_id AND state = 'sold'
        RETURNING variant_id, quantity
    )
    UPDATE stock SET on_hand = on_hand + quantity FROM ended WHERE stock.variant_id = ended.variant_id
""")


class SqlStockReader:
    """`StockReader` on the primary."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def levels_by_variant_ids(self, ids: Sequence[VariantId]) -> dict[VariantId, StockLevel]:
        """The levels of these variants."""
        async with self._database.read_fresh() as connection:
            return await _levels(connection, _LEVELS, ids)


class SqlStock:
    """`StockStore` on one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def levels_by_variant_ids(self, ids: Sequence[VariantId]) -> dict[VariantId, StockLevel]:
        """The levels of these variants, not locked."""
        return await _levels(self._connection, _LEVELS, ids)

    async def hold(self, order_id: OrderId, demand: Mapping[VariantId, int], *, now: datetime) -> None:
        """Reserve units for an order: all of them, or none."""
        levels = await _levels(self._connection, _LOCKED_LEVELS, list(demand))
        short = []
        for variant_id, quantity in demand.items():
            available = levels[variant_id].sellable if variant_id in levels else 0
            if quantity > available:
                short.append(OutOfStock(variant_id=variant_id, requested=quantity, available=available))
        if short:
            raise Rejected(short)
        quantities = {"ids": list(demand), "quantities": list(demand.values())}
        await self._connection.execute(_HOLD, {**quantities, "order_id": order_id, "now": now})

    async def sell(self, order_id: OrderId, *, now: datetime) -> None:
        """Take what the order holds out of the stock."""
        await self._end(order_id, _SELL, now)

    async def release(self, order_id: OrderId, *, now: datetime) -> None:
        """Give back what the order holds."""
        await self._end(order_id, _RELEASE, now)

    async def take_back(self, order_id: OrderId, *, now: datetime) -> None:
        """Put what the order has bought on the shelf again."""
        await self._end(order_id, _TAKE_BACK, now)

    async def _end(self, order_id: OrderId, statement: Any, now: datetime) -> None:  # noqa: ANN401  a text clause
        await self._connection.execute(_LOCK, {"order_id": order_id})
        await self._connection.execute(statement, {"order_id": order_id, "now": now})


async def _levels(
    connection: AsyncConnection,
    statement: Any,  # noqa: ANN401  Select is generic in its columns
    ids: Sequence[VariantId],
) -> dict[VariantId, StockLevel]:
    rows = (await connection.execute(statement, {"ids": list(ids)})).all()
    return {
        row.variant_id: StockLevel(row.variant_id, StockPolicy(row.policy), row.on_hand, row.reserved) for row in rows
    }
