"""The cache server stops, hangs and comes back: everything works without it."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from app.bootstrap import Shop, build_shop
from app.cache import keys
from app.devstack.valkey import ValkeyServer
from app.settings import load_settings
from app.web import build_app
from tests.conftest import Servers
from tests.shopkeeping import Api, ManualClock, Shopkeeper, Stocked, counted_statements, new_word

SEARCH = """query ($q: String) { products(query: $q) {
  nodes { name priceRange { min { amount } } availability { state } } totalCount { value } freshness { source } } }"""


class Stopwatch(ManualClock):
    """A clock whose monotonic seconds a test can move, so that it need not wait for the cache to be asked again."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.passed


@dataclass(frozen=True, slots=True)
class OwnCache:
    """A shop on the tests' database with a cache server of its own."""

    shop: Shop
    api: Api
    keeper: Shopkeeper
    valkey: ValkeyServer
    clock: Stopwatch


@pytest.fixture
async def own(servers: Servers, shop: Shop, tmp_path: Path) -> AsyncIterator[OwnCache]:
    valkey = ValkeyServer(servers.supervisor, tmp_path / "valkey")
    valkey.start()
    clock = Stopwatch()
    own = build_shop(
        load_settings({**servers.environment(), "REDIS_URL": valkey.url}), redis_timeout_seconds=1.0, clock=clock
    )
    transport = httpx.ASGITransport(app=build_app(own))
    async with httpx.AsyncClient(transport=transport, base_url="http://own-cache.test") as client:
        yield OwnCache(own, Api(client), Shopkeeper(own), valkey, clock)
    await own.close()
    servers.supervisor.stop(valkey.child)


async def search(own: OwnCache, word: str) -> tuple[list[str], str]:
    found = (await own.api.data(SEARCH, q=word))["products"]
    names = [node["name"] for node in found["nodes"]]
    assert found["totalCount"]["value"] == len(names)
    return names, found["freshness"]["source"]


async def shop_through(own: OwnCache, mug: Stocked) -> dict[str, Any]:
    return await own.api.checkout(await own.api.ready_cart((mug.variant_id, 1)))


async def test_without_a_cache_server_everything_works(own: OwnCache) -> None:
    word = new_word()
    own.valkey.stop()

    mug = await own.keeper.stock(f"Mug {word}", on_hand=5)
    found = [await search(own, word) for _ in range(2)]
    outcome = await shop_through(own, mug)
    renamed = await own.keeper.stock(f"Cup {word}", key=mug.draft.key)
    again = await search(own, word)

    assert found == [([f"Mug {word}"], "PRIMARY")] * 2
    assert outcome["__typename"] == "CheckoutCompleted"
    assert again == ([renamed.draft.name], "PRIMARY")
    assert (await own.api.http.get("/readyz")).status_code == 200


async def test_a_server_that_hangs_is_asked_once_and_then_left_alone(own: OwnCache) -> None:
    word = new_word()
    mug = await own.keeper.stock(f"Mug {word}", on_hand=5)
    own.valkey.child.send(signal.SIGSTOP)
    try:
        found = [await search(own, word) for _ in range(5)]
        outcome = await shop_through(own, mug)
        hung = await own.shop.cache.get_many(["anything"])
    finally:
        own.valkey.child.send(signal.SIGCONT)

    assert found == [([f"Mug {word}"], "PRIMARY")] * 5
    assert outcome["__typename"] == "CheckoutCompleted"
    assert hung == [None]


async def test_a_server_that_comes_back_is_used_again_after_two_seconds(own: OwnCache) -> None:
    word = new_word()
    await own.keeper.stock(f"Mug {word}")
    own.valkey.stop()
    await search(own, word)

    own.valkey.start()
    still_away = [(await search(own, word))[1] for _ in range(2)]
    own.clock.passed += 2.5
    back = [(await search(own, word))[1] for _ in range(2)]

    assert still_away == ["PRIMARY", "PRIMARY"]
    assert back == ["PRIMARY", "CACHE"]


async def test_what_is_not_an_entry_is_no_entry(own: OwnCache) -> None:
    word = new_word()
    await own.keeper.stock(f"Mug {word}")
    await search(own, word)
    async with Redis.from_url(own.valkey.url) as client:
        for name in await client.keys(keys.entry("*")):
            await client.set(name, b"\xc1 not what it was")

    assert await search(own, word) == ([f"Mug {word}"], "PRIMARY")
    with counted_statements(own.shop) as statements:
        assert await search(own, word) == ([f"Mug {word}"], "CACHE")
    assert len(statements) == 1  # stock


async def test_a_cache_without_a_server_has_nothing_and_never_fails(own: OwnCache) -> None:
    assert await own.shop.cache.ping() is True
    own.valkey.stop()

    await own.shop.cache.drop_tags(["anything"])
    own.shop.cache.put_many({"a": b"b"}, seconds=5)

    assert await own.shop.cache.ping() is False
    assert await own.shop.cache.get_many(["a", "b"]) == [None, None]
    assert await own.shop.cache.get_many([]) == []
