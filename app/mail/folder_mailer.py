"""Put e-mails into a folder, for development: each one as an .eml file and its HTML beside it.

A file's name begins with the time of the e-mail, so names order as e-mails do; the same e-mail again replaces its own
file. The folder is for its owner only: links in e-mails open accounts.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from heapq import nlargest
from pathlib import Path

from app.core.contact import deliverable_email
from app.core.errors import InvalidInput, MailUnavailable
from app.mail.domain import Email, MailRefused
from app.mail.mime import mime_of

_NAME = re.compile(r"[0-9]{8}T[0-9]{12}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class FiledEmail:
    """An e-mail in the folder. name: of its files, without what comes after the dot."""

    name: str
    recipient: str
    subject: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class MailFolder:
    """`Mailer` that writes files. folder: made when the first e-mail comes."""

    folder: Path
    sender: str
    sender_name: str

    async def send(self, email: Email) -> None:
        """Write the e-mail's files."""
        try:
            recipient = deliverable_email(email.recipient)
        except InvalidInput as error:
            raise MailRefused(error.message) from None
        message = mime_of(email, recipient=recipient, sender=self.sender, sender_name=self.sender_name)
        name = f"{email.at:%Y%m%dT%H%M%S%f}-{hashlib.sha256(email.message_id.encode()).hexdigest()[:12]}"
        try:
            await asyncio.to_thread(self._write, name, message.as_bytes(policy=SMTP), email.html)
        except OSError as error:
            raise MailUnavailable(f"the folder of e-mails cannot be written to: {error.strerror}") from error

    async def check(self) -> str:
        """Where the files are."""
        return f"files in {self.folder}"

    async def newest(self, *, limit: int) -> list[FiledEmail]:
        """The newest e-mails, the newest first."""
        return await asyncio.to_thread(self._newest, limit)

    def find(self, name: str, suffix: str) -> Path | None:
        """The file of an e-mail, None where there is none of that name. suffix: `.eml` or `.html`."""
        path = self.folder / f"{name}{suffix}"
        return path if _NAME.fullmatch(name) and path.is_file() else None

    def _write(self, name: str, message: bytes, page: str) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for suffix, content in ((".html", page.encode()), (".eml", message)):  # the list shows what has an .eml
            partial = self.folder / f"{name}{suffix}.partial"
            partial.write_bytes(content)
            partial.replace(self.folder / f"{name}{suffix}")

    def _newest(self, limit: int) -> list[FiledEmail]:
        if not self.folder.is_dir():
            return []
        names = nlargest(limit, (path.stem for path in self.folder.glob("*.eml") if _NAME.fullmatch(path.stem)))
        return [_filed(name, (self.folder / f"{name}.eml").read_bytes()) for name in names]


def _filed(name: str, content: bytes) -> FiledEmail:
    message = message_from_bytes(content, EmailMessage, policy=default)
    body = message.get_body(("plain",))
    text = body.get_content() if isinstance(body, EmailMessage) else ""
    return FiledEmail(name, str(message["To"]), str(message["Subject"]), message["Date"].datetime, text)
