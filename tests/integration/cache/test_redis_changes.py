"""Changes travel between processes through Redis: each feed here has connections of its own, as a process has."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID, uuid4

import pytest
import structlog
from redis.asyncio import Redis

from app.cache import keys, redis_changes
from app.cache.redis_changes import RedisChanges
from app.core.changes import Change
from app.core.ids import Kind
from app.devstack.valkey import ValkeyServer
from tests.conftest import Servers
from tests.waiting import PATIENCE_SECONDS, until


def change() -> Change:
    return Change(Kind.CART, uuid4())


async def tick(ticks: AsyncIterator[None]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await anext(ticks)


@pytest.fixture(scope="module")
def valkey(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A server that a test may stop, and that nobody else is connected to."""
    server = ValkeyServer(servers.supervisor, tmp_path_factory.mktemp("changes") / "valkey")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def admin(valkey: ValkeyServer) -> AsyncIterator[Redis]:
    client: Redis = Redis.from_url(valkey.url)
    yield client
    await client.aclose()


@pytest.fixture(autouse=True)
def no_tick_without_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first tick comes from the server's word, or not while a test lasts."""
    monkeypatch.setattr(redis_changes, "FIRST_TICK_SECONDS", 10 * PATIENCE_SECONDS)


@asynccontextmanager
async def feed(valkey: ValkeyServer) -> AsyncIterator[RedisChanges]:
    feed = RedisChanges.connect(valkey.url)
    yield feed
    await feed.close()


@pytest.fixture
async def here(valkey: ValkeyServer) -> AsyncIterator[RedisChanges]:
    async with feed(valkey) as changes:
        yield changes


@pytest.fixture
async def there(valkey: ValkeyServer) -> AsyncIterator[RedisChanges]:
    async with feed(valkey) as changes:
        yield changes


async def channels(admin: Redis) -> set[str]:
    """The channels of objects that somebody is subscribed to."""
    return {name.decode() for name in await admin.pubsub_channels("cg:changed:*")}


async def until_channels(admin: Redis, wanted: set[str]) -> None:
    async def are_there() -> bool:
        return await channels(admin) == wanted

    await until(are_there)


async def test_a_change_is_seen_by_every_process_that_watches_and_its_own(
    here: RedisChanges, there: RedisChanges
) -> None:
    mug = change()
    async with here.watch(mug) as near, there.watch(mug) as far, here.watch(mug) as another:
        for ticks in (near, far, another):
            await tick(ticks)

        here.announce([mug])

        for ticks in (near, far, another):
            await tick(ticks)


async def test_a_change_of_another_object_is_not_a_tick(here: RedisChanges, there: RedisChanges) -> None:
    mug, globe = change(), change()
    async with here.watch(mug) as mugs, here.watch(globe) as globes:
        await tick(mugs)
        await tick(globes)
        waiting = asyncio.ensure_future(tick(mugs))

        there.announce([globe])
        await tick(globes)

        assert not waiting.done()
        there.announce([mug])
        await waiting


async def test_changes_that_nobody_waited_for_are_one_tick(here: RedisChanges, there: RedisChanges) -> None:
    mug, end = change(), change()
    async with here.watch(mug) as mugs, here.watch(end) as ends:
        await tick(mugs)
        await tick(ends)

        for _ in range(50):
            there.announce([mug])
            await asyncio.sleep(0)
        there.announce([end])
        await tick(ends)

        await tick(mugs)
        waiting = asyncio.ensure_future(tick(mugs))
        there.announce([end])
        await tick(ends)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_a_second_watcher_of_an_object_ticks_at_once(here: RedisChanges) -> None:
    mug = change()
    async with here.watch(mug) as first:
        await tick(first)
        async with here.watch(mug) as second:
            await tick(second)


async def test_channels_are_subscribed_to_while_somebody_watches_and_no_longer(
    here: RedisChanges, admin: Redis
) -> None:
    mug, globe = change(), change()
    async with AsyncExitStack() as watching:
        await tick(await watching.enter_async_context(here.watch(mug)))
        async with here.watch(mug) as same, here.watch(globe) as other:
            await tick(same)
            await tick(other)
            both = await channels(admin)
        await until_channels(admin, {keys.channel(mug)})
    await until_channels(admin, set())

    assert both == {keys.channel(mug), keys.channel(globe)}
    assert here._watchers == {}
    assert here._confirmed == set()


async def test_one_connection_serves_all_watchers_of_a_process(here: RedisChanges, admin: Redis) -> None:
    async with AsyncExitStack() as watching:
        for _ in range(50):
            await tick(await watching.enter_async_context(here.watch(change())))

        subscribed = [client for client in await admin.client_list(_type="pubsub") if int(client["sub"]) > 0]

        assert [int(client["sub"]) for client in subscribed] == [51]


