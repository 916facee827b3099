"""Nobody can ask who is a customer: the same answer, the same statements, the same hashes, no e-mail from the request.

What is counted here is work, which does not depend on the machine; `tests/benchmarks/sign_in.py` measures times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.accounts.passwords import Argon2Passwords
from tests.accountholders import PASSWORD, Accounts
from tests.shopkeeping import counted_statements

ROUNDS = 20


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a password was hashed or verified."""
    counts: Counter[str] = Counter()
    for name in ("hash", "_verify"):
        original = getattr(Argon2Passwords, name)

        def counted(self: Any, *given: Any, _name: str = name, _original: Any = original) -> Any:
            counts[_name] += 1
            return _original(self, *given)

        monkeypatch.setattr(Argon2Passwords, name, counted)
    return counts


@contextmanager
def work_of(accounts: Accounts, hashed: Counter[str]) -> Iterator[list[Any]]:
    """The statements without their values, and the hashes, of what is done inside."""
    done: list[Any] = []
    before = Counter(hashed)
    with counted_statements(accounts.shop) as statements:
        yield done
    done.extend([list(statements), hashed - before])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("login", {"password": "wrong"}),
        ("login", {"password": "x" * 2_000}),
        ("customerRegister", {"password": PASSWORD, "name": "A. Walker"}),
        ("passwordResetRequest", {}),
    ],
)
async def test_known_and_unknown_addresses_cost_the_same_work_and_get_the_same_answer(
    together: Accounts, hashed: Counter[str], name: str, given: dict[str, str]
) -> None:
    works: dict[str, set[str]] = {"known": set(), "unknown": set()}
    payloads = []
    for _ in range(ROUNDS):
        await together.forgive()
        known, unknown = await together.registered(), together.somebody()
        for kind, holder in (("known", known), ("unknown", unknown)):
            with work_of(together, hashed) as done:
                payloads.append(await together.call(name, email=holder.email, **given))
            works[kind].add(repr(done))

    assert works["known"] == works["unknown"]
    assert len(works["known"]) == 1
    assert all(payload == payloads[0] for payload in payloads)


async def test_the_request_posts_no_email_and_does_not_look_for_an_account(
    together: Accounts, hashed: Counter[str]
) -> None:
    await together.forgive()
    known = await together.registered()
    before = len(await together.mails(known.email))

    with counted_statements(together.shop) as statements:
        await together.call("customerRegister", email=known.email, password=PASSWORD)
        await together.call("passwordResetRequest", email=known.email)

    assert [each for each in statements if "accounts.customer" in each] == []
    assert len(await together.mails(known.email)) == before


async def test_whoever_has_an_account_already_is_told_by_email_alone(together: Accounts) -> None:
    await together.forgive()
    known = await together.registered()

    await together.call("customerRegister", email=known.email, password="a password of somebody else")
    await together.work()

    templates = [template for template, _ in await together.mails(known.email)]
    assert templates[-1] == "account_exists"
    assert await together.codes("login", email=known.email, password="a password of somebody else") == [
        "CREDENTIALS_INVALID"
    ]
    await together.sign_in(known)


async def test_a_reset_for_nobody_sends_nothing_to_anybody(together: Accounts) -> None:
    await together.forgive()
    nobody = together.somebody()

    await together.call("passwordResetRequest", email=nobody.email)
    await together.work()

    assert await together.mails(nobody.email) == []


async def test_of_two_who_register_one_address_the_one_who_reads_its_mail_gets_it(together: Accounts) -> None:
    await together.forgive()
    owner = together.somebody()
    await together.call("customerRegister", email=owner.email, password="the stranger's password")
    await together.work()
    strangers_link = await together.link_token(owner.email)
    await together.call("customerRegister", email=owner.email, password=PASSWORD)
    await together.work()

    verified = await together.call("emailVerify", token=await together.link_token(owner.email))

    assert verified["userErrors"] == []
    assert await together.codes("emailVerify", token=strangers_link) == ["TOKEN_INVALID"]
    assert await together.codes("login", email=owner.email, password="the stranger's password") != []
    await together.sign_in(owner)


async def test_one_address_gets_five_emails_an_hour_and_nobody_is_told(together: Accounts) -> None:
    await together.forgive()
    victim = await together.registered()
    before = len(await together.mails(victim.email))

    payloads = [await together.call("passwordResetRequest", email=victim.email) for _ in range(8)]
    await together.work()
    payloads += [await together.call("customerRegister", email=victim.email, password=PASSWORD)]
    await together.work()

    assert all(payload["userErrors"] == [] for payload in payloads)
    assert len(await together.mails(victim.email)) - before == 5
