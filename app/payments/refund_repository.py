"""Refunds' SQL, always on the primary."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, DateTime, Integer, Row, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.ids import AttemptId, OrderId, RefundId
from app.core.money import Currency, Money
from app.database.engine import Database
from app.database.refund_tables import refund
from app.payments.refunds import Refund, RefundState

_row_of = refund.c
_BY_ID = select(refund).where(_row_of.id == bindparam("id", type_=UUID(as_uuid=True)))
_BY_PROVIDER_ID = select(refund).where(_row_of.provider_id == bindparam("provider_id"))
_OF_ATTEMPT = (
    select(refund)
    .where(_row_of.attempt_id == bindparam("attempt_id", type_=UUID(as_uuid=True)))
    .order_by(_row_of.created_at, _row_of.id)
)
_OF_ORDERS = (
    select(refund)
    .where(_row_of.order_id == func.any(bindparam("ids", type_=ARRAY(UUID(as_uuid=True)))))
    .order_by(_row_of.created_at, _row_of.id)
)
_GIVEN_BACK = (
    select(_row_of.attempt_id, _row_of.currency, func.sum(_row_of.amount_minor).label("minor"))
    .where(
        _row_of.attempt_id == func.any(bindparam("ids", type_=ARRAY(UUID(as_uuid=True)))),
        _row_of.state == RefundState.SUCCEEDED.value,
    )
    .group_by(_row_of.attempt_id, _row_of.currency)
)
_INSERT = insert(refund)
_SAVE = update(refund).where(_row_of.id == bindparam("refund_id", type_=UUID(as_uuid=True)))
_WAITING = (
    select(_row_of.id)
    .where(
        _row_of.state == RefundState.PENDING.value,
        _row_of.updated_at <= bindparam("before", type_=DateTime(timezone=True)),
    )
    .order_by(_row_of.updated_at)
    .limit(bindparam("limit", type_=Integer))
)


class SqlRefundReader:
    """`RefundReader` on the primary."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def given_back_by_attempt_ids(self, ids: Sequence[AttemptId]) -> dict[AttemptId, Money]:
        """How much of each payment has reached the buyer."""
        async with self._database.read_fresh() as connection:
            rows = (await connection.execute(_GIVEN_BACK, {"ids": list[uuid.UUID](ids)})).all()
        return {row.attempt_id: Money(int(row.minor), Currency(row.currency)) for row in rows}


class SqlRefunds:
    """`RefundStore` on one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, refund_id: RefundId) -> Refund | None:
        """The refund, None where there is none."""
        row = (await self._connection.execute(_BY_ID, {"id": refund_id})).one_or_none()
        return None if row is None else _refund(row)

    async def find_by_provider_id(self, provider_id: str) -> Refund | None:
        """The refund that the provider calls so."""
        row = (await self._connection.execute(_BY_PROVIDER_ID, {"provider_id": provider_id})).one_or_none()
        return None if row is None else _refund(row)

    async def of_attempt(self, attempt_id: AttemptId) -> list[Refund]:
        """Every refund of a payment, oldest first."""
        rows = (await self._connection.execute(_OF_ATTEMPT, {"attempt_id": attempt_id})).all()
        return [_refund(row) for row in rows]

    async def of_orders(self, ids: Collection[OrderId]) -> dict[OrderId, list[Refund]]:
        """Every refund of these orders, oldest first; orders without any are absent."""
        found: dict[OrderId, list[Refund]] = {}
        for row in (await self._connection.execute(_OF_ORDERS, {"ids": list[uuid.UUID](ids)})).all():
            found.setdefault(OrderId(row.order_id), []).append(_refund(row))
        return found

    async def insert(self, new: Refund) -> None:
        """Store a new refund."""
        await self._connection.execute(_INSERT, _row(new))

    async def save(self, changed: Refund) -> None:
        """Replace what is stored of the refund."""
        await self._connection.execute(_SAVE, {"refund_id": changed.id, **_row(changed)})

    async def waiting(self, *, before: datetime, limit: int) -> list[RefundId]:
        """Refunds that are pending and that nobody has touched since this moment, the oldest first."""
        rows = await self._connection.execute(_WAITING, {"before": before, "limit": limit})
        return [RefundId(key) for key in rows.scalars()]


def _row(stored: Refund) -> dict[str, object]:
    return {
        "id": stored.id,
        "order_id": stored.order_id,
        "attempt_id": stored.attempt_id,
        "intent_id": stored.intent_id,
        "currency": stored.amount.currency,
        "amount_minor": stored.amount.minor,
        "state": stored.state.value,
        "reason": stored.reason,
        "provider_id": stored.provider_id,
        "failure": stored.failure,
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "sent_at": stored.sent_at,
    }


def _refund(row: Row[Any]) -> Refund:
    return Refund(
        id=RefundId(row.id),
        order_id=OrderId(row.order_id),
        attempt_id=AttemptId(row.attempt_id),
        intent_id=row.intent_id,
        amount=Money(row.amount_minor, Currency(row.currency)),
        state=RefundState(row.state),
        reason=row.reason,
        created_at=row.created_at,
        updated_at=row.updated_at,
        sent_at=row.sent_at,
        provider_id=row.provider_id,
        failure=row.failure,
    )
