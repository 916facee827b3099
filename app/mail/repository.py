"""E-mails' SQL: what is posted is inserted with its job, in the transaction of whoever posts it. See ADR-0027."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, Text, bindparam, delete, func, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.mail_tables import mail_message
from app.jobs.domain import Job, JobStore
from app.mail.domain import MESSAGE, SEND_MAIL, FailedMessage, MailState, Message, PostedMessage

_rows = mail_message.c
_WAITING, _SENT, _FAILED = MailState.WAITING.value, MailState.SENT.value, MailState.FAILED.value
_is_it = _rows.key == bindparam("of_key")
_POST = insert(mail_message).on_conflict_do_nothing(index_elements=[_rows.key]).returning(_rows.key)
_FIND = select(mail_message).where(_is_it, _rows.state == _WAITING)
_END = update(mail_message).where(_is_it, _rows.state == _WAITING)
_RETRY = (
    update(mail_message)
    .where(_is_it, _rows.state == _FAILED)
    .values(state=_WAITING, ended_at=null(), reason=null())
    .returning(_rows.key)
)
_SUPERSEDE = (
    update(mail_message)
    .where(_rows.key == func.any(bindparam("keys", type_=ARRAY(Text))), _rows.state == _WAITING)
    .values(state=MailState.SUPERSEDED.value, ended_at=func.now(), recipient=null(), data=null())
)
_FORGET = delete(mail_message).where(func.lower(_rows.recipient) == func.lower(bindparam("of_recipient")))
_LIST_FAILED = (
    select(_rows.key, _rows.template, _rows.ended_at, _rows.reason)
    .where(_rows.state == _FAILED)
    .order_by(_rows.ended_at.desc(), _rows.key)
)


class SqlMail:
    """`MailStore` on one connection to the primary. jobs: of the same transaction."""

    def __init__(self, connection: AsyncConnection, jobs: JobStore) -> None:
        self._connection = connection
        self._jobs = jobs

    async def post(self, message: Message) -> None:
        """Have the message sent once this transaction is committed; whoever was forgotten is not written to."""
        if not message.recipient:
            return
        row = {
            "key": message.key,
            "template": message.template,
            "recipient": message.recipient,
            "language": message.language,
            "data": dict(message.data),
        }
        if (await self._connection.execute(_POST, row)).one_or_none() is None:
            return
        await self._jobs.enqueue(_job(message.key))
        if message.supersedes:
            await self._connection.execute(_SUPERSEDE, {"keys": message.supersedes})

    async def forget_recipient(self, email: str) -> None:
        """Forget whatever was or is to be sent to this address, in upper or lower case."""
        await self._connection.execute(_FORGET, {"of_recipient": email})

    async def find_waiting(self, key: str) -> PostedMessage | None:
        """The message, None where it does not wait."""
        row = (await self._connection.execute(_FIND, {"of_key": key})).one_or_none()
        if row is None:
            return None
        return PostedMessage(Message(row.key, row.template, row.recipient, row.language, row.data), row.posted_at)

    async def mark_sent(self, key: str, *, now: datetime) -> None:
        """That the message is on its way."""
        values = {"state": _SENT, "ended_at": now, "recipient": None, "data": null()}
        await self._connection.execute(_END.values(values), {"of_key": key})

    async def mark_failed(self, key: str, reason: str, *, now: datetime) -> None:
        """That the message will not be sent."""
        values = {"state": _FAILED, "ended_at": now, "reason": reason}
        await self._connection.execute(_END.values(values), {"of_key": key})

    async def list_failed(self, *, limit: int) -> list[FailedMessage]:
        """The newest failed messages."""
        rows = await self._connection.execute(_LIST_FAILED.limit(limit))
        return [FailedMessage(*row) for row in rows]

    async def retry(self, key: str) -> bool:
        """Have a failed message tried again; whether there is one."""
        if (await self._connection.execute(_RETRY, {"of_key": key})).one_or_none() is None:
            return False
        await self._jobs.enqueue(_job(key))
        return True

    async def forget_ended(self, before: datetime, *, limit: int) -> int:
        """Forget messages that ended before; how many, at most the limit."""
        old = (
            select(_rows.key)
            .where(_rows.ended_at < before)
            .order_by(_rows.ended_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        gone = await self._connection.execute(delete(mail_message).where(_rows.key.in_(old)).returning(_rows.key))
        return len(gone.all())


def _job(key: str) -> Job:
    return Job(SEND_MAIL, {MESSAGE: key}, key=key)
