"""The same refresh token any number of times at once: one next token, and nobody is signed out."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import text

from app.accounts.refresh_tokens import GRACE
from tests.accountholders import Accounts
from tests.conftest import Servers
from tests.serving import ServerProcess, serving
from tests.shopkeeping import ManualClock

RACES, RACERS = 100, 10  # 1,000 refreshes
WAVE = 10  # races at once, so a hundred refreshes are under way


async def refreshed(client: httpx.AsyncClient, token: str) -> dict[str, Any]:
    answer = await client.post("/api/auth/refresh", json={"refreshToken": token})
    return {"status": answer.status_code, **answer.json()}


async def test_a_thousand_refreshes_in_a_hundred_races_over_two_processes_make_no_fork_and_sign_nobody_out(
    apart: Accounts, servers: Servers, tmp_path_factory: Any
) -> None:
    await apart.forgive()
    holder = await apart.registered()
    tokens = [(await apart.sign_in(holder)).refresh_token for _ in range(RACES)]
    settings = {"ACCOUNTS_DATABASE_URL": servers.postgres.url("split_accounts")}
    limits = httpx.Limits(max_connections=100)
    second: ServerProcess
    async with (
        serving(servers, tmp_path_factory.mktemp("second"), "--only", "accounts", **settings) as second,
        httpx.AsyncClient(base_url=second.url, trust_env=False, timeout=60, limits=limits) as other,
        httpx.AsyncClient(base_url=apart.auth.base_url, trust_env=False, timeout=60, limits=limits) as one,
    ):
        by_token = []
        for start in range(0, RACES, WAVE):  # a busy machine must not make one race last longer than the grace
            wave = tokens[start : start + WAVE]
            racing = [refreshed((one, other)[racer % 2], token) for racer in range(RACERS) for token in wave]
            said = await asyncio.gather(*racing)
            by_token += [said[number :: len(wave)] for number in range(len(wave))]
        answers = [answer for race in by_token for answer in race]
        following = [{answer["refreshToken"] for answer in race if answer["status"] == 200} for race in by_token]
        once_more = await asyncio.gather(*(refreshed(one, next(iter(tokens))) for tokens in following))

    assert {answer["status"] for answer in answers} == {200}
    assert [len(tokens) for tokens in following] == [1] * RACES
    assert {answer["status"] for answer in once_more} == {200}
    query = """
        SELECT count(*) FROM accounts.session s JOIN accounts.customer c ON c.id = s.customer_id
        WHERE c.email = :email AND s.ended_at IS NULL
    """
    async with apart.shop.accounts_database.read_fresh() as connection:
        assert await connection.scalar(text(query), {"email": holder.email}) == RACES


async def test_a_token_that_comes_again_within_ten_seconds_gives_the_same_next_one(
    together: Accounts, clock: ManualClock
) -> None:
    await together.forgive()
    holder = await together.signed_in()

    first = await together.call("tokenRefresh", refreshToken=holder.refresh_token)
    with clock.turned(GRACE - timedelta(seconds=2)):
        again = await together.call("tokenRefresh", refreshToken=holder.refresh_token)
        further = await together.call("tokenRefresh", refreshToken=first["refreshToken"])
        late = await together.call("tokenRefresh", refreshToken=holder.refresh_token)

    assert again["refreshToken"] == first["refreshToken"]
    assert further["refreshToken"] != first["refreshToken"]
    assert late["refreshToken"] == further["refreshToken"]  # also two steps later, the only one there is


async def test_a_token_that_is_used_later_ends_the_session_for_thief_and_owner(
    together: Accounts, clock: ManualClock
) -> None:
    await together.forgive()
    stolen = await together.signed_in()
    elsewhere = await together.sign_in(stolen)
    next_one = (await together.call("tokenRefresh", refreshToken=stolen.refresh_token))["refreshToken"]

    with clock.turned(GRACE + timedelta(seconds=1)):
        reused = await together.codes("tokenRefresh", refreshToken=stolen.refresh_token)
        owner = await together.codes("tokenRefresh", refreshToken=next_one)
        dead = (await together.me(stolen)).status
        other = (await together.me(elsewhere)).status

    assert (reused, owner, dead, other) == (["TOKEN_INVALID"], ["TOKEN_INVALID"], 401, 200)
    async with together.shop.accounts.transactions.read() as tx:
        actions = [entry.event.action for entry in await tx.audit.newest(limit=5)]
    assert "refresh_reused" in actions


async def test_a_made_up_token_ends_nobodys_session(together: Accounts) -> None:
    await together.forgive()
    holder = await together.signed_in()
    forged = holder.refresh_token[:22] + ("A" * (len(holder.refresh_token) - 22))

    codes = [
        await together.codes("tokenRefresh", refreshToken=token)
        for token in (forged, holder.refresh_token[:-4] + "AAAA", "", "x" * 10_000, holder.token)
    ]

    assert codes == [["TOKEN_INVALID"]] * 5
    assert (await together.me(holder)).status == 200
    assert (await together.call("tokenRefresh", refreshToken=holder.refresh_token))["userErrors"] == []


async def test_a_session_ends_when_it_is_not_used_and_in_any_case_after_ninety_days(
    together: Accounts, clock: ManualClock
) -> None:
    await together.forgive()
    idle, busy = await together.signed_in(), await together.signed_in()

    with clock.turned(timedelta(days=29)):
        token = (await together.call("tokenRefresh", refreshToken=busy.refresh_token))["refreshToken"]
    with clock.turned(timedelta(days=30, seconds=1)):
        assert await together.codes("tokenRefresh", refreshToken=idle.refresh_token) == ["TOKEN_INVALID"]
    for day in (58, 87):
        with clock.turned(timedelta(days=day)):
            token = (await together.call("tokenRefresh", refreshToken=token))["refreshToken"]
    with clock.turned(timedelta(days=90, seconds=1)):
        assert await together.codes("tokenRefresh", refreshToken=token) == ["TOKEN_INVALID"]
