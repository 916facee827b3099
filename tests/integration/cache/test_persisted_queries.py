"""Automatic persisted queries on a real server: bounded, in the order of their use, and never in anybody's way."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.cache import keys
from app.cache.persisted_queries import KEPT_SECONDS, MAX_CHARACTERS, RedisPersistedQueries
from app.cache.redis_server import RedisServer
from app.devstack.supervisor import Child
from app.devstack.valkey import ValkeyServer, _program
from app.documents.domain import digest
from tests.conftest import Servers
from tests.integration.cache.test_cache_away import Stopwatch

TEXT = "query Shop { shop { name } }"
PATIENCE_SECONDS = 60.0  # for a cluster to be formed, on a busy machine


class ClusterNode(ValkeyServer):
    """A server that is a cluster of one, and refuses what a cluster refuses."""

    def _launch(self, port: int) -> Child:
        options = {
            "port": str(port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "save": "",
            "cluster-enabled": "yes",
        }
        argv = [str(_program()), *(word for name, value in options.items() for word in (f"--{name}", value))]
        return self._supervisor.spawn("valkey-cluster", argv, log=self.log, cwd="/")


@dataclass(frozen=True, slots=True)
class Own:
    """A server of a test's own, looked at past our code too."""

    valkey: ValkeyServer
    server: RedisServer
    redis: Redis
    clock: Stopwatch

    def queries(self, max_documents: int = 5) -> RedisPersistedQueries:
        return RedisPersistedQueries(self.server, max_documents=max_documents)

    async def kept(self) -> set[str]:
        """The hashes whose texts are there; those in the order of use are the same."""
        texts = {name.rpartition(":")[2] for name in await self.redis.keys(keys.persisted_query("?" * 64))}
        assert texts == set(await self.redis.zrange(keys.PERSISTED_QUERIES_BY_USE, 0, -1))
        return texts


