"""`cartograph keys`, `staff` and `audit`, as a person runs them."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from app.database.engine import Database
from tests.integration.cli.commands import Run

PASSWORD = "the-password-of-an-operator"


async def test_keys_are_rotated_and_listed(run: Run, environment: dict[str, str]) -> None:
    first = await run("keys", "rotate", "--now", env=environment)
    second = await run("keys", "rotate", env=environment)
    listed = await run("keys", "list", env=environment)

    assert (first.code, second.code, listed.code) == (0, 0, 0)
    old, new = first.out.split()[0], second.out.split()[0]
    assert re.fullmatch(r"[0-9a-f]{16}", new)
    assert "signs from" in second.out
    assert [line.split()[0] for line in listed.lines()][:2] == [new, old]
    assert "verifies; signs from" in listed.lines()[0]
    assert "signs and verifies until" in listed.lines()[1]


async def test_staff_are_created_listed_and_disabled(run: Run, environment: dict[str, str]) -> None:
    created = await run(
        "staff", "create", "Sam@Example.com", "--name", "Sam Taff", env=environment, typed=f"{PASSWORD}\n"
    )
    renewed = await run("staff", "create", "sam@example.com", env=environment, typed=f"{PASSWORD}\n")
    listed = await run("staff", "list", env=environment)
    disabled = await run("staff", "disable", "sam@example.com", env=environment)
    again = await run("staff", "disable", "sam@example.com", env=environment)
    after = await run("staff", "list", env=environment)

    assert (created.code, created.lines()[0]) == (0, "created")
    assert re.search(r"otpauth://totp/\S+secret=[A-Z2-7]{32}", created.out)
    assert renewed.lines()[0].startswith("renewed")
    assert [line for line in listed.lines() if "sam@example.com  Sam Taff" in line and line.endswith("active")]
    assert disabled.lines() == ["disabled: its sessions end within seconds"]
    assert again.lines() == ["was disabled already"]
    assert "disabled 20" in after.out
    assert PASSWORD not in created.out + created.err


@pytest.mark.parametrize(
    ("arguments", "typed", "told"),
    [
        (("staff", "create", "sam2@example.com"), "short\n", "8 characters or more"),
        (("staff", "create", "sam2@example.com"), "password\n", "tried first"),
        (("staff", "create", "sam2@example.com"), "", "8 characters or more"),
        (("staff", "create", "nobody"), f"{PASSWORD}\n", "not an e-mail address"),
        (("staff", "disable", "nobody@example.com"), "", "there is no staff account nobody@example.com"),
        (("audit", "verify", "--head", "nonsense"), "", "--head must be what"),
        (("audit", "list", "--limit", "0"), "", "--limit must be"),
    ],
)
async def test_what_cannot_be_done_is_one_line(
    run: Run, environment: dict[str, str], arguments: tuple[str, ...], typed: str, told: str
) -> None:
    ended = await run(*arguments, env=environment, typed=typed)

    assert ended.code == 1
    assert ended.err.startswith("cartograph: ")
    assert len(ended.err.splitlines()) == 1
    assert told in ended.err


async def test_the_audit_log_is_listed_and_verified_and_tampering_ends_the_command_with_1(
    run: Run, environment: dict[str, str]
) -> None:
    await run("keys", "rotate", env=environment)
    verified = await run("audit", "verify", env=environment)
    head = verified.out.split("head ")[1].strip()
    listed = await run("audit", "list", "--limit", "1", env=environment)
    later = await run("audit", "verify", "--head", head, env=environment)
    database = Database.connect(environment["DATABASE_URL"], pool_size=1, statement_timeout_seconds=5)
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE accounts.audit_entry DISABLE TRIGGER ALL"))
        await connection.execute(text("UPDATE accounts.audit_entry SET address = '203.0.113.1' WHERE seq = 1"))
    broken = await run("audit", "verify", env=environment)
    async with database.write() as connection:
        await connection.execute(text("UPDATE accounts.audit_entry SET address = '' WHERE seq = 1"))
        await connection.execute(text("ALTER TABLE accounts.audit_entry ENABLE TRIGGER ALL"))
    await database.close()
    mended = await run("audit", "verify", env=environment)

    assert (verified.code, later.code, mended.code) == (0, 0, 0)
    assert re.fullmatch(r"\d+:[0-9a-f]{64}", head)
    assert "keys_rotated  by operator" in listed.out
    assert broken.code == 1
    assert "entry 1: changed" in broken.err
    assert "tampered with" in broken.err
