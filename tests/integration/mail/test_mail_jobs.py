"""From a posted message to a mail server, through the queue that the worker takes jobs from."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import text

from app.bootstrap import Shop, build_shop
from app.core.mail_server import Encryption
from app.devstack.ports import pick_port
from app.jobs.domain import JobKind, JobState, RetryPolicy
from app.jobs.queue import open_queue
from app.mail.contents import PasswordChanged, message_of
from app.mail.domain import SEND_MAIL, MailState, Message
from app.settings import load_settings
from app.worker.runner import JobRunner
from tests.conftest import Servers
from tests.integration.mail.smtp_server import Certificates, Inbox, smtp_server
from tests.waiting import until

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
QUICK = RetryPolicy(tries=1_000, first_pause_seconds=0.05, longest_pause_seconds=0.05)
LEASE = timedelta(seconds=30)


@pytest.fixture(scope="module")
def port() -> int:
    return pick_port()


@pytest.fixture(scope="module")
async def own_shop(servers: Servers, port: int) -> AsyncIterator[Shop]:
    """A shop in whose database nobody else posts, with a mail server that is there when a test starts it."""
    servers.postgres.create_database("mails")
    settings = servers.environment("mails") | {"CARTOGRAPH_SMTP_URL": f"smtp+insecure://127.0.0.1:{port}"}
    shop = build_shop(load_settings(settings))
    await shop.migrate()
    yield shop
    await shop.close()
    servers.postgres.drop_database("mails")


def message(about: str, recipient: str = "ada@buyers.example") -> Message:
    content = PasswordChanged(NOON, "https://shop.example/forgot-password")
    return message_of(content, about=about, recipient=recipient, language="en")


async def post(shop: Shop, *messages: Message) -> None:
    async with shop.transactions.begin() as tx:
        for each in messages:
            await tx.mail.post(each)


async def states(shop: Shop) -> dict[str, str]:
    async with shop.database.read_fresh() as connection:
        rows = await connection.execute(text("SELECT key, state FROM mail_message"))
        return {row.key.partition(":")[2]: row.state for row in rows}


@asynccontextmanager
async def working(shop: Shop) -> AsyncIterator[None]:
    """The worker's loop, that does not wait long between two tries."""
    runner = JobRunner(
        partial(open_queue, shop.database, shop.ids.new_uuid(), LEASE),
        [JobKind(SEND_MAIL, shop.send_mail, QUICK)],
        [],
        lease=LEASE,
        drain_seconds=10,
        clock=shop.clock,
        chance=random.random,
    )
    stop = asyncio.Event()
    run = asyncio.create_task(runner.run(stop))
    try:
        yield
    finally:
        stop.set()
        await run


async def test_e_mails_wait_for_a_mail_server_that_is_away_and_then_all_arrive_once(own_shop: Shop, port: int) -> None:
    inbox = Inbox()
    await post(own_shop, *(message(f"away-{number}") for number in range(5)))

    async def all_were_tried() -> bool:
        reports = await own_shop.job_desk.listed([JobState.WAITING], limit=100)
        return len(reports) == 5 and min(report.tries for report in reports) >= 2

    async def all_are_sent() -> bool:
        return set((await states(own_shop)).values()) == {MailState.SENT.value}

    async with working(own_shop):
        await until(all_were_tried)
        assert set((await states(own_shop)).values()) == {MailState.WAITING.value}
        with smtp_server(inbox, Encryption.NONE, Certificates.new(), port=port):
            await until(all_are_sent)

    assert len({received["Message-ID"] for received in inbox.messages}) == 5
    assert len(inbox.messages) == 5


async def test_a_refused_address_holds_up_nobody_and_can_be_tried_again(own_shop: Shop, port: int) -> None:
    inbox = Inbox(refusals={"RCPT": "550 5.1.1 <{address}>: there is no such mailbox"})

    async def is_in(about: str, state: MailState) -> bool:
        return (await states(own_shop))[about] == state.value

    with smtp_server(inbox, Encryption.NONE, Certificates.new(), port=port):
        async with working(own_shop):
            await post(own_shop, message("refused"))
            await until(lambda: is_in("refused", MailState.FAILED))
            inbox.refusals.clear()
            await post(own_shop, message("taken"))
            await until(lambda: is_in("taken", MailState.SENT))
            async with own_shop.transactions.begin() as tx:
                (failed,) = await tx.mail.list_failed(limit=10)
                assert await tx.mail.retry(failed.key)
            await until(lambda: is_in("refused", MailState.SENT))

    assert (
        failed.reason
        == "the mail server refused the recipient: 550 5.1.1 <ada@buyers.example>: there is no such mailbox"
    )
    assert len(inbox.messages) == 2
    assert await own_shop.job_desk.listed([JobState.DEAD], limit=10) == []
