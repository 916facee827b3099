"""Payment attempts' SQL, always on the primary."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, DateTime, Integer, Row, Text, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.ids import AttemptId, CartId, OrderId
from app.core.money import Currency, Money
from app.database.engine import Database
from app.database.tables import orders, payment_attempt
from app.payments.domain import AttemptState, PaymentAttempt, PaymentMethod

_row_of = payment_attempt.c
_owner = select(orders.c.customer_id).where(orders.c.id == _row_of.order_id).scalar_subquery().label("customer_id")
_ATTEMPTS = select(payment_attempt, _owner)
_ids = bindparam("ids", type_=ARRAY(UUID(as_uuid=True)))
_BY_ID = _ATTEMPTS.where(_row_of.id == func.any(_ids))
_BY_ORDER = _ATTEMPTS.where(_row_of.order_id == func.any(_ids)).order_by(_row_of.created_at, _row_of.id)
_LIVE_BY_CART = _ATTEMPTS.where(_row_of.cart_id == func.any(_ids), _row_of.check_at.is_not(None))
_OF_PAYMENTS = _ATTEMPTS.where(
    or_(_row_of.intent_id == func.any(bindparam("intent_ids", type_=ARRAY(Text))), _row_of.id == func.any(_ids))
)
_BY_KEY = _ATTEMPTS.where(
    _row_of.cart_id == bindparam("cart_id"), _row_of.idempotency_key == bindparam("idempotency_key")
)
_BY_INTENT = _ATTEMPTS.where(_row_of.intent_id == bindparam("intent_id"))
_INSERT = insert(payment_attempt)
_SAVE = update(payment_attempt).where(_row_of.id == bindparam("attempt_id"))
_DUE = (
    select(_row_of.id)
    .where(_row_of.check_at <= bindparam("before", type_=DateTime(timezone=True)))
    .order_by(_row_of.check_at)
    .limit(bindparam("limit", type_=Integer))
)
_QUEUE = (
    _ATTEMPTS.where(_row_of.state == "queued", _row_of.check_at.is_not(None))
    .order_by(_row_of.created_at)
    .limit(bindparam("limit", type_=Integer))
)
_QUEUE_LENGTH = select(func.count(), func.min(_row_of.queued_at)).where(
    _row_of.state == "queued", _row_of.check_at.is_not(None)
)
_later = (
    select(_row_of.id)
    .where(_row_of.state == "queued", _row_of.check_at > bindparam("later_than", type_=DateTime(timezone=True)))
    .order_by(_row_of.created_at)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("later")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
_HASTEN = (
    update(payment_attempt)
    .where(_row_of.id.in_(select(_later.c.id)))
    .values(check_at=bindparam("now", type_=DateTime(timezone=True)))
    .returning(_row_of.id)
)


class SqlAttemptReader:
    """`AttemptReader` on the primary."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def attempts_by_ids(self, ids: Sequence[AttemptId]) -> dict[AttemptId, PaymentAttempt]:
        """The attempts with these ids."""
        return {row.id: _attempt(row) for row in await self._rows(_BY_ID, ids)}

    async def attempts_by_order_ids(self, ids: Sequence[OrderId]) -> dict[OrderId, tuple[PaymentAttempt, ...]]:
        """The attempts at these orders, oldest first."""
        grouped: defaultdict[OrderId, list[PaymentAttempt]] = defaultdict(list)
        for row in await self._rows(_BY_ORDER, ids):
            grouped[row.order_id].append(_attempt(row))
        return {order_id: tuple(attempts) for order_id, attempts in grouped.items()}

    async def live_attempts_by_cart_ids(self, ids: Sequence[CartId]) -> dict[CartId, PaymentAttempt]:
        """The attempt of each cart that has not ended yet."""
        return {row.cart_id: _attempt(row) for row in await self._rows(_LIVE_BY_CART, ids)}

    async def _rows(self, statement: Any, ids: Sequence[uuid.UUID]) -> Sequence[Row[Any]]:  # noqa: ANN401  Select
        async with self._database.read_fresh() as connection:
            return (await connection.execute(statement, {"ids": list(ids)})).all()


