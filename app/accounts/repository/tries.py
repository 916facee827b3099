"""SQL of tries to sign in.

A try is inserted and committed before the tries are counted, in a statement of its own: of any number at once, each
sees all that came before it, so no more of them pass than may.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text, bindparam, delete, exists, func, insert, or_, select
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.lockout import Counted, NotedTry, Tries
from app.database.account_tables import customer, session, sign_in_try

_rows = sign_in_try.c
_account = bindparam("of_account", type_=BYTEA)
_address = bindparam("of_address", type_=Text)
_moment = _rows.at.type
_at_account, _from_address = _rows.account == _account, _rows.address == _address
_signed_in_before = (
    select(session.c.id)
    .join(customer, customer.c.id == session.c.customer_id)
    .where(customer.c.email == bindparam("of_email", type_=Text), session.c.address == _address)
)
_NOTE = (
    insert(sign_in_try)
    .from_select(
        ["account", "address", "is_known", "at"],
        select(_account, _address, exists(_signed_in_before), bindparam("now", type_=_moment)),
    )
    .returning(_rows.id, _rows.is_known)
)
_here, _by_strangers = _at_account & _from_address, _at_account & ~_rows.is_known
_COUNT = select(
    *(func.count().filter(which) for which in (_here, _by_strangers, _from_address)),
    *(func.min(_rows.at).filter(which) for which in (_here, _by_strangers, _from_address)),
).where(or_(_at_account, _from_address), _rows.at > bindparam("since", type_=_moment))


class SqlTries:
    """`TryStore` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def note(self, account: bytes, email: str, address: str, *, now: datetime) -> NotedTry:
        """Note a try."""
        values = {"of_account": account, "of_email": email, "of_address": address, "now": now}
        row = (await self._connection.execute(_NOTE, values)).one()
        return NotedTry(row.id, row.is_known)

    async def count(self, account: bytes, address: str, *, since: datetime) -> Tries:
        """The tries at this account and from this address since a moment."""
        values = {"of_account": account, "of_address": address, "since": since}
        row = (await self._connection.execute(_COUNT, values)).one()
        here, strangers, everywhere = zip(row[:3], row[3:], strict=True)
        return Tries(Counted(*here), Counted(*strangers), Counted(*everywhere))

    async def withdraw(self, number: int) -> None:
        """Forget one try."""
        await self._connection.execute(delete(sign_in_try).where(_rows.id == number))

    async def forgive(self, account: bytes, address: str | None = None) -> None:
        """Forget the tries at an account: those from one address, or all."""
        values = {"of_account": account} if address is None else {"of_account": account, "of_address": address}
        which = _at_account if address is None else _here
        await self._connection.execute(delete(sign_in_try).where(which), values)

    async def forget(self, before: datetime, *, limit: int) -> int:
        """Forget tries that are older, at most so many."""
        old = select(_rows.id).where(_rows.at < before).limit(limit).with_for_update(skip_locked=True)
        gone = await self._connection.execute(delete(sign_in_try).where(_rows.id.in_(old)).returning(_rows.id))
        return len(gone.all())
