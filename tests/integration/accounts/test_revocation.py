"""A token is dead within seconds of the end of its session, in every process, with Redis and without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from app.accounts.ended_sessions import FRESH_SECONDS
from app.bootstrap import build_shop
from app.cache import keys
from app.core.changes import cart_changed
from app.core.ids import CartId, decode
from app.devstack.ports import pick_port
from app.settings import load_settings
from app.web import build_app
from tests.accountholders import Accounts
from tests.conftest import Servers
from tests.shopkeeping import ManualClock
from tests.waiting import PATIENCE_SECONDS, until


async def another_process(servers: Servers, clock: ManualClock, redis_url: str) -> AsyncIterator[Accounts]:
    settings = {**servers.environment(), "REDIS_URL": redis_url}
    shop = build_shop(load_settings(settings), redis_timeout_seconds=5, clock=clock)
    transport = httpx.ASGITransport(app=build_app(shop))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        yield Accounts(client, client, shop)
    await shop.close()


@pytest.fixture
async def elsewhere(servers: Servers, clock: ManualClock) -> AsyncIterator[Accounts]:
    """Another process of the shop."""
    async for accounts in another_process(servers, clock, servers.valkey.url):
        yield accounts


@pytest.fixture
async def without_redis(servers: Servers, clock: ManualClock) -> AsyncIterator[Accounts]:
    """Another process of the shop, to which Redis is away."""
    async for accounts in another_process(servers, clock, f"redis://127.0.0.1:{pick_port()}/0"):
        yield accounts


async def test_redis_carries_the_end_of_a_session_to_another_process(together: Accounts, elsewhere: Accounts) -> None:
    await together.forgive()
    holder = await together.signed_in()
    ended = elsewhere.shop.accounts.ended
    assert (await elsewhere.me(holder)).status == 200
    await until(lambda: ended._stale_at == 0.0)  # it listens: the feed's first tick
    assert (await elsewhere.me(holder)).status == 200
    fresh_until = ended._stale_at

    await together.call("logout", holder.headers)

    await until(lambda: ended._stale_at != fresh_until)
    assert (await elsewhere.me(holder)).status == 401


async def test_without_redis_a_process_asks_the_database_again_after_two_seconds(
    together: Accounts, without_redis: Accounts
) -> None:
    await together.forgive()
    holder = await together.signed_in()
    ended = without_redis.shop.accounts.ended
    assert (await without_redis.me(holder)).status == 200
    await until(lambda: ended._stale_at == 0.0)  # the feed's first tick, which says nothing
    assert (await without_redis.me(holder)).status == 200

    await together.call("logout", holder.headers)

    async def dead() -> bool:
        return (await without_redis.me(holder)).status == 401

    await until(dead)
    assert FRESH_SECONDS < 5


async def test_in_the_process_that_ends_it_it_is_dead_at_once(together: Accounts) -> None:
    await together.forgive()
    holder = await together.signed_in()

    await together.call("logout", holder.headers, everywhere=True)

    assert (await together.me(holder)).status == 401


async def test_verifying_tokens_costs_no_statement_while_the_list_is_fresh(together: Accounts) -> None:
    await together.forgive()
    holder = await together.signed_in()
    verify = together.shop.accounts.verifier.verify
    together.shop.accounts.ended._stale_at = 0.0
    statements: list[str] = []

    with together.shop.accounts_database.heard(lambda statement, _: statements.append(statement)):
        await asyncio.gather(*(verify(holder.token) for _ in range(50)))

    assert len(statements) <= 1


async def test_a_subscription_ends_with_the_session_that_opened_it(together: Accounts, clock: ManualClock) -> None:
    await together.forgive()
    holder = await together.signed_in()
    cart = (await together.api("mutation { cartCreate(input: {}) { cart { id } } }", holder.headers)).data
    cart_id = cart["cartCreate"]["cart"]["id"]
    query = f'subscription {{ cartUpdated(id: "{cart_id}") {{ note }} }}'
    heard: list[str] = []

    async def watch() -> None:
        headers = {**holder.headers, "accept": "text/event-stream"}
        async with together.core.stream("POST", "/graphql", json={"query": query}, headers=headers) as stream:
            async for line in stream.aiter_lines():
                heard.append(line)

    watching = asyncio.create_task(watch())
    channel = keys.channel(cart_changed(CartId(decode(cart_id)[1])))
    await until(lambda: channel in together.shop.changes._confirmed)
    await together.call("logout", holder.headers)
    again = await together.sign_in(holder)
    mutation = "mutation ($i: CartUpdateInput!) { cartUpdate(input: $i) { cart { note } } }"
    await together.api(mutation, again.headers, i={"cartId": cart_id, "note": "secret"})
    async with asyncio.timeout(PATIENCE_SECONDS):
        await watching

    told = "".join(heard)
    assert '"note":null' in told  # it was open before
    assert "UNAUTHENTICATED" in told
    assert "secret" not in told
