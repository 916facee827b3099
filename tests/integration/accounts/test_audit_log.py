"""The audit log: what is in it, and that no tampering goes unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.accounts.audit import Action, Event, Head
from app.bootstrap import Shop, build_shop
from app.settings import load_settings
from tests.accountholders import PASSWORD, Accounts, Holder
from tests.conftest import Servers
from tests.unit.fakes import NOON

ENTRIES = 8


@pytest.fixture
async def logbook(servers: Servers) -> AsyncIterator[Shop]:
    """A shop of its own, whose log has eight entries."""
    servers.postgres.create_database("audited")
    shop = build_shop(load_settings(servers.environment("audited")))
    await shop.migrate()
    for number in range(ENTRIES):
        async with shop.accounts.transactions.begin() as tx:
            facts = {"session": f"number {number}"}
            await tx.audit.append(Event(Action.SIGNED_IN, f"actor {number}", "subject", NOON, "192.0.2.1", facts))
    yield shop
    await shop.close()
    servers.postgres.drop_database("audited")


async def tamper(shop: Shop, *statements: str) -> None:
    """What somebody does who owns the database, but not the shop's secret."""
    async with shop.accounts_database.write() as connection:
        await connection.execute(text("ALTER TABLE accounts.audit_entry DISABLE TRIGGER ALL"))
        for statement in statements:
            await connection.execute(text(statement))
        await connection.execute(text("ALTER TABLE accounts.audit_entry ENABLE TRIGGER ALL"))


async def test_an_untouched_log_is_verified(logbook: Shop) -> None:
    report = await logbook.accounts.verify_audit()

    assert (report.entries, report.faults) == (ENTRIES, ())
    assert report.head.seq == ENTRIES


@pytest.mark.parametrize(
    "column",
    [
        "action = 'signed_out'",
        "actor = 'somebody else'",
        "subject = 'somebody else'",
        "address = '198.51.100.7'",
        "at = at + interval '1 microsecond'",
        "facts = '{}'",
        'facts = facts || \'{"more": "x"}\'',
        "digest = set_byte(digest, 0, (get_byte(digest, 0) + 1) % 256)",
    ],
)
async def test_a_change_of_any_column_is_noticed(logbook: Shop, column: str) -> None:
    await tamper(logbook, f"UPDATE accounts.audit_entry SET {column} WHERE seq = 4")

    report = await logbook.accounts.verify_audit()

    assert report.faults[0].startswith("entry 4: ")


@pytest.mark.parametrize(
    ("name", "statements", "first"),
    [
        ("taken out", ["DELETE FROM accounts.audit_entry WHERE seq = 3"], "entry 3: missing"),
        ("the first taken out", ["DELETE FROM accounts.audit_entry WHERE seq = 1"], "entry 1: missing"),
        (
            "taken out and moved up",
            [
                "DELETE FROM accounts.audit_entry WHERE seq = 3",
                "UPDATE accounts.audit_entry SET seq = seq - 1 WHERE seq > 3",
                "UPDATE accounts.audit_head SET seq = seq - 1",
            ],
            "entry 3: changed",
        ),
        (
            "two swapped",
            [
                "UPDATE accounts.audit_entry SET seq = 99 WHERE seq = 5",
                "UPDATE accounts.audit_entry SET seq = 5 WHERE seq = 6",
                "UPDATE accounts.audit_entry SET seq = 6 WHERE seq = 99",
            ],
            "entry 5: changed",
        ),
        (
            "put in",
            [
                "UPDATE accounts.audit_entry SET seq = -seq WHERE seq > 4",
                "UPDATE accounts.audit_entry SET seq = 1 - seq WHERE seq < 0",
                "INSERT INTO accounts.audit_entry SELECT 5, at, action, actor, subject, address, facts, digest"
                " FROM accounts.audit_entry WHERE seq = 4",
                "UPDATE accounts.audit_head SET seq = seq + 1",
            ],
            "entry 5: changed",
        ),
        (
            "put in at the end",
            [
                "INSERT INTO accounts.audit_entry SELECT 9, at, action, actor, subject, address, facts, digest"
                " FROM accounts.audit_entry WHERE seq = 8"
            ],
            "entry 9: changed",
        ),
        ("cut off", ["DELETE FROM accounts.audit_entry WHERE seq > 6"], "entry 7 to 8: missing at the end"),
        ("all gone", ["DELETE FROM accounts.audit_entry"], "entry 1 to 8: missing at the end"),
        (
            "cut off with the head's number",
            ["DELETE FROM accounts.audit_entry WHERE seq > 6", "UPDATE accounts.audit_head SET seq = 6"],
            "the end of the log",
        ),
        ("the head gone", ["DELETE FROM accounts.audit_head"], "the end of the log"),
    ],
)
async def test_entries_that_are_missing_moved_or_put_in_are_noticed(
    logbook: Shop, name: str, statements: list[str], first: str
) -> None:
    await tamper(logbook, *statements)

    report = await logbook.accounts.verify_audit()

    assert report.faults, name
    assert report.faults[0].startswith(first)