class SqlAttempts:
    """`AttemptStore` on one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, attempt_id: AttemptId) -> PaymentAttempt | None:
        """The attempt, None where there is none."""
        row = (await self._connection.execute(_BY_ID, {"ids": [attempt_id]})).one_or_none()
        return None if row is None else _attempt(row)

    async def of_payments(
        self, intent_ids: Sequence[str], attempt_ids: Sequence[AttemptId]
    ) -> Sequence[PaymentAttempt]:
        """The attempts that have one of these payments, and those with one of these ids."""
        parameters = {"intent_ids": list(intent_ids), "ids": list(attempt_ids)}
        return [_attempt(row) for row in (await self._connection.execute(_OF_PAYMENTS, parameters)).all()]

    async def find_by_key(self, cart_id: CartId, idempotency_key: str) -> PaymentAttempt | None:
        """The attempt that this key of the cart has begun."""
        parameters = {"cart_id": cart_id, "idempotency_key": idempotency_key}
        row = (await self._connection.execute(_BY_KEY, parameters)).one_or_none()
        return None if row is None else _attempt(row)

    async def find_by_intent(self, intent_id: str) -> PaymentAttempt | None:
        """The attempt that the provider's payment is for."""
        row = (await self._connection.execute(_BY_INTENT, {"intent_id": intent_id})).one_or_none()
        return None if row is None else _attempt(row)

    async def of_order(self, order_id: OrderId) -> list[PaymentAttempt]:
        """The attempts to pay for an order, oldest first."""
        return [_attempt(row) for row in (await self._connection.execute(_BY_ORDER, {"ids": [order_id]})).all()]

    async def insert(self, attempt: PaymentAttempt) -> None:
        """Store a new attempt."""
        await self._connection.execute(_INSERT, _row(attempt))

    async def save(self, attempt: PaymentAttempt) -> None:
        """Replace what is stored of the attempt."""
        await self._connection.execute(_SAVE, {"attempt_id": attempt.id, **_row(attempt)})

    async def due(self, *, before: datetime, limit: int) -> list[AttemptId]:
        """Attempts that were to be checked before this moment, the longest due first."""
        rows = await self._connection.execute(_DUE, {"before": before, "limit": limit})
        return [AttemptId(key) for key in rows.scalars()]

    async def hasten_queued(self, *, now: datetime, later_than: datetime, limit: int) -> list[AttemptId]:
        """Make queued attempts due now that are due later than this moment, the oldest first; returns which."""
        rows = await self._connection.execute(_HASTEN, {"now": now, "later_than": later_than, "limit": limit})
        return [AttemptId(key) for key in rows.scalars()]

    async def queue(self, *, limit: int) -> list[PaymentAttempt]:
        """Attempts that wait in the queue, the oldest first."""
        return [_attempt(row) for row in (await self._connection.execute(_QUEUE, {"limit": limit})).all()]

    async def queue_length(self) -> tuple[int, datetime | None]:
        """How many attempts wait in the queue, and since when the first of them does."""
        row = (await self._connection.execute(_QUEUE_LENGTH)).one()
        return row[0], row[1]


def _row(attempt: PaymentAttempt) -> dict[str, object]:
    return {
        "id": attempt.id,
        "order_id": attempt.order_id,
        "cart_id": attempt.cart_id,
        "idempotency_key": attempt.idempotency_key,
        "input_digest": attempt.input_digest,
        "state": attempt.state.value.lower(),
        "currency": attempt.amount.currency,
        "amount_minor": attempt.amount.minor,
        "confirmation_token": attempt.method.confirmation_token,
        "payment_method_id": attempt.method.payment_method_id,
        "receipt_email": attempt.receipt_email,
        "intent_id": attempt.intent_id,
        "client_secret": attempt.client_secret,
        "card_brand": attempt.card_brand,
        "card_last4": attempt.card_last4,
        "decline_code": attempt.decline_code,
        "failure_message": attempt.failure_message,
        "created_at": attempt.created_at,
        "updated_at": attempt.updated_at,
        "expires_at": attempt.expires_at,
        "check_at": attempt.check_at,
        "tries": attempt.tries,
        "sent_at": attempt.sent_at,
        "queued_at": attempt.queued_at,
        "cancel_requested_at": attempt.cancel_requested_at,
    }


def _attempt(row: Row[Any]) -> PaymentAttempt:
    return PaymentAttempt(
        id=row.id,
        order_id=row.order_id,
        cart_id=row.cart_id,
        idempotency_key=row.idempotency_key,
        input_digest=row.input_digest,
        state=AttemptState(row.state.upper()),
        amount=Money(row.amount_minor, Currency(row.currency)),
        method=PaymentMethod(row.confirmation_token, row.payment_method_id),
        receipt_email=row.receipt_email,
        created_at=row.created_at,
        updated_at=row.updated_at,
        expires_at=row.expires_at,
        check_at=row.check_at,
        intent_id=row.intent_id,
        client_secret=row.client_secret,
        card_brand=row.card_brand,
        card_last4=row.card_last4,
        decline_code=row.decline_code,
        failure_message=row.failure_message,
        tries=row.tries,
        sent_at=row.sent_at,
        queued_at=row.queued_at,
        cancel_requested_at=row.cancel_requested_at,
        customer_id=row.customer_id,
    )
