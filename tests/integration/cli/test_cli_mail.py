"""`cartograph mail`: what was not sent, another try, and how e-mails look."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.bootstrap import build_shop
from app.mail.contents import CONTENTS, PasswordChanged, message_of
from app.settings import load_settings
from tests.integration.cli.commands import Run
from tests.unit.fakes import NOON

CONTENT = PasswordChanged(NOON, "https://shop.example/forgot-password")


@pytest.fixture
async def failed(environment: dict[str, str]) -> list[str]:
    """The keys of three messages that were refused, the newest first."""
    shop = build_shop(load_settings(environment))
    messages = [
        message_of(CONTENT, about=str(number), recipient="ada@buyers.test", language="en") for number in range(3)
    ]
    async with shop.transactions.begin() as tx:
        for number, message in enumerate(messages):
            await tx.mail.post(message)
            await tx.mail.mark_failed(message.key, "550 \x1b[31mno", now=NOON.replace(minute=number))
    await shop.close()
    return [message.key for message in reversed(messages)]


async def test_refused_e_mails_are_listed_and_tried_again(
    run: Run, environment: dict[str, str], failed: list[str]
) -> None:
    newest, *older = failed

    listed = await run("mail", "failed", env=environment)
    one = await run("mail", "retry", newest, "password_changed:999", env=environment)
    rest = await run("mail", "retry", "--all", env=environment)
    nothing = await run("mail", "failed", env=environment)

    assert listed.lines() == [
        f"2026-03-01 12:0{minute}  {key}  550 \\x1b[31mno" for minute, key in zip((2, 1, 0), failed, strict=True)
    ]
    assert (one.code, one.out) == (1, "1 will be tried again\n")
    assert one.err == "cartograph: password_changed:999: no e-mail with this key has failed\n"
    assert (rest.code, rest.out) == (0, f"{len(older)} will be tried again\n")
    assert (nothing.code, nothing.out) == (0, "no e-mail has failed\n")


@pytest.mark.parametrize("arguments", [[], ["--all", "password_changed:1"]])
async def test_a_retry_wants_keys_or_all_and_not_both(
    run: Run, environment: dict[str, str], arguments: list[str]
) -> None:
    ended = await run("mail", "retry", *arguments, env=environment)

    assert (ended.code, ended.err) == (2, "cartograph: name e-mails, or say --all\n")


async def test_every_e_mail_can_be_looked_at_before_it_is_sent(
    run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "mails"

    ended = await run("mail", "preview", folder, "--language", "de", env=environment)

    assert (ended.code, ended.out) == (0, f"{len(CONTENTS)} e-mails in {folder}, each as .html and .txt\n")
    assert {path.name for path in folder.iterdir()} == {
        f"{name}.{suffix}" for name in CONTENTS for suffix in ("html", "txt")
    }
    assert (folder / "order_confirmed.txt").read_text().startswith("Bestellung C-1042 ist bestätigt")


async def test_a_folder_that_cannot_be_written_to_is_one_line(
    run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")

    ended = await run("mail", "preview", tmp_path / "file" / "mails", env=environment)

    assert (ended.code, ended.err) == (1, f"cartograph: {tmp_path}/file/mails cannot be written to: Not a directory\n")
