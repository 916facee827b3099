"""Keyed calls' SQL: one statement where the call is new, and one more where it is not. See ADR-0015."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import BYTEA, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.errors import ClientError
from app.core.fault_records import restored_faults, stored_faults
from app.database.tables import idempotency_key
from app.idempotency.domain import KEPT, Effect, Kept, KeyedCall, key_reused

_rows = idempotency_key.c
_is_the_call = (_rows.scope == bindparam("of_scope", type_=BYTEA)) & (_rows.key == bindparam("of_key", type_=Text))
_same_input = _rows.input_digest == bindparam("of_input", type_=BYTEA)
_new = insert(idempotency_key)
# a row whose time is over counts as none
_INSERT = _new.on_conflict_do_update(
    index_elements=[_rows.scope, _rows.key],
    set_={
        name: _new.excluded[name]
        for name in ("input_digest", "has_effect", "subject", "faults", "answer", "answer_digest", "created_at")
    },
    where=_rows.created_at < bindparam("expired_before", type_=_rows.created_at.type),
).returning(_rows.has_effect)
_FOUND = ("input_digest", "has_effect", "subject", "faults", "answer", "answer_digest")
_FIND = select(*(_rows[name] for name in _FOUND)).where(_is_the_call)
_FIND_ANSWER = select(_rows.answer).where(
    _is_the_call,
    _same_input,
    _rows.answer_digest == bindparam("of_answer", type_=BYTEA),
    _rows.created_at >= bindparam("expired_before", type_=_rows.created_at.type),
)
_NOTE = update(idempotency_key).where(_is_the_call)
_ANSWER = update(idempotency_key).where(_is_the_call, _same_input, _rows.answer.is_(None)).returning(_rows.has_effect)


class SqlKeys:
    """`KeyStore` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self, call: KeyedCall, *, now: datetime, subject: UUID | None = None) -> Effect | None:
        """Take the key for this transaction's effect; or, where an earlier call took it, what that call did."""
        if await self._insert(call, now, has_effect=True, subject=subject):
            return None
        earlier = await self._find(call)
        if earlier is None or earlier.input_digest != call.input_digest or not earlier.has_effect:
            raise key_reused()
        return Effect(earlier.subject, restored_faults(earlier.faults))

    async def note(self, call: KeyedCall, faults: Sequence[ClientError]) -> None:
        """Remember what the effect of a claimed call left out."""
        await self._connection.execute(_NOTE, {**_of(call), "faults": stored_faults(faults)})

    async def find_answer(self, call: KeyedCall, *, now: datetime) -> bytes | None:
        """The answer that was sent to the same call."""
        values = {**_of(call), "of_input": call.input_digest, "of_answer": call.answer_digest}
        answer = await self._connection.scalar(_FIND_ANSWER, {**values, "expired_before": now - KEPT})
        return None if answer is None else bytes(answer)

    async def keep_answer(self, call: KeyedCall, answer: bytes, *, now: datetime, has_effect: bool) -> bytes | Kept:
        """Keep the answer, or learn which one was kept before."""
        if has_effect:
            values = {**_of(call), "of_input": call.input_digest}
            kept = await self._connection.execute(
                _ANSWER, {**values, "answer": answer, "answer_digest": call.answer_digest}
            )
            is_ours = kept.one_or_none() is not None
        else:
            is_ours = await self._insert(call, now, has_effect=False, answer=answer)
        earlier = None if is_ours else await self._find(call)
        if earlier is None or earlier.input_digest != call.input_digest:
            return Kept.OURS
        if earlier.answer is None:
            return Kept.SUPERSEDED
        return bytes(earlier.answer) if earlier.answer_digest == call.answer_digest else Kept.OURS

    async def forget(self, before: datetime, *, limit: int) -> int:
        """Forget calls that are older, at most so many."""
        old = (
            select(_rows.scope, _rows.key)
            .where(_rows.created_at < before)
            .order_by(_rows.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = delete(idempotency_key).where(tuple_(_rows.scope, _rows.key).in_(old)).returning(_rows.key)
        return len((await self._connection.execute(statement)).all())

    async def _insert(
        self,
        call: KeyedCall,
        now: datetime,
        *,
        has_effect: bool,
        subject: UUID | None = None,
        answer: bytes | None = None,
    ) -> bool:
        row = {
            "scope": call.scope,
            "key": call.key,
            "input_digest": call.input_digest,
            "has_effect": has_effect,
            "subject": subject,
            "faults": None,
            "answer": answer,
            "answer_digest": None if answer is None else call.answer_digest,
            "created_at": now,
        }
        inserted = await self._connection.execute(_INSERT, {**row, "expired_before": now - KEPT})
        return inserted.one_or_none() is not None

    async def _find(self, call: KeyedCall) -> Row[Any] | None:
        return (await self._connection.execute(_FIND, _of(call))).one_or_none()


def _of(call: KeyedCall) -> dict[str, object]:
    return {"of_scope": call.scope, "of_key": call.key}
