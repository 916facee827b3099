"""E-mails as files: what development has in place of a mail server."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from app.core.errors import MailUnavailable
from app.mail.domain import Email, MailRefused
from app.mail.folder_mailer import MailFolder

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
EMAIL = Email("<abc@shop.test>", NOON, "ada@buyers.test", "de", "Bestellung bestätigt", "Grüße\n", "<p>Grüße</p>\n")


@pytest.fixture
def folder(tmp_path: Path) -> MailFolder:
    return MailFolder(tmp_path / "data" / "mail", "shop@cartograph.test", "Fell & Foss")


async def test_an_e_mail_becomes_a_message_and_a_page(folder: MailFolder) -> None:
    await folder.send(EMAIL)

    (filed,) = await folder.newest(limit=10)
    assert (filed.recipient, filed.subject, filed.at) == ("ada@buyers.test", "Bestellung bestätigt", NOON)
    assert filed.text.splitlines() == ["Grüße"]
    page, message = folder.find(filed.name, ".html"), folder.find(filed.name, ".eml")
    assert page is not None
    assert message is not None
    assert page.read_text() == EMAIL.html
    assert message_from_bytes(message.read_bytes(), policy=default)["Message-ID"] == "<abc@shop.test>"
    assert sorted(path.suffix for path in folder.folder.iterdir()) == [".eml", ".html"]


async def test_the_same_e_mail_again_replaces_its_files(folder: MailFolder) -> None:
    await folder.send(EMAIL)
    await folder.send(EMAIL)

    assert len(await folder.newest(limit=10)) == 1


async def test_e_mails_are_listed_newest_first_and_no_more_than_asked(folder: MailFolder) -> None:
    for minutes in (2, 0, 1):
        at = NOON + timedelta(minutes=minutes)
        await folder.send(replace(EMAIL, at=at, message_id=f"<{minutes}@shop.test>", subject=f"at {minutes}"))

    assert [filed.subject for filed in await folder.newest(limit=2)] == ["at 2", "at 1"]


async def test_there_is_nothing_before_the_first_e_mail(folder: MailFolder) -> None:
    assert await folder.newest(limit=10) == []
    assert not folder.folder.exists()


async def test_only_its_owner_may_look_into_the_folder(folder: MailFolder) -> None:
    await folder.send(EMAIL)

    assert stat.S_IMODE(folder.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", "..", "../secrets/key", "20300501T120000000000-zzzzzzzzzzzz", "x" * 300, "a\0b"])
async def test_nothing_but_an_e_mail_is_found(folder: MailFolder, name: str) -> None:
    await folder.send(EMAIL)
    (folder.folder.parent / "key.eml").write_text("a secret")

    assert folder.find(name, ".eml") is None


async def test_what_is_no_address_is_refused_as_a_mail_server_would(folder: MailFolder) -> None:
    with pytest.raises(MailRefused):
        await folder.send(replace(EMAIL, recipient="ada\nBcc: all@buyers.test"))

    assert await folder.newest(limit=10) == []


async def test_a_folder_that_cannot_be_made_is_tried_again_later(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file is in the way")
    folder = MailFolder(tmp_path / "data" / "mail", "shop@cartograph.test", "Shop")

    with pytest.raises(MailUnavailable, match="cannot be written to"):
        await folder.send(EMAIL)

    (tmp_path / "data").unlink()
    await folder.send(EMAIL)
    assert len(await folder.newest(limit=10)) == 1
