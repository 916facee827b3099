"""Findings' SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Integer, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.ids import OrderId
from app.database.payment_tables import payment_finding
from app.payments.findings import Finding, FindingKind, StoredFinding

_row_of = payment_finding.c
_insert = insert(payment_finding)
_FIND = _insert.on_conflict_do_update(  # no row for one that is open already
    index_elements=["kind", "subject"],
    set_={"detail": _insert.excluded.detail, "last_seen_at": _insert.excluded.last_seen_at, "resolved_at": None},
    where=_row_of.resolved_at.is_not(None),
).returning(_row_of.id)
_SEE_AGAIN = (
    update(payment_finding)
    .where(_row_of.kind == bindparam("the_kind"), _row_of.subject == bindparam("the_subject"))
    .values(detail=bindparam("detail"), last_seen_at=bindparam("now"))
)
_OPEN = (
    select(payment_finding)
    .where(_row_of.resolved_at.is_(None))
    .order_by(_row_of.first_seen_at, _row_of.id)
    .limit(bindparam("limit", type_=Integer))
)
_COUNT_OPEN = (
    select(_row_of.kind, func.count().label("number")).where(_row_of.resolved_at.is_(None)).group_by(_row_of.kind)
)
_RESOLVE = (
    update(payment_finding)
    .where(_row_of.id == bindparam("finding_id", type_=BigInteger), _row_of.resolved_at.is_(None))
    .values(resolved_at=bindparam("now"))
    .returning(_row_of.id)
)


class SqlFindings:
    """`FindingStore` on one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(self, finding: Finding, *, now: datetime) -> bool:
        """Store a finding; whether it is new, or has come back after it was resolved."""
        row = {
            "kind": finding.kind.value,
            "subject": finding.subject,
            "detail": finding.detail,
            "order_id": finding.order_id,
            "intent_id": finding.intent_id,
            "first_seen_at": now,
            "last_seen_at": now,
        }
        if (await self._connection.execute(_FIND, row)).one_or_none() is not None:
            return True
        again = {"the_kind": row["kind"], "the_subject": finding.subject, "detail": finding.detail, "now": now}
        await self._connection.execute(_SEE_AGAIN, again)
        return False

    async def open(self, *, limit: int) -> Sequence[StoredFinding]:
        """Findings that nobody has resolved, the oldest first."""
        return [
            StoredFinding(
                id=row.id,
                finding=Finding(
                    kind=FindingKind(row.kind),
                    subject=row.subject,
                    detail=row.detail,
                    order_id=None if row.order_id is None else OrderId(row.order_id),
                    intent_id=row.intent_id,
                ),
                first_seen_at=row.first_seen_at,
                last_seen_at=row.last_seen_at,
            )
            for row in (await self._connection.execute(_OPEN, {"limit": limit})).all()
        ]

    async def count_open(self) -> dict[FindingKind, int]:
        """How many of each kind nobody has resolved."""
        rows = (await self._connection.execute(_COUNT_OPEN)).all()
        return dict.fromkeys(FindingKind, 0) | {FindingKind(row.kind): row.number for row in rows}

    async def resolve(self, finding_id: int, *, now: datetime) -> bool:
        """Note that somebody has dealt with it; False where there is no such open finding."""
        values = {"finding_id": finding_id, "now": now}
        return (await self._connection.execute(_RESOLVE, values)).one_or_none() is not None
