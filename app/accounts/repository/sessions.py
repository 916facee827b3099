"""Sessions' SQL."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, Text, bindparam, delete, insert, or_, select, update
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.domain import Session, SpentToken
from app.core.ids import CustomerId, SessionId
from app.database.account_tables import session

_rows = session.c
_is_the_session = _rows.id == bindparam("session_id", type_=UUID(as_uuid=True))
_is_the_customers = _rows.customer_id == bindparam("of_customer", type_=UUID(as_uuid=True))
_moment = _rows.created_at.type
_INSERT = insert(session)
_FIND = select(session).where(_is_the_session)
_LOCK = _FIND.with_for_update()
_ROTATE = (
    update(session)
    .where(_is_the_session)
    .values(
        refresh_digest=bindparam("new_digest"),
        spent=bindparam("new_spent"),
        last_used_at=bindparam("used_at"),
        address=bindparam("from_address", type_=Text),
        user_agent=bindparam("by_agent", type_=Text),
    )
)
_END = (
    update(session)
    .where(_is_the_customers, _rows.ended_at.is_(None))
    .values(ended_at=bindparam("at", type_=_moment), user_agent=None, spent=[])
    .returning(_rows.id)
)
_FORGET_ADDRESSES = update(session).where(_is_the_customers).values(address="", user_agent=None, spent=[])
_END_ONE = _END.where(_is_the_session)
_LIST = (
    select(session)
    .where(_is_the_customers, _rows.ended_at.is_(None), _rows.expires_at > bindparam("at", type_=_moment))
    .order_by(_rows.created_at.desc(), _rows.id)
    .limit(bindparam("most", type_=Integer))
)
_ENDED = select(_rows.id, _rows.ended_at).where(_rows.ended_at > bindparam("at", type_=_moment))


class SqlSessions:
    """`SessionStore` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert(self, session: Session) -> None:
        """Store a new session."""
        await self._connection.execute(
            _INSERT,
            {
                "id": session.id,
                "customer_id": session.customer_id,
                "created_at": session.created_at,
                "last_used_at": session.last_used_at,
                "expires_at": session.expires_at,
                "user_agent": session.user_agent,
                "address": session.address,
                "refresh_digest": session.refresh_digest,
                "spent": [],
            },
        )

    async def find(self, session_id: SessionId) -> Session | None:
        """The session, ended or not."""
        return _session((await self._connection.execute(_FIND, {"session_id": session_id})).one_or_none())

    async def lock(self, session_id: SessionId) -> Session | None:
        """The session, locked."""
        return _session((await self._connection.execute(_LOCK, {"session_id": session_id})).one_or_none())

    async def rotate(self, session: Session) -> None:
        """Store what a refresh changes."""
        values = {
            "session_id": session.id,
            "new_digest": session.refresh_digest,
            "new_spent": [_stored(spent) for spent in session.spent],
            "used_at": session.last_used_at,
            "from_address": session.address,
            "by_agent": session.user_agent,
        }
        await self._connection.execute(_ROTATE, values)

    async def end(self, session_id: SessionId, *, of: CustomerId, now: datetime) -> bool:
        """End an open session of this customer."""
        values = {"session_id": session_id, "of_customer": of, "at": now}
        return (await self._connection.execute(_END_ONE, values)).one_or_none() is not None

    async def end_all(self, of: CustomerId, *, now: datetime, but: SessionId | None = None) -> int:
        """End every open session of this customer, except for one."""
        statement = _END if but is None else _END.where(_rows.id != but)
        return len((await self._connection.execute(statement, {"of_customer": of, "at": now})).all())

    async def forget_addresses(self, of: CustomerId) -> None:
        """Forget where this customer's sessions were."""
        await self._connection.execute(_FORGET_ADDRESSES, {"of_customer": of})

    async def list_open(self, of: CustomerId, *, now: datetime, limit: int) -> list[Session]:
        """The customer's open sessions, the newest first."""
        rows = await self._connection.execute(_LIST, {"of_customer": of, "at": now, "most": limit})
        return [found for row in rows if (found := _session(row)) is not None]

    async def ended_since(self, moment: datetime) -> dict[SessionId, datetime]:
        """The sessions that ended after a moment, and when."""
        rows = await self._connection.execute(_ENDED, {"at": moment})
        return {SessionId(row.id): row.ended_at for row in rows}

    async def forget(self, before: datetime, *, limit: int) -> int:
        """Forget sessions that were over before a moment, at most so many."""
        over = (
            select(_rows.id)
            .where(or_(_rows.ended_at < before, _rows.expires_at < before))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return len(
            (await self._connection.execute(delete(session).where(_rows.id.in_(over)).returning(_rows.id))).all()
        )


def _session(row: Row[Any] | None) -> Session | None:
    if row is None:
        return None
    return Session(
        SessionId(row.id),
        CustomerId(row.customer_id),
        row.created_at,
        row.last_used_at,
        row.expires_at,
        row.user_agent,
        row.address,
        row.refresh_digest,
        tuple(_restored(spent) for spent in row.spent),
        row.ended_at,
    )


def _stored(spent: SpentToken) -> dict[str, str]:
    encoded = {name: base64.b64encode(value).decode() for name, value in (("digest", spent.digest), ("pad", spent.pad))}
    return {**encoded, "at": spent.at.isoformat()}


def _restored(stored: dict[str, str]) -> SpentToken:
    return SpentToken(
        base64.b64decode(stored["digest"]), base64.b64decode(stored["pad"]), datetime.fromisoformat(stored["at"])
    )
