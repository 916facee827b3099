"""Payment events' SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Integer, Row, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.ids import AttemptId
from app.database.payment_tables import payment_event
from app.payments.events import EventState, PaymentEvent, StoredEvent

_row_of = payment_event.c
_limit = bindparam("limit", type_=Integer)
_INSERT = insert(payment_event).on_conflict_do_nothing(index_elements=["id"]).returning(_row_of.id)
_MOVE = update(payment_event).where(_row_of.id == bindparam("event_id"))
_HOLD = select(payment_event).where(_row_of.id == bindparam("event_id")).with_for_update(skip_locked=True)
_WAITING = (
    select(payment_event).where(_row_of.state.in_(["parked", "dead"])).order_by(_row_of.received_at).limit(_limit)
)
_COUNT = (
    select(_row_of.state, func.count().label("number"))
    .where(_row_of.state.in_(["parked", "dead"]))
    .group_by(_row_of.state)
)
_old = (
    select(_row_of.id)
    .where(
        _row_of.received_at < bindparam("moment", type_=DateTime(timezone=True)),
        _row_of.state.in_(["applied", "ignored"]),
    )
    .order_by(_row_of.received_at)
    .limit(_limit)
)
_DELETE = delete(payment_event).where(_row_of.id.in_(_old)).returning(_row_of.id)


class SqlPaymentEvents:
    """`EventStore` on one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert(self, event: PaymentEvent, state: EventState, *, now: datetime) -> bool:
        """Store a new event; False where it is there already."""
        row = {
            "id": event.id,
            "type": event.type,
            "intent_id": event.intent_id,
            "attempt_id": event.attempt_id,
            "created": event.created,
            "received_at": now,
            "state": state.value,
        }
        return (await self._connection.execute(_INSERT, row)).one_or_none() is not None

    async def move(self, event_id: str, state: EventState, *, tries: int | None = None) -> None:
        """Record what became of an event."""
        values = {"event_id": event_id, "state": state.value} | ({} if tries is None else {"tries": tries})
        await self._connection.execute(_MOVE, values)

    async def hold(self, event_id: str) -> StoredEvent | None:
        """The event, locked until the end of the transaction; None where there is none or somebody else has it."""
        row = (await self._connection.execute(_HOLD, {"event_id": event_id})).one_or_none()
        return None if row is None else _stored(row)

    async def waiting(self, *, limit: int) -> Sequence[StoredEvent]:
        """Parked and dead events, the oldest first."""
        return [_stored(row) for row in (await self._connection.execute(_WAITING, {"limit": limit})).all()]

    async def count_waiting(self) -> dict[EventState, int]:
        """How many are parked, and how many dead."""
        rows = (await self._connection.execute(_COUNT)).all()
        return {EventState.PARKED: 0, EventState.DEAD: 0} | {EventState(row.state): row.number for row in rows}

    async def delete_before(self, moment: datetime, *, limit: int) -> int:
        """Forget events received before then that nobody waits for; returns how many."""
        return len((await self._connection.execute(_DELETE, {"moment": moment, "limit": limit})).all())


def _stored(row: Row[Any]) -> StoredEvent:
    return StoredEvent(
        id=row.id,
        type=row.type,
        intent_id=row.intent_id,
        attempt_id=None if row.attempt_id is None else AttemptId(row.attempt_id),
        created=row.created,
        received_at=row.received_at,
        state=EventState(row.state),
        tries=row.tries,
    )