async def test_a_log_that_was_cut_off_together_with_its_head_is_noticed_by_a_head_that_was_noted(logbook: Shop) -> None:
    noted = (await logbook.accounts.verify_audit()).head
    await tamper(
        logbook,
        "DELETE FROM accounts.audit_entry WHERE seq > 6",
        "UPDATE accounts.audit_head SET seq = 6, digest = (SELECT digest FROM accounts.audit_entry WHERE seq = 6)",
    )

    alone, with_note = await logbook.accounts.verify_audit(), await logbook.accounts.verify_audit(noted)
    earlier = await logbook.accounts.verify_audit(alone.head)
    other = await logbook.accounts.verify_audit(Head(3, b"x" * 32))

    assert alone.faults == ()  # nothing inside the database can tell
    assert with_note.faults == ("entry 7 to 8: missing, they were there when it was noted",)
    assert earlier.faults == ()
    assert other.faults == ("entry 3: not the one that was noted",)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts.audit_entry SET actor = 'nobody'",
        "DELETE FROM accounts.audit_entry WHERE seq = 1",
        "TRUNCATE accounts.audit_entry",
    ],
)
async def test_the_database_refuses_everything_but_adding(logbook: Shop, statement: str) -> None:
    with pytest.raises(DBAPIError, match="only ever added to"):
        async with logbook.accounts_database.write() as connection:
            await connection.execute(text(statement))

    assert (await logbook.accounts.verify_audit()).faults == ()


async def test_fifty_at_once_make_one_chain(logbook: Shop) -> None:
    async def append(number: int) -> None:
        async with logbook.accounts.transactions.begin() as tx:
            await tx.audit.append(Event(Action.SIGNED_OUT, str(number), "subject", NOON))

    for start in range(0, 50, 10):
        await asyncio.gather(*(append(number) for number in range(start, start + 10)))

    report = await logbook.accounts.verify_audit()
    assert (report.entries, report.faults) == (ENTRIES + 50, ())


async def test_what_happens_to_an_account_is_in_it_without_secrets_and_addresses(together: Accounts) -> None:
    await together.forgive()
    holder = await together.signed_in()
    wanted = "another-walk-over-the-fells"
    changed = Holder(holder.email, wanted)
    changed.took(await together.call("passwordChange", holder.headers, currentPassword=PASSWORD, newPassword=wanted))
    await together.call("logout", changed.headers)
    await together.shop.accounts.create_staff(f"staff-{holder.email}", PASSWORD, None)
    await together.shop.accounts.disable_staff(f"staff-{holder.email}")

    async with together.shop.accounts.transactions.read() as tx:
        entries = [entry.event for entry in await tx.audit.newest(limit=6)]

    assert [event.action for event in reversed(entries)] == [
        *("registered", "signed_in", "password_changed", "signed_out", "staff_created", "staff_disabled")
    ]
    assert [event.actor for event in entries[:2]] == ["operator"] * 2
    assert {event.actor for event in entries[2:]} == {event.subject for event in entries[2:]}
    told = repr(entries)
    for secret in (holder.email, PASSWORD, wanted, holder.token, holder.refresh_token, changed.refresh_token):
        assert secret not in told
    assert (await together.shop.accounts.verify_audit()).faults == ()
