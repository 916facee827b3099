"""A real SMTP server for the tests, that takes and refuses as a test says."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from app.core.mail_server import Encryption, MailServer
from app.devstack.ports import pick_port

USER, PASSWORD = "shop", "hunter2"


@dataclass
class Inbox:
    """What the server was told, and what it answers.

    refusals: by the command (RCPT, MAIL, DATA), the answer to it; signed_in: who did, of each delivery; encrypted:
    whether its connection was.
    """

    refusals: dict[str, str] = field(default_factory=dict)
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    signed_in: list[object] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    drop_after_data: bool = False

    async def handle_MAIL(  # noqa: N802  aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self.refusals.get("MAIL"):
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self.refusals.get("RCPT"):
            return answer.format(address=address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if answer := self.refusals.get("DATA"):
            return answer
        message = message_from_bytes(envelope.content or b"", EmailMessage, policy=default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.recipients += envelope.rcpt_tos
        self.senders.append(envelope.mail_from or "")
        self.signed_in.append(session.auth_data)
        self.encrypted.append(session.ssl is not None or server._over_ssl)
        if self.drop_after_data:
            server.transport.abort()
        return "250 Taken"


def _sign_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=right, auth_data=USER)


@dataclass(frozen=True)
class Certificates:
    """Those of the server, and what a client must trust to believe them."""

    server: ssl.SSLContext
    client: ssl.SSLContext

    @classmethod
    def new(cls) -> Certificates:
        authority = trustme.CA()
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(server)
        client = ssl.create_default_context()
        authority.configure_trust(client)
        return cls(server, client)


@contextmanager
def smtp_server(
    inbox: Inbox, encryption: Encryption, certificates: Certificates, *, port: int = 0, sign_in: bool = False
) -> Iterator[MailServer]:
    """The server, and its address as a setting gives it. sign_in: whether it demands it."""
    port = port or pick_port()
    options: dict[str, Any] = {"enable_SMTPUTF8": False, "ident": "tests"}
    if sign_in:
        options |= {"auth_required": True, "authenticator": _sign_in}
    if encryption is Encryption.STARTTLS:
        options |= {"tls_context": certificates.server, "require_starttls": True}
    if encryption is Encryption.TLS:
        options |= {"ssl_context": certificates.server, "auth_require_tls": False}  # it is there from the first byte
    controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield MailServer("127.0.0.1", port, encryption, *((USER, PASSWORD) if sign_in else ()))
    finally:
        controller.stop()