async def test_a_watcher_is_told_after_its_connection_was_lost(
    here: RedisChanges, there: RedisChanges, admin: Redis
) -> None:
    mug = change()
    async with here.watch(mug) as ticks:
        await tick(ticks)

        assert await admin.client_kill_filter(_type="pubsub") == 1
        await tick(ticks)
        there.announce([mug])
        await tick(ticks)


async def test_a_watcher_may_begin_and_a_change_be_announced_while_the_server_is_away(
    here: RedisChanges, there: RedisChanges, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_changes, "FIRST_TICK_SECONDS", 0.05)
    early, late = change(), change()
    async with here.watch(early) as open_before:
        await tick(open_before)
        valkey.stop()
        async with here.watch(late) as opened_meanwhile:
            await tick(opened_meanwhile)
            there.announce([early, late])
            valkey.start()

            await tick(open_before)
            await tick(opened_meanwhile)
            await until(lambda: not there._unannounced)


async def test_a_change_announced_while_the_server_hangs_is_told_when_it_goes_on(
    here: RedisChanges, there: RedisChanges, valkey: ValkeyServer
) -> None:
    mug = change()
    async with here.watch(mug) as ticks:
        await tick(ticks)
        waiting = asyncio.ensure_future(tick(ticks))
        with structlog.testing.capture_logs() as logs:
            valkey.child.send(signal.SIGSTOP)
            try:
                there.announce([mug])
                await until(lambda: bool(logs))
                assert not waiting.done()
            finally:
                valkey.child.send(signal.SIGCONT)
            await waiting

    assert [line["event"] for line in logs] == ["changes_not_announced"]


async def test_a_server_that_says_nothing_any_more_is_given_up(
    here: RedisChanges, there: RedisChanges, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_changes, "SILENCE_SECONDS", 0.05)
    mug = change()
    with structlog.testing.capture_logs() as logs:
        async with here.watch(mug) as ticks:
            await tick(ticks)
            valkey.child.send(signal.SIGSTOP)
            try:
                await until(lambda: bool(logs))
            finally:
                valkey.child.send(signal.SIGCONT)
            await tick(ticks)
            there.announce([mug])
            await tick(ticks)

    assert [(line["event"], line["cause"]) for line in logs] == [("changes_not_heard", "TimeoutError")]


async def test_a_server_that_hangs_while_it_is_connected_to_is_tried_again(
    here: RedisChanges, there: RedisChanges, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_changes, "CONNECT_SECONDS", 0.05)
    mug = change()
    valkey.child.send(signal.SIGSTOP)
    try:
        async with here.watch(mug) as ticks:
            with structlog.testing.capture_logs() as logs:
                await until(lambda: bool(logs))
            monkeypatch.setattr(redis_changes, "CONNECT_SECONDS", PATIENCE_SECONDS)
            valkey.child.send(signal.SIGCONT)
            await tick(ticks)
            there.announce([mug])
            await tick(ticks)
    finally:
        valkey.child.send(signal.SIGCONT)

    assert [(line["event"], line["cause"]) for line in logs] == [("changes_not_heard", "TimeoutError")]


async def test_silence_is_no_fault_while_the_server_answers_pings(
    here: RedisChanges, there: RedisChanges, admin: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_changes, "SILENCE_SECONDS", 0.02)
    mug = change()

    async def pings() -> int:
        return int((await admin.info("commandstats")).get("cmdstat_ping", {"calls": 0})["calls"])

    async with here.watch(mug) as ticks:
        await tick(ticks)
        before = await pings()
        waiting = asyncio.ensure_future(tick(ticks))

        async def asked_often() -> bool:
            return await pings() >= before + 5

        await until(asked_often)
        assert not waiting.done()
        there.announce([mug])
        await waiting


async def test_what_is_unannounced_is_bounded_and_the_oldest_goes_first(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_changes, "MAX_UNANNOUNCED", 3)
    unheard = RedisChanges.connect("redis://127.0.0.1:1/0")
    all_changes = [Change(Kind.CART, UUID(int=number)) for number in range(5)]

    unheard.announce(all_changes)
    left = list(unheard._unannounced)
    monkeypatch.setattr(redis_changes, "CLOSE_SECONDS", 0)
    await unheard.close()

    assert left == all_changes[2:]


async def test_closing_announces_what_is_left(here: RedisChanges, valkey: ValkeyServer) -> None:
    mug = change()
    async with here.watch(mug) as ticks:
        await tick(ticks)
        leaving = RedisChanges.connect(valkey.url)

        leaving.announce([mug])
        await leaving.close()

        await tick(ticks)
