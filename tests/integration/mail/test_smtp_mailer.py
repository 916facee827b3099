"""E-mails handed to a real SMTP server, and what becomes of them when it refuses, is away, or goes away."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.core.errors import MailUnavailable
from app.core.mail_server import Encryption, MailServer
from app.devstack.ports import pick_port
from app.mail.domain import Email, MailRefused
from app.mail.smtp_mailer import SmtpMailer
from tests.integration.mail.smtp_server import PASSWORD, USER, Certificates, Inbox, smtp_server

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it is there already
NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
ADDRESS = "ada@buyers.example"
EMAIL = Email("<abc@shop.example>", NOON, ADDRESS, "de", "Bestellung bestätigt", "Grüße\n.\nEnde\n", "<p>Grüße</p>\n")


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates.new()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def mailer(server: MailServer, certificates: Certificates, *, deadline_seconds: float = 30) -> SmtpMailer:
    return SmtpMailer(server, "orders@shop.example", "Fell & Foss", deadline_seconds, _tls=certificates.client)


@pytest.mark.parametrize("sign_in", [False, True])
@pytest.mark.parametrize("encryption", [Encryption.TLS, Encryption.STARTTLS])
async def test_an_e_mail_arrives_encrypted_and_signed_in(
    inbox: Inbox, certificates: Certificates, encryption: Encryption, sign_in: bool
) -> None:
    with smtp_server(inbox, encryption, certificates, sign_in=sign_in) as server:
        await mailer(server, certificates).send(EMAIL)

    (message,) = inbox.messages
    assert inbox.recipients == [ADDRESS]
    assert inbox.senders == ["orders@shop.example"]
    assert inbox.encrypted == [True]
    assert inbox.signed_in == [USER if sign_in else None]
    assert (message["To"], message["Subject"], message["Message-ID"]) == (ADDRESS, EMAIL.subject, EMAIL.message_id)
    text, page = message.iter_parts()
    assert text.get_content().splitlines() == EMAIL.text.splitlines()
    assert page.get_content().splitlines() == EMAIL.html.splitlines()


async def test_a_server_on_the_same_machine_may_be_without_encryption(inbox: Inbox, certificates: Certificates) -> None:
    with smtp_server(inbox, Encryption.NONE, certificates) as server:
        await mailer(server, certificates).send(EMAIL)

    assert inbox.encrypted == [False]


async def test_nothing_is_handed_to_a_server_that_nobody_vouches_for(inbox: Inbox, certificates: Certificates) -> None:
    stranger = Certificates.new()
    for encryption in (Encryption.TLS, Encryption.STARTTLS):
        with (
            smtp_server(inbox, encryption, stranger) as server,
            pytest.raises(MailUnavailable, match="certificate verify failed"),
        ):
            await mailer(server, certificates).send(EMAIL)

    assert inbox.messages == []


async def test_nothing_is_handed_over_without_the_encryption_that_was_asked_for(
    inbox: Inbox, certificates: Certificates
) -> None:
    with (
        smtp_server(inbox, Encryption.NONE, certificates) as server,
        pytest.raises(MailUnavailable, match="STARTTLS"),
    ):
        await mailer(replace(server, encryption=Encryption.STARTTLS), certificates).send(EMAIL)

    assert inbox.messages == []


async def test_a_wrong_password_is_nothing_that_the_recipient_can_help(
    inbox: Inbox, certificates: Certificates
) -> None:
    with (
        smtp_server(inbox, Encryption.STARTTLS, certificates, sign_in=True) as server,
        pytest.raises(MailUnavailable, match="535") as fault,
    ):
        await mailer(replace(server, password="wrong"), certificates).send(EMAIL)

    assert PASSWORD not in str(fault.value)
    assert "wrong" not in str(fault.value)


@pytest.mark.parametrize(
    ("command", "answer", "said"),
    [
        ("RCPT", "550 5.1.1 <{address}>: there is no such mailbox", "the recipient: 550 5.1.1"),
        ("DATA", "554 5.7.1 This looks like spam", "the text: 554 5.7.1"),
    ],
)
async def test_what_is_refused_for_good_is_refused(
    inbox: Inbox, certificates: Certificates, command: str, answer: str, said: str
) -> None:
    inbox.refusals[command] = answer

    with smtp_server(inbox, Encryption.NONE, certificates) as server, pytest.raises(MailRefused, match=said):
        await mailer(server, certificates).send(EMAIL)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("RCPT", "450 4.2.1 <{address}>: the mailbox is busy"),
        ("RCPT", "452 4.2.2 <{address}>: the mailbox is full"),
        ("DATA", "451 4.3.0 Come back later"),
        ("MAIL", "550 5.7.1 You may not send as this address"),
        ("MAIL", "421 4.7.0 Too many of you"),
    ],
)
async def test_what_is_not_refused_for_good_may_be_tried_again_and_names_no_address(
    inbox: Inbox, certificates: Certificates, command: str, answer: str
) -> None:
    inbox.refusals[command] = answer

    with smtp_server(inbox, Encryption.NONE, certificates) as server:
        with pytest.raises(MailUnavailable, match=answer[:3]) as fault:
            await mailer(server, certificates).send(EMAIL)
        inbox.refusals.clear()
        await mailer(server, certificates).send(EMAIL)

    assert "buyers" not in str(fault.value)
    assert (fault.value.__cause__, fault.value.__suppress_context__) == (None, True)
    assert len(inbox.messages) == 1


async def test_a_server_that_was_away_takes_the_e_mail_when_it_is_back(
    inbox: Inbox, certificates: Certificates
) -> None:
    port = pick_port()
    away = MailServer("127.0.0.1", port, Encryption.NONE)
    with pytest.raises(MailUnavailable):
        await mailer(away, certificates).send(EMAIL)

    with smtp_server(inbox, Encryption.NONE, certificates, port=port):
        await mailer(away, certificates).send(EMAIL)

    assert len(inbox.messages) == 1


async def test_an_answer_that_is_lost_makes_the_e_mail_arrive_twice_with_one_id(
    inbox: Inbox, certificates: Certificates
) -> None:
    inbox.drop_after_data = True
    with smtp_server(inbox, Encryption.NONE, certificates) as server:
        with pytest.raises(MailUnavailable):
            await mailer(server, certificates).send(EMAIL)
        inbox.drop_after_data = False
        await mailer(server, certificates).send(EMAIL)

    assert [message["Message-ID"] for message in inbox.messages] == [EMAIL.message_id] * 2


async def test_a_server_that_never_answers_is_left_at_the_deadline(certificates: Certificates) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = MailServer("127.0.0.1", silent.getsockname()[1], Encryption.NONE)

        async with asyncio.timeout(30):
            with pytest.raises(MailUnavailable, match=r"longer than 0\.2 s|Timed out"):
                await mailer(server, certificates, deadline_seconds=0.2).send(EMAIL)


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "ada",
        "ada@buyers.example\r\nRCPT TO:<all@shop.example>",
        "ada@buyers.example, b@buyers.example",
        "<ada@b.example>",
    ],
)
async def test_what_is_no_address_never_reaches_the_server(
    inbox: Inbox, certificates: Certificates, recipient: str
) -> None:
    with smtp_server(inbox, Encryption.NONE, certificates) as server, pytest.raises(MailRefused):
        await mailer(server, certificates).send(replace(EMAIL, recipient=recipient))

    assert inbox.recipients == []


async def test_a_domain_beyond_ascii_is_named_as_servers_know_it(inbox: Inbox, certificates: Certificates) -> None:
    with smtp_server(inbox, Encryption.NONE, certificates) as server:
        await mailer(server, certificates).send(replace(EMAIL, recipient="ada@bücher.example"))
        with pytest.raises(MailRefused, match="beyond ASCII"):
            await mailer(server, certificates).send(replace(EMAIL, recipient="jürgen@buyers.example"))

    assert inbox.recipients == ["ada@xn--bcher-kva.example"]


async def test_a_check_signs_in_and_sends_nothing(inbox: Inbox, certificates: Certificates) -> None:
    with smtp_server(inbox, Encryption.STARTTLS, certificates, sign_in=True) as server:
        assert await mailer(server, certificates).check() == f"127.0.0.1:{server.port}"
        with pytest.raises(MailUnavailable, match="535"):
            await mailer(replace(server, password="wrong"), certificates).check()

    assert inbox.messages == []
