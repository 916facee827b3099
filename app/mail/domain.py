"""E-mails as records, and the ports that keep, write and send them. See ADR-0027.

          ┌─► sent
waiting ──┼─► superseded           (a newer e-mail was posted that says more)
          └─► failed ──► waiting   (an operator wants it tried again)

What is posted in a transaction is there if and only if the transaction was committed. The key makes it one e-mail; it
is logged and listed, so it holds ids, never an address or a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from app.core.errors import ShopError

SEND_MAIL = "send_mail"  # the kind of job that sends a message
MESSAGE = "message"  # in its payload: the message's key


class MailState(Enum):
    """Where an e-mail is."""

    WAITING = "waiting"
    SENT = "sent"
    SUPERSEDED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Message:
    """An e-mail to one recipient: what is to be said, not yet how. `message_of` makes one from its typed content.

    key: unique for ever, such as `payment_delayed:<attempt's id>`; template, data: see `contents`; language: ISO 639-1.
    supersedes: the keys of e-mails that tell nothing any more: those that still wait are not sent.
    """

    key: str
    template: str
    recipient: str
    language: str
    data: Mapping[str, Any]
    supersedes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PostedMessage:
    """A message that waits to be sent."""

    message: Message
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class FailedMessage:
    """A message that is not sent any more. reason: what the mail server said, or why nobody asked it."""

    key: str
    template: str
    failed_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Email:
    """A written e-mail. message_id: the same whenever the message is sent, so that doubles can be dropped."""

    message_id: str
    at: datetime
    recipient: str
    language: str
    subject: str
    text: str
    html: str


class MailRefused(ShopError):
    """The message will never be taken as it is: trying again is of no use."""


class MailTemplates(Protocol):
    """Writes e-mails."""

    def write(self, posted: PostedMessage) -> Email:
        """The e-mail that says what the message is to say, in its language or in English."""
        ...


class Mailer(Protocol):
    """Sends e-mails."""

    async def send(self, email: Email) -> None:
        """Hand the e-mail over; it may arrive twice if the answer is lost.

        Raises MailRefused when it is refused for good, MailUnavailable when a later try may succeed.
        """
        ...

    async def check(self) -> str:
        """Where e-mails go, found to be there; nothing is sent. Raises MailUnavailable."""
        ...


class MailStore(Protocol):
    """E-mails inside one transaction."""

    async def post(self, message: Message) -> None:
        """Have the message sent once this transaction is committed. A key that has been posted before changes nothing.

        Nothing about the message can fail here: an address that does not exist must not undo what it is told of.
        """
        ...

    async def find_waiting(self, key: str) -> PostedMessage | None:
        """The message, None where it has been sent, has failed, or was never posted."""
        ...

    async def mark_sent(self, key: str, *, now: datetime) -> None:
        """That the message is on its way. Its recipient and data are forgotten."""
        ...

    async def mark_failed(self, key: str, reason: str, *, now: datetime) -> None:
        """That the message will not be sent; it can be tried again while it is kept."""
        ...

    async def list_failed(self, *, limit: int) -> list[FailedMessage]:
        """The newest failed messages."""
        ...

    async def retry(self, key: str) -> bool:
        """Have a failed message tried again; whether there is one."""
        ...

    async def forget_ended(self, before: datetime, *, limit: int) -> int:
        """Forget messages that ended before; how many, at most the limit."""
        ...


class MailTransaction(Protocol):
    """What sending needs of a transaction."""

    @property
    def mail(self) -> MailStore:
        """E-mails."""
        ...


class MailTransactions(Protocol):
    """Opens transactions for e-mails."""

    def begin(self) -> AbstractAsyncContextManager[MailTransaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        ...

    def read(self) -> AbstractAsyncContextManager[MailTransaction]:
        """Reads from the primary, each statement for itself; nothing is locked."""
        ...
