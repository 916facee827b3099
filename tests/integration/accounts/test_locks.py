"""Guessing is stopped; nobody is kept out for good, and nobody out of what they have."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest

from app.accounts.domain import Credentials, Origin
from app.accounts.lockout import FROM_ADDRESS, STRANGERS, TRIES, WINDOW
from app.core.errors import ErrorCode, TooManyTries, Unauthenticated
from tests.accountholders import PASSWORD, Accounts, Holder
from tests.shopkeeping import ManualClock

HOME, ELSEWHERE = Origin("192.0.2.1"), Origin("198.51.100.7")


async def outcome(accounts: Accounts, holder: Holder, origin: Origin, password: str = "wrong") -> str:
    try:
        await accounts.shop.accounts.service.sign_in(Credentials(holder.email, password), origin)
    except TooManyTries:
        return "locked"
    except Unauthenticated as error:
        return "wrong" if error.code is ErrorCode.CREDENTIALS_INVALID else error.code.value
    return "in"


@pytest.fixture
async def holder(together: Accounts) -> Holder:
    await together.forgive()
    return await together.registered()


async def test_the_sixth_try_from_one_address_is_not_looked_at_and_another_address_is(
    together: Accounts, holder: Holder
) -> None:
    outcomes = [await outcome(together, holder, ELSEWHERE) for _ in range(TRIES + 2)]

    assert outcomes == ["wrong"] * TRIES + ["locked"] * 2
    assert await outcome(together, holder, ELSEWHERE, PASSWORD) == "locked"
    assert await outcome(together, holder, HOME, PASSWORD) == "in"


async def test_the_lock_is_over_after_fifteen_minutes_however_often_it_was_tried(
    together: Accounts, holder: Holder, clock: ManualClock
) -> None:
    for _ in range(TRIES + 10):
        await outcome(together, holder, ELSEWHERE)

    with clock.turned(WINDOW + timedelta(seconds=1)):
        assert await outcome(together, holder, ELSEWHERE, PASSWORD) == "in"


async def test_fifty_guesses_at_once_are_no_way_around(together: Accounts, holder: Holder) -> None:
    outcomes = await asyncio.gather(*(outcome(together, holder, ELSEWHERE) for _ in range(50)))

    assert outcomes.count("wrong") <= TRIES
    assert outcomes.count("wrong") + outcomes.count("locked") == 50


async def test_many_strangers_do_not_lock_the_owner_out_of_where_they_have_been(
    together: Accounts, holder: Holder
) -> None:
    assert await outcome(together, holder, HOME, PASSWORD) == "in"
    strangers = [Origin(f"203.0.113.{number}") for number in range(STRANGERS + 5)]

    outcomes = [await outcome(together, holder, stranger) for stranger in strangers]

    assert outcomes == ["wrong"] * STRANGERS + ["locked"] * 5
    assert await outcome(together, holder, ELSEWHERE, PASSWORD) == "locked"  # a stranger with the right one, too
    assert await outcome(together, holder, HOME, PASSWORD) == "in"


async def test_whoever_is_locked_out_everywhere_gets_in_by_email(together: Accounts, holder: Holder) -> None:
    for number in range(STRANGERS + 1):
        await outcome(together, holder, Origin(f"203.0.113.{number}"))
    assert await outcome(together, holder, HOME, PASSWORD) == "locked"

    await together.call("passwordResetRequest", email=holder.email)
    await together.work()
    token = await together.link_token(holder.email)
    payload = await together.call("passwordReset", token=token, newPassword="another-walk-over-the-fells")

    assert payload["userErrors"] == []
    assert await outcome(together, holder, HOME, "another-walk-over-the-fells") == "in"


async def test_who_is_signed_in_stays_so_while_the_account_is_locked(together: Accounts, holder: Holder) -> None:
    signed_in = await together.sign_in(holder)
    for number in range(STRANGERS + 1):
        await outcome(together, holder, Origin(f"203.0.113.{number}"))

    assert (await together.me(signed_in)).status == 200
    assert (await together.call("tokenRefresh", refreshToken=signed_in.refresh_token))["userErrors"] == []


async def test_one_address_cannot_try_one_password_at_every_account(together: Accounts) -> None:
    await together.forgive()
    sprayed = [await outcome(together, together.somebody(), ELSEWHERE) for _ in range(FROM_ADDRESS + 3)]

    assert sprayed == ["wrong"] * FROM_ADDRESS + ["locked"] * 3


async def test_nobody_has_a_lock_like_somebody(together: Accounts, holder: Holder) -> None:
    nobody = together.somebody()

    known = [await outcome(together, holder, HOME) for _ in range(TRIES + 1)]
    unknown = [await outcome(together, nobody, HOME) for _ in range(TRIES + 1)]

    assert known == unknown


async def test_a_success_forgives_what_was_mistyped_before(together: Accounts, holder: Holder) -> None:
    for _ in range(3):
        assert [await outcome(together, holder, HOME) for _ in range(TRIES - 1)] == ["wrong"] * (TRIES - 1)
        assert await outcome(together, holder, HOME, PASSWORD) == "in"


async def test_a_new_password_needs_the_current_one_within_the_same_five_tries(
    together: Accounts, holder: Holder
) -> None:
    signed_in = await together.sign_in(holder)
    given = {"currentPassword": "wrong", "newPassword": "another-walk-over-the-fells"}

    codes = [await together.codes("passwordChange", signed_in.headers, **given) for _ in range(TRIES + 1)]

    assert codes == [["CREDENTIALS_INVALID"]] * TRIES + [["RATE_LIMITED"]]


@pytest.mark.parametrize("second", ["login", "customerRegister", "passwordResetRequest", "tokenRefresh"])
async def test_a_request_has_one_sensitive_mutation_at_most(http: httpx.AsyncClient, second: str) -> None:
    given = {
        "login": 'email: "a@example.com", password: "x"',
        "customerRegister": 'email: "a@example.com", password: "x"',
        "passwordResetRequest": 'email: "a@example.com"',
        "tokenRefresh": 'refreshToken: "x"',
    }
    query = "mutation {" + "".join(
        f" {alias}: {name}(input: {{{given[name]}}}) {{ userErrors {{ code }} }}"
        for alias, name in (("a", "login"), ("b", second))
    )

    answer = await http.post(
        "/graphql", json={"query": query + "}"}, headers={"accept": "application/graphql-response+json"}
    )

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
