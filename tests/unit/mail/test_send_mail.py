from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from app import telemetry
from app.core.errors import DatabaseUnavailable, MailUnavailable
from app.mail import send_mail
from app.mail.contents import Content, EmailVerification, PasswordChanged, message_of
from app.mail.domain import MESSAGE, Email, MailRefused, MailState
from app.mail.jinja_templates import JinjaTemplates
from app.mail.send_mail import KEPT, ForgetMail, SendMail
from tests.unit.fakes import NOON, FixedClock, LogBook, MemoryTransactions

KEY = "password_changed:7"
ADDRESS = "ada@shop.example"
CHANGED = PasswordChanged(NOON, "https://shop.example/forgot-password")


@dataclass
class ScriptedMailer:
    """`Mailer` that raises one fault after the other, and takes what comes after them."""

    transactions: MemoryTransactions
    faults: list[Exception] = field(default_factory=list)
    taken: list[Email] = field(default_factory=list)

    async def send(self, email: Email) -> None:
        assert self.transactions.open_now == 0, "nothing slow happens inside a transaction"
        if self.faults:
            raise self.faults.pop(0)
        self.taken.append(email)


class Post:
    """A shop's e-mails in memory."""

    def __init__(self, *faults: Exception) -> None:
        self.transactions = MemoryTransactions()
        self.clock = FixedClock()
        self.mailer = ScriptedMailer(self.transactions, list(faults))
        templates = JinjaTemplates(shop_name="Shop", sender="orders@shop.example")
        self.send = SendMail(self.transactions, templates, self.mailer, self.clock)

    async def post(self, content: Content = CHANGED, *, about: str = "7") -> None:
        async with self.transactions.begin() as tx:
            await tx.mail.post(message_of(content, about=about, recipient=ADDRESS, language="en"))

    async def run(self, key: str = KEY) -> None:
        await self.send({MESSAGE: key})

    def state(self, key: str = KEY) -> tuple[MailState, str | None]:
        kept = self.transactions.books.mail[key]
        return kept.state, kept.reason


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> LogBook:
    book = LogBook()
    monkeypatch.setattr(send_mail, "_log", book)
    return book


def counted(outcome: str) -> float:
    return telemetry.MAILS.labels(outcome)._value.get()


async def test_a_posted_message_is_sent_by_its_job_and_once_only() -> None:
    post = Post()
    await post.post()
    await post.post()
    (job,) = post.transactions.books.take_due_jobs(NOON)
    before = counted("sent")

    await post.send(job.payload)
    await post.send(job.payload)

    (email,) = post.mailer.taken
    assert (email.recipient, email.subject, email.at) == (ADDRESS, "Your password was changed", NOON)
    assert post.state() == (MailState.SENT, None)
    assert counted("sent") == before + 1


async def test_a_message_that_was_never_posted_is_no_fault() -> None:
    post = Post()

    await post.run("password_changed:8")

    assert post.mailer.taken == []


async def test_a_mailer_that_is_away_leaves_the_message_waiting_for_the_next_try() -> None:
    post = Post(MailUnavailable("away"), MailUnavailable("still away"))
    await post.post()
    before = counted("postponed")

    for _ in range(2):
        with pytest.raises(MailUnavailable):
            await post.run()
        assert post.state() == (MailState.WAITING, None)
    await post.run()

    assert len(post.mailer.taken) == 1
    assert post.state() == (MailState.SENT, None)
    assert counted("postponed") == before + 2


async def test_a_refusal_for_good_is_recorded_and_not_tried_again(log: LogBook) -> None:
    post = Post(MailRefused(f"550 <{ADDRESS}>: there is no such mailbox"))
    await post.post()

    await post.run()
    await post.run()

    assert post.mailer.taken == []
    assert post.state() == (MailState.FAILED, f"550 <{ADDRESS}>: there is no such mailbox")
    assert log.lines == [("error", "mail_refused", {"key": KEY, "template": "password_changed"})]


async def test_a_crash_before_the_record_sends_the_same_message_again() -> None:
    post = Post()
    await post.post()
    begin = post.transactions.begin
    post.transactions.begin = lambda: (_ for _ in ()).throw(DatabaseUnavailable("gone"))  # type: ignore[method-assign]
    with pytest.raises(DatabaseUnavailable):
        await post.run()
    post.transactions.begin = begin  # type: ignore[method-assign]

    await post.run()

    first, second = post.mailer.taken
    assert first == second
    assert first.message_id == second.message_id
    assert post.state() == (MailState.SENT, None)


async def test_a_link_that_has_ended_is_not_sent_any_more() -> None:
    post = Post(MailUnavailable("away"))
    content = EmailVerification("https://shop.example/verify-email?token=t", NOON + timedelta(hours=1))
    await post.post(content, about="9")
    with pytest.raises(MailUnavailable):
        await post.run("email_verification:9")
    post.clock.turn(hours=1)

    await post.run("email_verification:9")

    assert post.mailer.taken == []
    assert post.state("email_verification:9")[0] is MailState.FAILED


async def test_what_ended_long_ago_is_forgotten_and_what_waits_is_not() -> None:
    post = Post()
    await post.post()
    await post.run()
    await post.post(about="8")
    forget = ForgetMail(post.transactions, post.clock)
    post.clock.turn(days=KEPT.days)
    assert await forget() == 0
    post.clock.turn(seconds=1)

    assert await forget() == 1

    assert list(post.transactions.books.mail) == ["password_changed:8"]
