"""E-mails in the real tables: with the data of their transaction or not at all, once, and forgotten in time."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.bootstrap import Shop
from app.mail.contents import PasswordReset, message_of
from app.mail.domain import FailedMessage, MailState, Message
from app.mail.send_mail import KEPT

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
LINK = "https://shop.example/reset-password?token=opens-an-account"


@pytest.fixture
def message() -> Message:
    content = PasswordReset(LINK, NOW + timedelta(hours=1))
    return message_of(content, about=str(uuid.uuid4()), recipient="ada@buyers.example", language="de")


async def post(shop: Shop, message: Message) -> None:
    async with shop.transactions.begin() as tx:
        await tx.mail.post(message)


async def rows(shop: Shop, message: Message) -> list[tuple[object, ...]]:
    async with shop.database.read_fresh() as connection:
        found = await connection.execute(
            text("SELECT state, recipient, data, reason FROM mail_message WHERE key = :key"), {"key": message.key}
        )
        return [tuple(row) for row in found]


async def job_count(shop: Shop, message: Message) -> int:
    async with shop.database.read_fresh() as connection:
        statement = (
            "SELECT count(*) FROM jobs.job WHERE entrypoint = 'send_mail' AND convert_from(payload, 'UTF8') LIKE :key"
        )
        return (await connection.execute(text(statement), {"key": f"%{message.key}%"})).scalar_one()


async def test_what_is_posted_waits_with_a_job_that_sends_it(shop: Shop, message: Message) -> None:
    await post(shop, message)

    async with shop.transactions.read() as tx:
        posted = await tx.mail.find_waiting(message.key)
    assert posted is not None
    assert posted.message == message
    assert posted.posted_at.tzinfo is not None
    assert await job_count(shop, message) == 1


async def test_a_transaction_that_is_rolled_back_posts_nothing(shop: Shop, message: Message) -> None:
    async def post_and_fail() -> None:
        async with shop.transactions.begin() as tx:
            await tx.mail.post(message)
            raise LookupError

    with pytest.raises(LookupError):
        await post_and_fail()

    assert await rows(shop, message) == []
    assert await job_count(shop, message) == 0


async def test_a_message_that_many_post_at_once_is_one(shop: Shop, message: Message) -> None:
    await asyncio.gather(*(post(shop, message) for _ in range(8)))

    assert len(await rows(shop, message)) == 1
    assert await job_count(shop, message) == 1


async def test_what_is_superseded_is_not_sent_any_more_and_what_was_sent_stays(shop: Shop, message: Message) -> None:
    sent = replace(message, key=f"{message.key}-sent")
    newer = replace(message, key=f"{message.key}-newer", supersedes=(message.key, sent.key))
    for each in (message, sent):
        await post(shop, each)
    async with shop.transactions.begin() as tx:
        await tx.mail.mark_sent(sent.key, now=NOW)

    await post(shop, newer)

    async with shop.transactions.read() as tx:
        assert await tx.mail.find_waiting(message.key) is None
        assert await tx.mail.find_waiting(newer.key) is not None
    assert await rows(shop, message) == [(MailState.SUPERSEDED.value, None, None, None)]
    assert await rows(shop, sent) == [(MailState.SENT.value, None, None, None)]


async def test_a_sent_message_keeps_neither_its_address_nor_its_link(shop: Shop, message: Message) -> None:
    await post(shop, message)

    async with shop.transactions.begin() as tx:
        await tx.mail.mark_sent(message.key, now=NOW)
    await post(shop, message)

    assert await rows(shop, message) == [(MailState.SENT.value, None, None, None)]
    async with shop.transactions.read() as tx:
        assert await tx.mail.find_waiting(message.key) is None


async def test_a_failed_message_is_listed_and_can_be_tried_again(shop: Shop, message: Message) -> None:
    await post(shop, message)
    async with shop.transactions.begin() as tx:
        await tx.mail.mark_failed(message.key, "550 no such mailbox", now=NOW)
        await tx.mail.mark_sent(message.key, now=NOW)  # too late: it has ended

    async with shop.transactions.begin() as tx:
        failed = await tx.mail.list_failed(limit=10_000)
        assert FailedMessage(message.key, "password_reset", NOW, "550 no such mailbox") in failed
        assert await tx.mail.retry(message.key)
        assert not await tx.mail.retry(message.key)

    async with shop.transactions.read() as tx:
        posted = await tx.mail.find_waiting(message.key)
    assert posted is not None
    assert posted.message == message


async def test_failed_messages_are_listed_newest_first_and_no_more_than_asked(shop: Shop, message: Message) -> None:
    later = message_of(PasswordReset(LINK, NOW), about=str(uuid.uuid4()), recipient="ada@buyers.example", language="de")
    far = NOW + timedelta(days=36_500)
    for minutes, each in ((0, message), (1, later)):
        await post(shop, each)
        async with shop.transactions.begin() as tx:
            await tx.mail.mark_failed(each.key, "no", now=far + timedelta(minutes=minutes))

    async with shop.transactions.read() as tx:
        failed = [each.key for each in await tx.mail.list_failed(limit=2)]
        newest = [each.key for each in await tx.mail.list_failed(limit=1)]

    assert (failed, newest) == ([later.key, message.key], [later.key])
    async with shop.transactions.begin() as tx:
        assert await tx.mail.forget_ended(far + timedelta(hours=1), limit=10_000) >= 2


async def test_what_ended_long_ago_is_forgotten_some_at_a_time(shop: Shop, message: Message) -> None:
    waiting = message_of(PasswordReset(LINK, NOW), about=str(uuid.uuid4()), recipient="a@b.example", language="de")
    await post(shop, waiting)
    await post(shop, message)
    long_ago = NOW - timedelta(days=36_500)
    async with shop.transactions.begin() as tx:
        await tx.mail.mark_sent(message.key, now=long_ago)

        assert await tx.mail.forget_ended(long_ago, limit=10) == 0
        assert await tx.mail.forget_ended(long_ago + KEPT, limit=0) == 0
        assert await tx.mail.forget_ended(long_ago + KEPT, limit=10) == 1

    assert await rows(shop, message) == []
    assert len(await rows(shop, waiting)) == 1


@pytest.mark.parametrize(
    "break_it",
    [
        lambda key: ("UPDATE mail_message SET state = 'sent', ended_at = now() WHERE key = :key", key),
        lambda key: ("UPDATE mail_message SET state = 'failed', ended_at = now() WHERE key = :key", key),
        lambda key: ("UPDATE mail_message SET state = 'lost' WHERE key = :key", key),
        lambda key: ("UPDATE mail_message SET recipient = NULL WHERE key = :key", key),
        lambda key: ("UPDATE mail_message SET ended_at = now() WHERE key = :key", key),
    ],
)
async def test_the_database_itself_refuses_what_cannot_be(
    shop: Shop, message: Message, break_it: Callable[[str], tuple[str, str]]
) -> None:
    await post(shop, message)
    statement, key = break_it(message.key)

    with pytest.raises(Exception, match="violates check constraint"):
        async with shop.database.write() as connection:
            await connection.execute(text(statement), {"key": key})
