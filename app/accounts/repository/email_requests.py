"""SQL of registrations and resets that wait for their link to be followed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, Row, Text, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.dialects.postgresql import UUID as UUID_TYPE
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.email_requests import EmailRequest, RequestKind
from app.database.account_tables import email_request

_rows = email_request.c
_moment = _rows.asked_at.type
_of_email = _rows.email == bindparam("of_email", type_=Text)
_INSERT = insert(email_request)
_from_address = _rows.address == bindparam("of_address", type_=Text)
_COUNT = select(func.count().filter(_of_email), func.count().filter(_from_address)).where(
    or_(_of_email, _from_address), _rows.asked_at > bindparam("since", type_=_moment)
)
_CLAIM = (
    select(email_request)
    .where(_rows.id == bindparam("request_id", type_=UUID_TYPE(as_uuid=True)), _rows.token_digest.is_(None))
    .with_for_update()
)
_by_token = and_(
    _rows.token_digest == bindparam("of_digest", type_=BYTEA),
    _rows.kind == bindparam("of_kind", type_=Text),
    _rows.expires_at > bindparam("now", type_=_moment),
)
_FIND = select(email_request).where(_by_token)
_TAKE = delete(email_request).where(_by_token).returning(*email_request.c)


class SqlEmailRequests:
    """`EmailRequestStore` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert(self, request: EmailRequest) -> None:
        """Store a request whose e-mail is not posted yet."""
        await self._connection.execute(
            _INSERT,
            {
                "id": request.id,
                "kind": request.kind.value,
                "email": request.email,
                "name": request.name,
                "password_hash": request.password_hash,
                "language": request.language,
                "asked_at": request.asked_at,
                "address": request.address,
            },
        )

    async def count_since(self, email: str, address: str, moment: datetime) -> tuple[int, int]:
        """How many requests named this e-mail address since a moment, and how many came from this network address."""
        values = {"of_email": email, "of_address": address, "since": moment}
        row = (await self._connection.execute(_COUNT, values)).one()
        return row[0], row[1]

    async def claim(self, request_id: UUID) -> EmailRequest | None:
        """The request, locked."""
        row = (await self._connection.execute(_CLAIM, {"request_id": request_id})).one_or_none()
        return None if row is None else _request(row)

    async def set_token(self, request_id: UUID, digest: bytes, *, expires_at: datetime) -> None:
        """Note what the e-mail's link is recognised by."""
        values = {"token_digest": digest, "expires_at": expires_at}
        await self._connection.execute(update(email_request).where(_rows.id == request_id).values(values))

    async def find(self, digest: bytes, kind: RequestKind, *, now: datetime) -> EmailRequest | None:
        """The request with this token."""
        return await self._one(_FIND, digest, kind, now)

    async def take(self, digest: bytes, kind: RequestKind, *, now: datetime) -> EmailRequest | None:
        """The request with this token, which is gone with the transaction's commit."""
        return await self._one(_TAKE, digest, kind, now)

    async def _one(self, statement: Executable, digest: bytes, kind: RequestKind, now: datetime) -> EmailRequest | None:
        values = {"of_digest": digest, "of_kind": kind.value, "now": now}
        row = (await self._connection.execute(statement, values)).one_or_none()
        return None if row is None else _request(row)

    async def drop_for(self, email: str) -> None:
        """Forget every request of this address, and with it every link."""
        await self._connection.execute(delete(email_request).where(_of_email), {"of_email": email})

    async def forget(self, before: datetime, *, limit: int) -> int:
        """Forget requests whose time was over before a moment."""
        over = or_(_rows.expires_at < before, (_rows.token_digest.is_(None)) & (_rows.asked_at < before))
        old = select(_rows.id).where(over).limit(limit).with_for_update(skip_locked=True)
        gone = await self._connection.execute(delete(email_request).where(_rows.id.in_(old)).returning(_rows.id))
        return len(gone.all())


def _request(row: Row[Any]) -> EmailRequest:
    return EmailRequest(
        row.id,
        RequestKind(row.kind),
        row.email,
        row.language,
        row.asked_at,
        row.address,
        row.name,
        row.password_hash,
    )
