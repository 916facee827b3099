"""Keys are rotated while clients go on: no request fails, and a stolen key is worth nothing."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import timedelta

import httpx
import pytest

from app.accounts.key_desk import KeyDesk
from app.accounts.signing_keys import PUBLISHED_AHEAD, TOKEN_LIFETIME
from app.bootstrap import Shop, build_shop
from app.settings import load_settings
from app.web import build_app
from tests.accountholders import ME, Accounts, bearer
from tests.conftest import Servers
from tests.shopkeeping import ManualClock


def kid(token: str) -> str:
    return str(json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))["kid"])


class WholeClock(ManualClock):
    """A clock that moves what is kept for a while, too; it must not be turned back."""

    def monotonic(self) -> float:
        return super().monotonic() + self._offset.total_seconds()


@pytest.fixture
def moving() -> WholeClock:
    return WholeClock()


@pytest.fixture
async def processes(servers: Servers, shop: Shop, moving: WholeClock) -> list[Accounts]:
    """Three shops on one database, as three processes are: none has the others' memory."""
    made = []
    for _ in range(3):
        each = build_shop(load_settings(servers.environment()), redis_timeout_seconds=60, clock=moving)
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=build_app(each)), base_url="http://shop.test")
        made.append(Accounts(client, client, each))
    yield made
    for accounts in made:
        await accounts.core.aclose()
        await accounts.shop.close()


async def test_while_keys_are_rotated_no_request_fails(processes: list[Accounts], moving: WholeClock) -> None:
    one, two, _ = processes
    await one.forgive()
    holder = await one.registered()
    statuses: list[int] = []
    used: set[str] = set()
    tokens: list[str] = []

    async def clients() -> None:
        """Each process signs a token and every process is shown all that are still good."""
        for accounts in processes:
            token = (await accounts.sign_in(holder)).token
            used.add(kid(token))
            tokens.append(token)
        for accounts in processes:
            answers = await asyncio.gather(*(accounts.api(ME, bearer(token)) for token in tokens[-9:]))
            statuses.extend(answer.status for answer in answers)

    await clients()
    before = set(used)
    for number in range(3):
        with moving.turned(timedelta(seconds=200 * number)):
            await two.shop.accounts.key_desk.rotate()
            for seconds in (0, 29, 31, 61, 119, 121, 150, 181):  # around every moment at which something changes
                with moving.turned(timedelta(seconds=seconds)):
                    await clients()

    assert set(statuses) == {200}
    assert len(statuses) > 600
    assert len(used - before) >= 1


async def test_a_new_key_is_published_before_it_signs_and_the_old_one_verifies_until_its_tokens_end(
    together: Accounts, clock: ManualClock
) -> None:
    await together.forgive()
    holder = await together.signed_in()
    old = kid(holder.token)

    new = await together.shop.accounts.key_desk.rotate()

    published = {key["kid"] for key in (await together.auth.get("/.well-known/jwks.json")).json()["keys"]}
    assert old in published
    assert kid((await together.sign_in(holder)).token) == old
    with clock.turned(PUBLISHED_AHEAD + timedelta(seconds=1)):
        last_moment = await together.sign_in(holder)
        assert kid(last_moment.token) == new.kid
        assert (await together.me(holder)).status == 200
    with clock.turned(PUBLISHED_AHEAD + TOKEN_LIFETIME + timedelta(minutes=1)):
        keys = await together.shop.accounts.key_desk.read()
        assert old not in keys
        assert new.kid in keys


async def test_after_a_stolen_key_its_tokens_are_worth_nothing_and_sessions_go_on(
    processes: list[Accounts], together: Accounts
) -> None:
    await together.forgive()
    holder = await together.signed_in()

    await processes[0].shop.accounts.key_desk.rotate(at_once=True)
    fresh = processes[1]  # a process that has read no list before

    assert (await fresh.me(holder)).status == 401
    refreshed = await fresh.call("tokenRefresh", refreshToken=holder.refresh_token)
    assert (await fresh.api(ME, bearer(refreshed["accessToken"]))).status == 200
    await together.shop.accounts.key_desk.read()
    together.shop.accounts.key_desk._stale_at = 0.0
    together.shop.accounts.keys._keys = None  # as half a minute later


async def test_private_keys_are_kept_sealed(together: Accounts) -> None:
    desk: KeyDesk = together.shop.accounts.key_desk
    key_id, private = await desk.signing()

    stored = next(key for key in await desk.list() if key.kid == key_id)

    assert private not in stored.sealed
