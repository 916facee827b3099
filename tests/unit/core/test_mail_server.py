from __future__ import annotations

import pytest

from app.core.mail_server import Encryption, MailServer


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://smtp.example", MailServer("smtp.example", 465, Encryption.TLS)),
        ("smtp://smtp.example", MailServer("smtp.example", 587, Encryption.STARTTLS)),
        ("smtp+insecure://localhost", MailServer("localhost", 25, Encryption.NONE)),
        ("smtp+insecure://[::1]:1025", MailServer("::1", 1025, Encryption.NONE)),
        (
            "smtps://shop:s%40f%2Fe@smtp.example:2465/",
            MailServer("smtp.example", 2465, Encryption.TLS, "shop", "s@f/e"),
        ),
        (
            "smtp://a%40b.example:x@smtp.example",
            MailServer("smtp.example", 587, Encryption.STARTTLS, "a@b.example", "x"),
        ),
    ],
)
def test_the_scheme_says_how_the_connection_is_encrypted(url: str, server: MailServer) -> None:
    assert MailServer.parse(url) == server


@pytest.mark.parametrize(
    "url",
    [
        *("", "smtp.example", "https://smtp.example", "smtps://", "smtps://host:port", "smtps://host:99999"),
        *(
            "smtps://host/inbox",
            "smtps://host?tls=no",
            "smtps://host#top",
            "smtps://shop@host",
            "smtps://:hunter2@host",
        ),
        "smtp+insecure://shop:hunter2@host",  # a password for whoever listens
        "smtps://[::1",
    ],
)
def test_what_is_no_mail_server_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="smtp") as refusal:
        MailServer.parse(url)

    assert "hunter2" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_server_never_shows_its_password() -> None:
    assert "hunter2" not in repr(MailServer.parse("smtps://shop:hunter2@host"))
