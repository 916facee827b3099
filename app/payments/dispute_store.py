"""Disputes' SQL."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Integer, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.ids import OrderId
from app.core.money import Currency, Money
from app.database.payment_tables import payment_dispute
from app.database.tables import payment_attempt
from app.payments.disputes import Dispute

_insert = insert(payment_dispute)
_RECORD = _insert.on_conflict_do_update(
    index_elements=["id"],
    set_={
        column.name: _insert.excluded[column.name]
        for column in payment_dispute.c
        if column.name not in ("id", "intent_id", "opened_at")
    },
    where=tuple_(_insert.excluded.as_of, _insert.excluded.stage)
    > tuple_(payment_dispute.c.as_of, payment_dispute.c.stage),
).returning(payment_dispute.c.id)
_COUNT_OPEN = select(func.count()).select_from(payment_dispute).where(payment_dispute.c.stage == 0)
_LIST = (
    select(payment_dispute, payment_attempt.c.order_id)
    .outerjoin(payment_attempt, payment_attempt.c.intent_id == payment_dispute.c.intent_id)
    .order_by(payment_dispute.c.opened_at.desc(), payment_dispute.c.id)
    .limit(bindparam("limit", type_=Integer))
)


class SqlDisputes:
    """`DisputeStore` on one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(self, dispute: Dispute) -> bool:
        """Store how a dispute stands, unless something later is known; returns whether that was news."""
        row = {
            "id": dispute.id,
            "intent_id": dispute.intent_id,
            "currency": dispute.amount.currency,
            "amount_minor": dispute.amount.minor,
            "reason": dispute.reason,
            "status": dispute.status,
            "stage": dispute.stage,
            "due_by": dispute.due_by,
            "opened_at": dispute.opened_at,
            "as_of": dispute.as_of,
        }
        return (await self._connection.execute(_RECORD, row)).one_or_none() is not None

    async def count_open(self) -> int:
        """How many the shop may still answer."""
        return int((await self._connection.execute(_COUNT_OPEN)).scalar_one())

    async def list(self, *, limit: int) -> Sequence[tuple[Dispute, OrderId | None]]:
        """The latest disputes, each with its order where that is known."""
        found = []
        for row in (await self._connection.execute(_LIST, {"limit": limit})).all():
            dispute = Dispute(
                id=row.id,
                intent_id=row.intent_id,
                amount=Money(row.amount_minor, Currency(row.currency)),
                reason=row.reason,
                status=row.status,
                due_by=row.due_by,
                opened_at=row.opened_at,
                as_of=row.as_of,
            )
            found.append((dispute, None if row.order_id is None else OrderId(row.order_id)))
        return found
