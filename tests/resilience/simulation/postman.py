"""Sends the e-mails of a simulation: `Mailer` and `MailTemplates`. Sometimes it is away, or loses its answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

from app.core.errors import MailUnavailable
from app.mail.domain import Email, PostedMessage
from tests.resilience.simulation.process import CURRENT


class Postman:
    """sent: how often each message was handed over, by its key; failed: how often it was not, or not said to be."""

    def __init__(self, random: Random, *, away: float) -> None:
        """away: how often it is."""
        self.sent: Counter[str] = Counter()
        self.failed = 0
        self.away = away
        self._random = random

    def write(self, posted: PostedMessage) -> Email:
        """An e-mail that says which message it is."""
        message = posted.message
        return Email(message.key, posted.posted_at, message.recipient, message.language, message.template, "", "")

    async def send(self, email: Email) -> None:
        """Hand it over."""
        await asyncio.sleep(0.1)
        process = CURRENT.get()
        if process is not None:
            process.insist_on_life()
        is_away, loses_answer = self._random.random() < self.away, self._random.random() < self.away
        self.failed += is_away or loses_answer
        if is_away:
            raise MailUnavailable("the mail server is away")
        self.sent[email.message_id] += 1
        if loses_answer:
            raise MailUnavailable("the mail server's answer was lost")
