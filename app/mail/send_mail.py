"""Send an e-mail that was posted: what the job of kind `send_mail` does.

read the message -> write it -> hand it to the mailer   (outside any transaction)
-> record that it is sent                               (one transaction)

A crash between the two sends it again: an e-mail is sent at least once, and its Message-ID is the same each time, so
mail programs show one. A mailer that is away makes the job fail, which is tried again with back-off. See ADR-0027.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from app import telemetry
from app.core.clock import Clock
from app.core.errors import MailUnavailable
from app.core.fault_points import FaultPoint, reached
from app.mail.contents import content_of, expiry_of
from app.mail.domain import MESSAGE, Mailer, MailRefused, MailTemplates, MailTransactions, PostedMessage

KEPT = timedelta(days=90)  # of what ended: longer than whatever caused it could come again
FORGET_AT_ONCE = 1_000

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class SendMail:
    """Send one posted message."""

    transactions: MailTransactions
    templates: MailTemplates
    mailer: Mailer
    clock: Clock

    async def __call__(self, payload: Mapping[str, str]) -> None:
        """Send the message that a job names, if it still waits; a refusal for good is recorded and no failure.

        Raises MailUnavailable when a later try may succeed.
        Concurrency: two calls at once may send it twice.
        """
        key = payload[MESSAGE]
        async with self.transactions.read() as tx:
            posted = await tx.mail.find_waiting(key)
        if posted is None:
            return
        try:
            await self._send(posted)
        except MailRefused as refusal:
            telemetry.MAILS.labels("refused").inc()
            _log.error("mail_refused", key=key, template=posted.message.template)  # the reason may hold the address
            async with self.transactions.begin() as tx:
                await tx.mail.mark_failed(key, str(refusal), now=self.clock.now())
            return
        except MailUnavailable:
            telemetry.MAILS.labels("postponed").inc()
            raise
        reached(FaultPoint.MAIL_SENT)
        telemetry.MAILS.labels("sent").inc()
        async with self.transactions.begin() as tx:
            await tx.mail.mark_sent(key, now=self.clock.now())

    async def _send(self, posted: PostedMessage) -> None:
        expiry = expiry_of(content_of(posted.message))
        if expiry is not None and expiry <= self.clock.now():
            raise MailRefused("the time for what it asks was over before it could be sent")
        await self.mailer.send(self.templates.write(posted))


@dataclass(frozen=True, slots=True)
class ForgetMail:
    """Forget messages that were sent, or have failed, long ago."""

    transactions: MailTransactions
    clock: Clock

    async def __call__(self) -> int:
        """Forget some; returns how many."""
        async with self.transactions.begin() as tx:
            return await tx.mail.forget_ended(self.clock.now() - KEPT, limit=FORGET_AT_ONCE)
