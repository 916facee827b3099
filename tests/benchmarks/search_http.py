"""Whole GraphQL requests over HTTP, sent by clients that each wait for an answer and ask again at once.

The clients share the machine's cores with the API, its cache and the database, so beside the latencies stands what each
of them computes for a request, the clients included. Of the first kinds no two requests are the same, so no
cache answers them; those of words that were asked for before are answered by it; of what shoppers ask it answers most.
Beside them stands a request that needs neither search nor database: what is above that floor is what search takes.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from app.bootstrap import Shop
from app.devstack.ports import http_status, pick_port
from app.devstack.supervisor import Supervisor
from tests.benchmarks.search_costs import Cost, Served, backends, cpu_seconds, family, percentiles
from tests.benchmarks.search_terms import as_shoppers_ask, fresh

CLIENTS = (1, 8, 32)
REPOSITORY = Path(__file__).resolve().parents[2]
FLOOR = "query ($q: String, $n: Int) { shop { name } products(query: $q, first: $n) @skip(if: true) { nodes { id } } }"
HITS = "query ($q: String, $n: Int) { products(query: $q, first: $n) { nodes { id name } pageInfo { hasNextPage } } }"
FULL = """query ($q: String, $n: Int) { products(query: $q, first: $n) { nodes { id name } totalCount { value }
  facets { slug ... on ListFacet { values { value count { value } } } ... on RangeFacet { min max } } } }"""
Asked = Callable[[Sequence[str]], Iterator[str]]  # words to queries, without end
_WARM_SECONDS = 2.0
_SHOPPERS_SECONDS = 45.0  # until as many answers end as are made


def never_asked(words: Sequence[str]) -> Iterator[str]:
    """The words in turn, each time in a spelling that nobody has asked for yet."""
    return map(fresh, itertools.cycle(words))


REQUESTS: dict[str, tuple[str, Asked, float]] = {  # with seconds to warm up; the floor first: it warms the server up
    "floor": (FLOOR, never_asked, _WARM_SECONDS),
    "hits": (HITS, never_asked, _WARM_SECONDS),
    "hits + facets + count": (FULL, never_asked, _WARM_SECONDS),
    "hits, asked before": (HITS, itertools.cycle, _WARM_SECONDS),
    "hits + facets + count, asked before": (FULL, itertools.cycle, _WARM_SECONDS),
    "hits, as shoppers ask": (HITS, as_shoppers_ask, _SHOPPERS_SECONDS),
    "hits + facets + count, as shoppers ask": (FULL, as_shoppers_ask, _SHOPPERS_SECONDS),
}
_HEAD = b"POST /graphql HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\naccept: application/json\r\n"
_QUIET_SECONDS = 0.5  # a process that has computed next to nothing for so long has started


def request_class(clients: int, kind: str) -> str:
    """What requests of a kind by so many clients are called. kind: a key of REQUESTS."""
    return f"HTTP, {clients} clients: {kind}"


@dataclass(frozen=True, slots=True)
class Server:
    """What answers the requests. api: the process that `serve` is, the parent of its workers; redis: the cache's."""

    port: int
    api: int
    redis: int


@contextmanager
def serving(
    supervisor: Supervisor, environment: dict[str, str], folder: Path, *, workers: int, redis: int
) -> Iterator[Server]:
    """One `cartograph serve` with so many workers, all of them ready. redis: the process of its cache."""
    port = pick_port()
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port), "--workers", str(workers)]
    child = supervisor.spawn("api", command, log=folder / "api.log", env={**os.environ, **environment}, cwd=REPOSITORY)
    end = time.monotonic() + 60
    while http_status(port, "/readyz") != 200 or not _is_quiet(child.pid):
        assert time.monotonic() < end, child.output()
        time.sleep(0.1)
    try:
        yield Server(port, child.pid, redis)
    finally:
        supervisor.stop(child)


def _is_quiet(api: int) -> bool:
    before = cpu_seconds(family(api))
    time.sleep(_QUIET_SECONDS)
    return cpu_seconds(family(api)) - before < _QUIET_SECONDS / 20


async def measure_http(
    shop: Shop, server: Server, kind: str, words: Sequence[str], clients: int, seconds: float
) -> Cost:
    """So many clients send requests of a kind for so long, each the next query. kind: a key of REQUESTS."""
    document, asked, warm_seconds = REQUESTS[kind]
    requests = (_request(document, query) for query in asked(words))
    await _ask(server.port, requests, max(CLIENTS), warm_seconds)
    computed = family(server.api), [server.redis]
    before = [cpu_seconds(await backends(shop)), *map(cpu_seconds, computed)]
    started, own = time.perf_counter(), time.process_time()
    times = await _ask(server.port, requests, clients, seconds)
    own, took = time.process_time() - own, time.perf_counter() - started
    after = [*map(cpu_seconds, computed)]
    database, api, redis = (  # backends that were started for these requests included
        now - then for now, then in zip([cpu_seconds(await backends(shop)), *after], before, strict=True)
    )
    api, redis, own = (each / len(times) * 1e3 for each in (api, redis, own))
    return percentiles(times, database, Served(api, redis, own, len(times) / took))


def _request(document: str, query: str) -> bytes:
    body = msgspec.json.encode({"query": document, "variables": {"q": query, "n": 24}})
    return b"%scontent-length: %d\r\n\r\n%s" % (_HEAD, len(body), body)


async def _ask(port: int, requests: Iterator[bytes], clients: int, seconds: float) -> list[float]:
    """How long each request took, in seconds."""
    loop = asyncio.get_running_loop()
    end = time.perf_counter() + seconds
    connected = [
        await loop.create_connection(lambda: _Client(requests, end, loop.create_future()), "127.0.0.1", port)
        for _ in range(clients)
    ]
    for _, client in connected:
        client.ask()
    return [took for _, client in connected for took in await client.done]


@dataclass(slots=True)
class _Client(asyncio.Protocol):
    """One connection with one request under way. It computes little: its cores are the server's too."""

    requests: Iterator[bytes]
    end: float
    done: asyncio.Future[list[float]]
    times: list[float] = field(default_factory=list)
    _transport: asyncio.Transport | None = None
    _asked_at: float = 0.0
    _received: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's own kind

    def ask(self) -> None:
        """Send the next request."""
        assert self._transport is not None
        self._asked_at = time.perf_counter()
        self._transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self._received = answer = self._received + data
        head, _, body = answer.partition(b"\r\n\r\n")
        length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        if not length or len(body) < int(length):
            return
        now = time.perf_counter()
        self.times.append(now - self._asked_at)
        self._received = b""
        if not answer.startswith(b"HTTP/1.1 200") or b'"errors"' in body:
            self.done.set_exception(AssertionError(answer))
        elif now < self.end:
            self.ask()
        else:
            self.done.set_result(self.times)
            self._close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))

    def _close(self) -> None:
        assert self._transport is not None
        self._transport.close()
