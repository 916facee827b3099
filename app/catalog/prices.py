"""The catalogue's prices, writing side: lists in, reductions applied, history kept, search told. See ADR-0019."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from app.catalog import price_sql as sql
from app.catalog.price_book import DuePromotion, ListPrice
from app.catalog.search_documents import SearchDocuments
from app.core.errors import InvalidInput
from app.core.ids import ProductId, PromotionId, VariantId
from app.core.money import Currency


class SqlPrices:
    """`PriceBook` on one transaction. search: where a price shows with the same commit."""

    def __init__(self, connection: AsyncConnection, search: SearchDocuments) -> None:
        self._connection = connection
        self._search = search

    async def lock(self) -> None:
        """Be the only one who writes prices until the transaction ends; waits for another's batch."""
        for statement in (sql.WAIT_LONGER, sql.LOCK_IMPORTS, sql.WAIT_AS_USUAL):
            await self._run(statement)

    async def set_list(
        self, sku: str, prices: Mapping[Currency, ListPrice | None], *, now: datetime
    ) -> tuple[ProductId, VariantId] | None:
        """Set, or where None remove, list prices of a variant; whose they are, None where nothing changed."""
        await self.lock()
        owners = await self._run(sql.OWNERS, sku=sku)
        if not owners:
            raise InvalidInput(f"the shop has no {sku!r}: import products first", field=("sku",))
        variant_id, product_id = owners[0]
        rows = await self._run(sql.STORED_PRICES, variant_id=variant_id, currencies=list(prices))
        stored = {row.currency: ListPrice(row.amount_minor, row.compare_at_minor) for row in rows}
        changed = {code: price for code, price in prices.items() if stored.get(code) != price}
        if not changed:
            return None
        gone = [code for code, price in changed.items() if price is None]
        await self._run(sql.REMOVE_PRICES, variant_id=variant_id, currencies=gone)
        lists = [
            {"sku": sku, "currency": code, "amount_minor": each.minor, "compare_at_minor": each.compare_at_minor}
            for code, each in changed.items()
            if each is not None
        ]
        await self._run(sql.BEGIN_HISTORY, product_ids=[product_id])
        await self._run(sql.UPSERT_PRICES, rows=lists)
        await self.reprice([product_id], now=now)
        return ProductId(product_id), VariantId(variant_id)

    async def reprice(self, ids: Sequence[ProductId], *, now: datetime) -> list[VariantId]:
        """Apply the promotions of this moment to the products' prices; the variants whose price that changed."""
        reduced = await self.reduce(ids, now=now)
        await self._search.index_prices(ids)
        return reduced

    async def reduce(self, ids: Sequence[ProductId], *, now: datetime) -> list[VariantId]:
        """The same for whoever indexes the products afterwards: locks no search rows."""
        batch = list(ids)
        reduced = await self._run(sql.REDUCE_PRICES, product_ids=batch, now=now)
        await self._run(sql.RECORD_PRICES, product_ids=batch, now=now)
        return sorted({VariantId(row.variant_id) for row in reduced})

    async def begin_history(self, ids: Sequence[ProductId]) -> None:
        """Record the prices of products whose history nobody has kept so far."""
        await self._run(sql.BEGIN_HISTORY, product_ids=list(ids))

    async def due_promotions(self, *, now: datetime) -> list[DuePromotion]:
        """Promotions of the catalogue that prices do not show as they are at this moment."""
        rows = await self._run(sql.DUE_PROMOTIONS, now=now)
        return [DuePromotion(PromotionId(row.id), row.revision, row.is_on) for row in rows]

    async def touched_products(self, promotion_id: PromotionId, *, after: ProductId, limit: int) -> list[ProductId]:
        """Products that a promotion is about or has reduced, in the order of their keys."""
        rows = await self._run(sql.TOUCHED_PRODUCTS, promotion_id=promotion_id, after=after, limit=limit)
        return [ProductId(row.id) for row in rows]

    async def mark_applied(self, promotion: DuePromotion) -> None:
        """Note that prices show the promotion, unless it has changed since."""
        values = {"id": promotion.id, "revision": promotion.revision, "is_on": promotion.is_on}
        await self._run(sql.MARK_APPLIED, **values)

    async def _run(self, statement: Executable, **parameters: object) -> Sequence[Any]:
        result = await self._connection.execute(statement, parameters)
        return result.all() if result.returns_rows else ()