@pytest.fixture(scope="module")
def valkey(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    valkey = ValkeyServer(servers.supervisor, tmp_path_factory.mktemp("persisted") / "valkey")
    valkey.start()
    yield valkey
    valkey.stop()


@pytest.fixture
async def own(valkey: ValkeyServer) -> AsyncIterator[Own]:
    clock = Stopwatch()
    server = RedisServer(valkey.url, clock)
    async with Redis.from_url(valkey.url, decode_responses=True) as redis:
        await redis.flushall()
        yield Own(valkey, server, redis, clock)
    await server.close()


def text(number: int) -> str:
    return f"query Q{number} {{ shop {{ name }} }}"


async def keep(queries: RedisPersistedQueries, *numbers: int) -> None:
    for number in numbers:
        await queries.keep(digest(text(number)), text(number))


def hashes(*numbers: int) -> set[str]:
    return {digest(text(number)) for number in numbers}


async def test_a_text_is_found_by_every_process_under_its_hash_only(own: Own) -> None:
    await own.queries().keep(digest(TEXT), TEXT)
    other = RedisServer(own.valkey.url, own.clock)

    found = await RedisPersistedQueries(other).find(digest(TEXT))
    missing = await own.queries().find(digest(TEXT + " "))
    await other.close()

    assert (found, missing) == (TEXT, None)


async def test_texts_beyond_ascii_come_back_as_they_were(own: Own) -> None:
    odd = '{ products(query: "köflach ❤ 🧭") { nodes { name } } }'

    await own.queries().keep(digest(odd), odd)

    assert await own.queries().find(digest(odd)) == odd


async def test_so_many_are_kept_and_those_not_used_for_longest_leave_first(own: Own) -> None:
    queries = own.queries(max_documents=5)
    await keep(queries, 1, 2, 3, 4, 5)

    used = await queries.find(digest(text(1)))
    await keep(queries, 2, 6, 7)

    assert used == text(1)
    assert await own.kept() == hashes(1, 5, 2, 6, 7)
    assert [await queries.find(each) for each in hashes(3, 4)] == [None, None]


async def test_many_processes_at_once_keep_no_more_than_one_would(own: Own) -> None:
    processes = [RedisServer(own.valkey.url, own.clock, timeout_seconds=30) for _ in range(4)]
    queries = [RedisPersistedQueries(each, max_documents=20) for each in processes]

    await asyncio.gather(*(keep(queries[number % 4], number, number // 2) for number in range(200)))
    kept = await own.kept()
    found = [await queries[0].find(each) for each in kept]
    for each in processes:
        await each.close()

    assert len(kept) == 20
    assert {digest(str(each)) for each in found} == kept


async def test_a_text_is_kept_for_a_day_after_its_last_use(own: Own) -> None:
    queries = own.queries()
    await queries.keep(digest(TEXT), TEXT)
    names = (keys.persisted_query(digest(TEXT)), keys.PERSISTED_QUERIES_BY_USE)
    at_first = [await own.redis.ttl(name) for name in names]
    for name in names:
        await own.redis.expire(name, 100)

    await queries.find(digest(TEXT))

    after_use = [await own.redis.ttl(name) for name in names]
    assert all(KEPT_SECONDS - 100 < seconds <= KEPT_SECONDS for seconds in [*at_first, *after_use])


async def test_a_text_that_has_ended_leaves_the_order_of_use_too(own: Own) -> None:
    queries = own.queries()
    await keep(queries, 1, 2)
    await own.redis.delete(keys.persisted_query(digest(text(1))))

    assert await queries.find(digest(text(1))) is None
    assert await own.kept() == hashes(2)


async def test_what_is_not_the_text_of_its_hash_is_not_found(own: Own) -> None:
    queries = own.queries()
    await queries.keep(digest(TEXT), TEXT)
    await own.redis.set(keys.persisted_query(digest(TEXT)), "mutation Steal { x }")

    assert await queries.find(digest(TEXT)) is None


@pytest.mark.parametrize(("length", "kept"), [(0, False), (MAX_CHARACTERS, True), (MAX_CHARACTERS + 1, False)])
async def test_a_text_has_a_bound(own: Own, length: int, kept: bool) -> None:
    long = "#" * length

    await own.queries().keep(digest(long), long)

    assert await own.kept() == ({digest(long)} if kept else set())


async def test_on_a_cluster_all_keys_are_on_one_node(servers: Servers, tmp_path: Path) -> None:
    node = ClusterNode(servers.supervisor, tmp_path / "node")
    node.start()
    clock = Stopwatch()
    server = RedisServer(node.url, clock, timeout_seconds=30)
    async with Redis.from_url(node.url, decode_responses=True) as redis:
        await redis.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16_383)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await redis.execute_command("CLUSTER INFO"))["cluster_state"] != "ok":  # noqa: ASYNC110  no event
                await asyncio.sleep(0.01)
        own = Own(node, server, redis, clock)
        queries = own.queries(max_documents=2)

        await keep(queries, 1, 2, 3)

        assert await queries.find(digest(text(3))) == text(3)
        assert await own.kept() == hashes(2, 3)
    await server.close()
    node.stop()


async def test_a_server_that_hangs_is_asked_once_and_used_again_when_it_is_back(own: Own) -> None:
    queries = own.queries()
    await keep(queries, 1)
    own.valkey.child.send(signal.SIGSTOP)
    try:
        hung = await queries.find(digest(text(1)))
        await keep(queries, 2)
    finally:
        own.valkey.child.send(signal.SIGCONT)
    still_away = await queries.find(digest(text(1)))
    own.clock.passed += 2.5

    assert (hung, still_away) == (None, None)
    assert await queries.find(digest(text(1))) == text(1)
    assert await own.kept() == hashes(1)


async def test_without_a_server_nothing_is_found_and_nothing_fails(own: Own) -> None:
    queries = own.queries()
    own.valkey.stop()

    await keep(queries, 1)
    gone = await queries.find(digest(text(1)))
    own.valkey.start()
    own.clock.passed += 2.5
    await keep(queries, 1)

    assert gone is None
    assert await queries.find(digest(text(1))) == text(1)
