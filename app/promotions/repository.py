"""Promotions' SQL: what a cart is offered, in one statement, and the uses that orders make of it. See ADR-0019."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, DateTime, Row, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.discount import DiscountReason
from app.core.errors import DiscountNotApplicable
from app.core.ids import CartId, OrderId
from app.promotions.domain import (
    MAX_AUTOMATIC,
    MAX_CODES,
    AppliedPromotion,
    CartPromotion,
    Offered,
    Scope,
)
from app.promotions.stored_effect import effect_of

_OFFERED_NOW = """
    kind = 'cart' AND active AND (code = ANY(:codes) OR (
        code IS NULL AND coalesce(starts_at <= :now, true) AND coalesce(ends_at > :now, true)))
"""
_WINDOW = (bindparam("codes", type_=ARRAY(Text)), bindparam("now", type_=DateTime(timezone=True)))
# a cart whose order has been placed is still shown at its price: its own order and uses are not held against it
_OFFERED = text(f"""
    WITH own AS (SELECT id FROM orders WHERE cart_id = :cart_id AND status <> 'canceled'),
    buyer AS (SELECT EXISTS (SELECT FROM orders WHERE lower(email) = lower(:email) AND status <> 'canceled'
                             AND cart_id <> :cart_id) AS has_ordered)
    SELECT promotion.id, name, code, effect, product_ids, category_ids, brands, minimum, first_order_only, combinable,
           starts_at, ends_at, usage_limit, usage_limit_per_customer, used, has_ordered,
           (SELECT count(*) FROM promotion_use WHERE promotion_id = promotion.id AND buyer = lower(:email)
            AND order_id NOT IN (SELECT id FROM own)) AS used_by_buyer,
           (SELECT count(*) FROM promotion_use WHERE promotion_id = promotion.id
            AND order_id IN (SELECT id FROM own)) AS used_by_cart
    FROM promotion CROSS JOIN buyer
    WHERE {_OFFERED_NOW}
    ORDER BY code IS NULL, promotion.id LIMIT {MAX_CODES + MAX_AUTOMATIC}
""").bindparams(*_WINDOW, bindparam("cart_id", type_=UUID(as_uuid=True)), bindparam("email", type_=Text))
# NO KEY: an order that only notes its use, after its stock, does not wait for one that gives a use back, before it
_LOCK_LIMITED = text(f"""
    SELECT id FROM promotion
    WHERE {_OFFERED_NOW}
    AND (usage_limit IS NOT NULL OR usage_limit_per_customer IS NOT NULL OR first_order_only)
    ORDER BY id FOR NO KEY UPDATE
""").bindparams(*_WINDOW)
_IS_COUNTED = "(usage_limit IS NOT NULL OR usage_limit_per_customer IS NOT NULL)"
_USE = text(f"""
    WITH wanted AS (SELECT id, minor FROM jsonb_to_recordset(:uses) AS wanted (id int, minor bigint)),
    counted AS (
        UPDATE promotion SET used = used + 1 FROM wanted
        WHERE promotion.id = wanted.id AND {_IS_COUNTED} AND used < coalesce(usage_limit, used + 1)
        RETURNING promotion.id
    )
    INSERT INTO promotion_use (order_id, promotion_id, buyer, amount_minor)
    SELECT :order_id, promotion.id, lower(:email), minor FROM wanted JOIN promotion ON promotion.id = wanted.id
    WHERE NOT {_IS_COUNTED} OR promotion.id IN (SELECT id FROM counted)
    RETURNING promotion_id
""").bindparams(
    bindparam("uses", type_=JSONB), bindparam("order_id", type_=UUID(as_uuid=True)), bindparam("email", type_=Text)
)
_LOCK_USED = text("""
    SELECT id FROM promotion WHERE id IN (SELECT promotion_id FROM promotion_use WHERE order_id = :order_id)
    ORDER BY id FOR NO KEY UPDATE
""").bindparams(bindparam("order_id", type_=UUID(as_uuid=True)))
_RELEASE = text(f"""
    WITH ended AS (DELETE FROM promotion_use WHERE order_id = :order_id RETURNING promotion_id)
    UPDATE promotion SET used = used - 1 FROM ended WHERE id = promotion_id AND {_IS_COUNTED}
""").bindparams(bindparam("order_id", type_=UUID(as_uuid=True)))


class SqlPromotions:
    """`PromotionStore` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def offered_to(self, cart_id: CartId, codes: Sequence[str], email: str | None, *, now: datetime) -> Offered:
        """Promotions that apply by themselves now, and those of these codes."""
        values = {"cart_id": cart_id, "codes": list(codes), "email": email, "now": now}
        rows = (await self._connection.execute(_OFFERED, values)).all()
        return Offered(tuple(map(_promotion, rows)), any(row.has_ordered for row in rows))

    async def lock_limited(self, codes: Sequence[str], *, now: datetime) -> None:
        """Hold every promotion that may run out for a buyer, in the order of their keys."""
        await self._connection.execute(_LOCK_LIMITED, {"codes": list(codes), "now": now})

    async def use(self, order_id: OrderId, email: str, applied: Sequence[AppliedPromotion]) -> None:
        """Count the uses of an order: all of them, or none."""
        uses = [{"id": each.promotion.id, "minor": each.minor} for each in applied if each.minor]
        if not uses:
            return
        rows = await self._connection.execute(_USE, {"order_id": order_id, "email": email, "uses": uses})
        counted = {row.promotion_id for row in rows}
        for each in applied:
            if each.minor and each.promotion.id not in counted:
                label = each.promotion.code or each.promotion.name
                raise DiscountNotApplicable(label, DiscountReason.USAGE_LIMIT, field=("cartId",))

    async def release(self, order_id: OrderId) -> None:
        """Give back the uses of an order that came to nothing."""
        if (await self._connection.execute(_LOCK_USED, {"order_id": order_id})).all():
            await self._connection.execute(_RELEASE, {"order_id": order_id})


def _promotion(row: Row[Any]) -> CartPromotion:
    return CartPromotion(
        id=row.id,
        name=row.name,
        effect=effect_of(row.effect),
        code=row.code,
        scope=Scope(frozenset(row.product_ids), frozenset(row.category_ids), frozenset(row.brands)),
        minimum=row.minimum,
        first_order_only=row.first_order_only,
        combinable=row.combinable,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        usage_limit=row.usage_limit,
        usage_limit_per_customer=row.usage_limit_per_customer,
        used=row.used - row.used_by_cart,
        used_by_buyer=row.used_by_buyer,
    )
