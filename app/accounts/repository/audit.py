"""The audit log's SQL. See ADR-0033."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import BigInteger, Row, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.audit import Chain, Entry, Event, Head
from app.database.account_tables import audit_entry, audit_head

_PAGE = 1_000
_rows = audit_entry.c
_HEAD = select(audit_head.c.seq, audit_head.c.digest)
_LOCK_HEAD = _HEAD.with_for_update()
_INSERT = insert(audit_entry)
_MOVE_HEAD = update(audit_head).values(seq=bindparam("new_seq"), digest=bindparam("new_digest"))
_AFTER = select(audit_entry).where(_rows.seq > bindparam("after", type_=BigInteger)).order_by(_rows.seq).limit(_PAGE)
_NEWEST = select(audit_entry).order_by(_rows.seq.desc()).limit(bindparam("most"))


class SqlAudit:
    """`AuditStore` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection, chain: Chain) -> None:
        self._connection = connection
        self._chain = chain

    async def append(self, event: Event) -> None:
        """Add an entry; the head's lock is held until the transaction ends, so do it last."""
        head = (await self._connection.execute(_LOCK_HEAD)).one()
        seq = head.seq + 1
        digest = self._chain.digest(head.digest, seq, event)
        row = {
            "seq": seq,
            "at": event.at,
            "action": str(event.action),
            "actor": event.actor,
            "subject": event.subject,
            "address": event.address,
            "facts": dict(event.facts),
            "digest": digest,
        }
        await self._connection.execute(_INSERT, row)
        await self._connection.execute(_MOVE_HEAD, {"new_seq": seq, "new_digest": digest})

    async def head(self) -> Head:
        """The end of the log as it was noted."""
        row = (await self._connection.execute(_HEAD)).one_or_none()
        return Head(0, b"") if row is None else Head(row.seq, row.digest)

    async def entries(self, *, after: int = 0) -> AsyncIterator[Entry]:
        """All entries in order, a page at a time."""
        while rows := (await self._connection.execute(_AFTER, {"after": after})).all():
            for row in rows:
                yield _entry(row)
            after = rows[-1].seq

    async def newest(self, *, limit: int) -> list[Entry]:
        """The last entries, the newest first."""
        return [_entry(row) for row in await self._connection.execute(_NEWEST, {"most": limit})]


def _entry(row: Row[Any]) -> Entry:
    event = Event(row.action, row.actor, row.subject, row.at, row.address, row.facts)
    return Entry(row.seq, event, row.digest)
