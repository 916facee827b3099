"""Staff: a second factor, short sessions, and an end to them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from app.accounts.staff import NotStaff
from app.core.errors import NotFound
from tests.accountholders import PASSWORD, Accounts, Holder
from tests.shopkeeping import ManualClock


class Member(Holder):
    """Staff, with an authenticator."""

    secret: str = ""

    def code(self, accounts: Accounts) -> str:
        return str(pyotp.TOTP(self.secret).at(accounts.shop.clock.now()))


async def hired(accounts: Accounts, member: Member) -> Member:
    address, _ = await accounts.shop.accounts.create_staff(member.email, PASSWORD, "S. Taff")
    member.secret = parse_qs(urlsplit(address).query)["secret"][0]
    return member


@pytest.fixture
async def member(together: Accounts) -> Member:
    await together.forgive()
    return await hired(together, Member(together.somebody().email))


async def sign_in(accounts: Accounts, member: Member, **more: Any) -> Any:
    return await accounts.auth.post(
        "/api/auth/login", json={"email": member.email, "password": member.password, **more}
    )


async def test_the_right_password_alone_is_answered_with_what_is_missing(together: Accounts, member: Member) -> None:
    without = await sign_in(together, member)
    wrong = await sign_in(together, member, code="000000")
    by_graphql = await together.codes("login", email=member.email, password=PASSWORD)
    both = await sign_in(together, member, code=member.code(together))

    for answer in (without, wrong):
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "SECOND_FACTOR_REQUIRED")
        assert answer.json()["error"]["field"] == "code"
    assert by_graphql == ["SECOND_FACTOR_REQUIRED"]
    assert both.status_code == 200


async def test_a_wrong_password_is_never_answered_with_a_second_factor(together: Accounts, member: Member) -> None:
    member.password = "wrong"

    answer = await sign_in(together, member, code=member.code(together))

    assert answer.json()["error"]["code"] == "CREDENTIALS_INVALID"


async def test_a_code_works_once_also_when_it_is_sent_twice_at_once(
    together: Accounts, member: Member, clock: ManualClock
) -> None:
    code = member.code(together)

    answers = await asyncio.gather(*(sign_in(together, member, code=code) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    with clock.turned(timedelta(seconds=60)):
        assert (await sign_in(together, member, code=member.code(together))).status_code == 200


async def test_codes_cannot_be_guessed_any_number_of_times(together: Accounts, member: Member) -> None:
    statuses = [(await sign_in(together, member, code=f"{number:06}")).status_code for number in range(7)]

    assert statuses == [401] * 5 + [429] * 2


async def test_a_session_of_staff_ends_after_half_an_hour_without_use_and_after_eight_hours(
    together: Accounts, member: Member, clock: ManualClock
) -> None:
    idle = (await sign_in(together, member, code=member.code(together))).json()["refreshToken"]
    with clock.turned(timedelta(minutes=1)):
        token = (await sign_in(together, member, code=member.code(together))).json()["refreshToken"]

    for minutes in range(25, 8 * 60, 25):
        with clock.turned(timedelta(minutes=minutes)):
            token = (await together.call("tokenRefresh", refreshToken=token))["refreshToken"]
    with clock.turned(timedelta(minutes=30, seconds=1)):
        assert await together.codes("tokenRefresh", refreshToken=idle) == ["TOKEN_INVALID"]
    with clock.turned(timedelta(hours=8, minutes=1, seconds=1)):
        assert await together.codes("tokenRefresh", refreshToken=token) == ["TOKEN_INVALID"]


async def test_the_token_says_the_role(together: Accounts, member: Member) -> None:
    answer = (await sign_in(together, member, code=member.code(together))).json()
    member.took(answer)

    me = await together.auth.get("/api/auth/me", headers=member.headers)

    assert me.json()["role"] == "staff"


async def test_who_is_disabled_is_out_at_once_and_stays_out(together: Accounts, member: Member) -> None:
    member.took((await sign_in(together, member, code=member.code(together))).json())

    first = await together.shop.accounts.disable_staff(member.email)
    second = await together.shop.accounts.disable_staff(member.email)

    assert (first, second) == (True, False)
    assert (await together.me(member)).status == 401
    assert await together.codes("tokenRefresh", refreshToken=member.refresh_token) == ["TOKEN_INVALID"]
    assert (await sign_in(together, member, code="000000")).json()["error"]["code"] == "CREDENTIALS_INVALID"


async def test_no_email_gets_around_the_second_factor(together: Accounts, member: Member) -> None:
    await together.call("passwordResetRequest", email=member.email)
    await together.work()

    assert await together.mails(member.email) == []


async def test_creating_again_renews_password_and_second_factor(
    together: Accounts, member: Member, clock: ManualClock
) -> None:
    member.took((await sign_in(together, member, code=member.code(together))).json())
    old = Member(member.email)
    old.secret = member.secret

    await hired(together, member)

    assert (await together.me(member)).status == 401
    with clock.turned(timedelta(seconds=90)):
        assert (await sign_in(together, old, code=old.code(together))).status_code == 401
        assert (await sign_in(together, member, code=member.code(together))).status_code == 200
    assert member.email in [each.email for each in await together.shop.accounts.list_staff()]


async def test_a_customer_does_not_become_staff_by_mistake(together: Accounts) -> None:
    await together.forgive()
    customer = await together.signed_in()

    with pytest.raises(NotStaff):
        await together.shop.accounts.create_staff(customer.email, "a password of an operator", None)
    with pytest.raises(NotFound):
        await together.shop.accounts.disable_staff(customer.email)

    assert (await together.me(customer)).status == 200
    await together.sign_in(customer)
