from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default

from hypothesis import given
from hypothesis import strategies as st

from app.mail.domain import Email
from app.mail.mime import mime_of

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
HEADERS = [
    *("Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "MIME-Version"),
    *("Content-Type", "Content-Language"),
]


def email(subject: str = "Bestellung C-1 ist bestätigt", text: str = "Grüße\n", page: str = "<p>Grüße</p>\n") -> Email:
    return Email("<abc@shop.example>", NOON, "ada@shop.example", "de", subject, text, page)


def sent(written: Email, *, recipient: str = "ada@shop.example", name: str = "Fell & Foss") -> EmailMessage:
    """The message as its receiver reads it."""
    content = mime_of(written, recipient=recipient, sender="orders@shop.example", sender_name=name)
    received = message_from_bytes(content.as_bytes(policy=SMTP), EmailMessage, policy=default)
    assert isinstance(received, EmailMessage)
    return received


def test_text_and_html_travel_side_by_side_the_richer_one_last() -> None:
    message = sent(email())

    assert message.keys() == HEADERS
    assert message["Subject"] == "Bestellung C-1 ist bestätigt"
    assert message["From"] == "Fell & Foss <orders@shop.example>"
    assert message["Date"].datetime == NOON
    assert message["Auto-Submitted"] == "auto-generated"
    parts = [(part.get_content_type(), part.get_content().strip()) for part in message.iter_parts()]
    assert parts == [("text/plain", "Grüße"), ("text/html", "<p>Grüße</p>")]


@given(name=st.text(max_size=60), subject=st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=300))
def test_no_name_and_no_subject_adds_a_header(name: str, subject: str) -> None:
    message = sent(email(" ".join(subject.split())), name=name)

    assert message.keys() == HEADERS
    assert message["From"].addresses[0].addr_spec == "orders@shop.example"
    assert [address.addr_spec for address in message["To"].addresses] == ["ada@shop.example"]
    assert len(list(message.iter_parts())) == 2


def test_a_line_of_any_length_arrives_whole() -> None:
    text = "https://shop.example/order?token=" + "x" * 2_000 + "\n.\n.leading dot\nFrom here\n"

    (plain, _) = sent(email(text=text)).iter_parts()

    assert plain.get_content().splitlines() == text.splitlines()


def test_an_address_beyond_ascii_keeps_its_name() -> None:
    content = mime_of(email(), recipient="jürgen@shop.example", sender="orders@shop.example", sender_name="Shop")

    assert "jürgen@shop.example".encode() in content.as_bytes(policy=SMTP.clone(utf8=True))
