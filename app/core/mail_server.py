"""The address of a mail server, as a setting names it: `smtps://user:password@smtp.example:465`.

The scheme says how the connection is encrypted, never the server: an attacker in between cannot talk us out of it.

Source: RFC 8314 (implicit TLS is preferred for submission); RFC 3207, section 6 (what a stripped STARTTLS means).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import unquote, urlsplit


class Encryption(Enum):
    """How a connection to a mail server is encrypted, by the scheme of its address."""

    TLS = "smtps"
    STARTTLS = "smtp"
    NONE = "smtp+insecure"


_PORTS = {Encryption.TLS: 465, Encryption.STARTTLS: 587, Encryption.NONE: 25}
_EXAMPLE = "set one such as smtps://user:password@smtp.example"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mails are handed in. user, password: None where the server asks for none."""

    host: str
    port: int
    encryption: Encryption
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> MailServer:
        """The server that a URL names.

        Raises ValueError, which never repeats the URL: it holds a password.
        """
        try:
            parts = urlsplit(url)
            encryption, port = Encryption(parts.scheme), parts.port
        except ValueError:
            schemes = ", ".join(f"{each.value}://" for each in Encryption)
            raise ValueError(f"not the address of a mail server ({schemes}); {_EXAMPLE}") from None
        if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(f"a mail server has a host and a port, nothing behind; {_EXAMPLE}")
        if bool(parts.username) is not bool(parts.password):
            raise ValueError(f"a user needs a password, and a password a user; {_EXAMPLE}")
        if parts.username and encryption is Encryption.NONE:
            raise ValueError("a password must not travel unencrypted; use smtps:// or smtp:// (STARTTLS)")
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return cls(parts.hostname, port or _PORTS[encryption], encryption, user, password)
