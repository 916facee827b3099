"""Hand e-mails to a mail server over SMTP, each on a connection of its own.

What the server says decides: a recipient or a text that it refuses for good (5xx) is refused; whatever else goes wrong
(away, slow, busy, another password, another sender) is not this e-mail's fault, and a later try may succeed.

Once an address has been named, the server's answers may repeat it: from there on `MailUnavailable`, which is logged,
says no more than the code, and has no cause.
Source: RFC 5321, section 4.2.1 (what the first digit of a reply means).
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from app.core.contact import deliverable_email
from app.core.errors import InvalidInput, MailUnavailable
from app.core.mail_server import Encryption, MailServer
from app.core.printable import printable
from app.mail.domain import Email, MailRefused
from app.mail.mime import mime_of

DEADLINE_SECONDS = 45.0  # in all: less than the job has, and servers that look a sender up take some seconds
GOODBYE_SECONDS = 1.0
_PERMANENT = 500


@dataclass(frozen=True, slots=True)
class SmtpMailer:
    """`Mailer` of one server. sender: the address that e-mails come from."""

    server: MailServer
    sender: str
    sender_name: str
    deadline_seconds: float = DEADLINE_SECONDS
    _tls: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)

    async def send(self, email: Email) -> None:
        """Hand the e-mail over; it may arrive twice if the answer is lost."""
        try:
            recipient = deliverable_email(email.recipient)
        except InvalidInput as error:
            raise MailRefused(error.message) from None
        await self._talk(
            mime_of(email, recipient=recipient, sender=self.sender, sender_name=self.sender_name), recipient
        )

    async def check(self) -> str:
        """Connect and sign in, and send nothing."""
        await self._talk(None, "")
        return f"{self.server.host}:{self.server.port}"

    async def _talk(self, message: EmailMessage | None, recipient: str) -> None:
        smtp = self._client()
        try:
            async with asyncio.timeout(self.deadline_seconds):
                await _connect(smtp)
                if message is not None:
                    await self._hand_over(smtp, message, recipient)
        except TimeoutError:
            raise MailUnavailable(f"the mail server took longer than {self.deadline_seconds:g} s") from None
        finally:  # a message that was taken stays taken, whatever becomes of the goodbye
            with suppress(SMTPException, OSError, TimeoutError):
                await smtp.quit(timeout=GOODBYE_SECONDS)
            smtp.close()

    async def _hand_over(self, smtp: SMTP, message: EmailMessage, recipient: str) -> None:
        try:
            await smtp.send_message(message, sender=self.sender, recipients=[recipient])
        except SMTPRecipientsRefused as refused:
            raise _error(refused.recipients[0], "the recipient") from None
        except SMTPDataError as error:
            raise _error(error, "the text") from None
        except SMTPNotSupported:
            raise MailRefused("the mail server cannot deliver to addresses beyond ASCII") from None
        except SMTPResponseException as error:
            raise MailUnavailable(f"the mail server refused the sender: {error.code}") from None
        except (SMTPException, OSError) as error:
            raise MailUnavailable(f"the mail server went away: {type(error).__name__}") from None

    def _client(self) -> SMTP:
        server = self.server
        return SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.encryption is Encryption.TLS,
            start_tls=server.encryption is Encryption.STARTTLS,
            tls_context=None if server.encryption is Encryption.NONE else self._tls,
            timeout=self.deadline_seconds,
        )


async def _connect(smtp: SMTP) -> None:
    try:
        await smtp.connect()
    except (SMTPException, OSError) as error:
        raise MailUnavailable(f"the mail server cannot be used: {printable(str(error))}") from error


def _error(answer: SMTPResponseException, what: str) -> MailRefused | MailUnavailable:
    if answer.code >= _PERMANENT:
        return MailRefused(f"the mail server refused {what}: {answer.code} {answer.message}")
    return MailUnavailable(f"the mail server did not take {what} now: {answer.code}")
