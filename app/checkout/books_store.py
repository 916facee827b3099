"""The reconciler's SQL: what the books say around attempts, and where they contradict themselves.

The lists read every attempt of the shop, a page at a time and without locks: for a worker, now and then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Row, bindparam, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from app.cart.domain import CartState
from app.checkout.books import BookedOrder, Surroundings
from app.core.ids import AttemptId, OrderId
from app.core.money import Currency, Money
from app.inventory.domain import ReservationState
from app.orders.domain import OrderStatus, PaymentStatus

_KEY = postgresql.UUID(as_uuid=True)
_FIRST = UUID(int=0)
_after = bindparam("after", type_=_KEY)
_limit = bindparam("limit", type_=Integer)
_AROUND = text("""
    SELECT attempt.id, attempt.currency AS attempt_currency, refunds.given_back, refunds.under_way,
           refunds.has_failed, orders.status, orders.payment_status, orders.currency, orders.total_minor,
           cart.state AS cart_state,
           ARRAY(SELECT DISTINCT state FROM reservation WHERE order_id = attempt.order_id) AS reservations,
           EXISTS (
               SELECT FROM payment_attempt AS other
               WHERE other.order_id = attempt.order_id AND other.id <> attempt.id
                 AND other.state NOT IN ('failed', 'canceled')
           ) AS has_sibling,
           NOT EXISTS (
               SELECT FROM payment_attempt AS later
               WHERE later.cart_id = attempt.cart_id AND later.created_at > attempt.created_at
           ) AS holds_cart
    FROM payment_attempt AS attempt
    LEFT JOIN orders ON orders.id = attempt.order_id
    LEFT JOIN cart ON cart.id = attempt.cart_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_minor) FILTER (WHERE state = 'succeeded'), 0) AS given_back,
               coalesce(sum(amount_minor) FILTER (WHERE state = 'pending'), 0) AS under_way,
               coalesce(bool_or(state = 'failed'), false) AS has_failed
        FROM refund WHERE refund.attempt_id = attempt.id
    ) AS refunds
    WHERE attempt.id = ANY(:ids)
""").bindparams(bindparam("ids", type_=ARRAY(_KEY)))
_CONTRADICTORY = text("""
    SELECT attempt.id FROM payment_attempt AS attempt
    LEFT JOIN orders ON orders.id = attempt.order_id
    LEFT JOIN cart ON cart.id = attempt.cart_id
    WHERE attempt.id > :after AND (
        orders.id IS NULL OR orders.total_minor <> attempt.amount_minor OR orders.currency <> attempt.currency
        OR CASE
            WHEN attempt.state = 'succeeded' AND orders.status = 'canceled' THEN
                attempt.amount_minor > (
                    SELECT coalesce(sum(amount_minor), 0) FROM refund
                    WHERE refund.attempt_id = attempt.id AND refund.state <> 'failed')
            WHEN attempt.state = 'succeeded' THEN
                orders.status = 'pending'
                OR orders.payment_status NOT IN ('paid', 'partially_refunded', 'refunded')
                OR cart.state IN ('active', 'in_checkout')
                OR EXISTS (
                    SELECT FROM reservation
                    WHERE reservation.order_id = attempt.order_id AND reservation.state IN ('held', 'released'))
            WHEN attempt.state IN ('failed', 'canceled') THEN
                (orders.status <> 'canceled'
                 OR EXISTS (SELECT FROM reservation
                            WHERE reservation.order_id = attempt.order_id AND reservation.state = 'held'))
                AND NOT EXISTS (
                    SELECT FROM payment_attempt AS other
                    WHERE other.order_id = attempt.order_id AND other.state NOT IN ('failed', 'canceled'))
            ELSE orders.status <> 'pending'
        END)
    ORDER BY attempt.id LIMIT :limit
""").bindparams(_after, _limit)
_PAID_WITHOUT_ATTEMPT = text("""
    SELECT id, number FROM orders
    WHERE id > :after AND (status IN ('confirmed', 'completed') OR payment_status IN ('paid', 'partially_refunded'))
      AND NOT EXISTS (SELECT FROM payment_attempt WHERE order_id = orders.id)
    ORDER BY id LIMIT :limit
""").bindparams(_after, _limit)
_OPEN = text("""
    SELECT id, check_at FROM payment_attempt WHERE check_at IS NOT NULL AND id > :after ORDER BY id LIMIT :limit
""").bindparams(_after, _limit)


class SqlBooks:
    """`Books` on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def around(self, ids: Sequence[AttemptId]) -> dict[AttemptId, Surroundings]:
        """What stands around these attempts."""
        rows = (await self._connection.execute(_AROUND, {"ids": list(ids)})).all()
        return {AttemptId(row.id): _surroundings(row) for row in rows}

    async def contradictory(self, *, after: AttemptId | None, limit: int) -> Sequence[AttemptId]:
        """Attempts whose order, stock or cart is not what follows from their state."""
        rows = await self._connection.execute(_CONTRADICTORY, {"after": after or _FIRST, "limit": limit})
        return [AttemptId(key) for key in rows.scalars()]

    async def paid_without_attempt(self, *, after: OrderId | None, limit: int) -> Sequence[tuple[OrderId, str]]:
        """Orders that say they are paid and have no attempt at all."""
        rows = await self._connection.execute(_PAID_WITHOUT_ATTEMPT, {"after": after or _FIRST, "limit": limit})
        return [(OrderId(row.id), str(row.number)) for row in rows]

    async def open_attempts(self, *, after: AttemptId | None, limit: int) -> Sequence[tuple[AttemptId, datetime]]:
        """Attempts that have not ended, and when they are to be looked at."""
        rows = await self._connection.execute(_OPEN, {"after": after or _FIRST, "limit": limit})
        return [(AttemptId(row.id), row.check_at) for row in rows]


def _surroundings(row: Row[Any]) -> Surroundings:
    order, currency = None, Currency(row.attempt_currency)
    if row.status is not None:
        order = BookedOrder(
            OrderStatus(row.status.upper()),
            PaymentStatus(row.payment_status.upper()),
            Money(row.total_minor, Currency(row.currency)),
        )
    return Surroundings(
        order=order,
        reservations=frozenset(ReservationState(state) for state in row.reservations),
        cart_state=None if row.cart_state is None else CartState(row.cart_state.upper()),
        holds_cart=row.holds_cart,
        has_sibling=row.has_sibling,
        given_back=Money(int(row.given_back), currency),
        under_way=Money(int(row.under_way), currency),
        has_failed_refund=row.has_failed,
    )
