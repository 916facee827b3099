"""An e-mail as the bytes that travel: text and HTML side by side, under headers that programs rely on."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from app.mail.domain import Email


def mime_of(email: Email, *, recipient: str, sender: str, sender_name: str) -> EmailMessage:
    """The message. recipient, sender: addresses that were checked; sender_name: what mail programs show for it.

    Source: RFC 5322; RFC 2046, section 5.1.4 (the richest form last); RFC 3834 (no answering machine answers this).
    """
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = email.message_id
    message["Date"] = format_datetime(email.at)
    message["From"] = _mailbox(sender, name=" ".join(sender_name.split()))
    message["To"] = _mailbox(recipient)
    message["Subject"] = email.subject
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(email.text)
    message.add_alternative(email.html, subtype="html")
    message["Content-Language"] = email.language  # after the content, which would take it along
    return message


def _mailbox(address: str, *, name: str = "") -> Address:
    user, _, domain = address.rpartition("@")
    return Address(name, user, domain)
