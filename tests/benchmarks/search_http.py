"""Whole GraphQL requests over HTTP, sent by clients that each wait for an answer and ask again at once.

The clients share the machine's cores with the API and the database, so beside the latencies stand the CPU of the two,
and a request that needs neither search nor database: what is above that floor is what search takes.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from app.bootstrap import Shop
from app.devstack.ports import http_status, pick_port
from app.devstack.supervisor import Supervisor
from tests.benchmarks.search_costs import Cost, backends, cpu_seconds, percentiles
from tests.benchmarks.search_terms import fresh

CLIENTS = (1, 8, 32)
REPOSITORY = Path(__file__).resolve().parents[2]
FLOOR = "query ($q: String, $n: Int) { shop { name } products(query: $q, first: $n) @skip(if: true) { nodes { id } } }"
HITS = "query ($q: String, $n: Int) { products(query: $q, first: $n) { nodes { id name } pageInfo { hasNextPage } } }"
FULL = """query ($q: String, $n: Int) { products(query: $q, first: $n) { nodes { id name } totalCount { value }
  facets { slug ... on ListFacet { values { value count { value } } } ... on RangeFacet { min max } } } }"""
DOCUMENTS = {"floor": FLOOR, "hits": HITS, "hits + facets + count": FULL}


@contextmanager
def serving(supervisor: Supervisor, environment: dict[str, str], folder: Path) -> Iterator[tuple[int, int]]:
    """The port and the process of one `cartograph serve`."""
    port = pick_port()
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
    child = supervisor.spawn("api", command, log=folder / "api.log", env={**os.environ, **environment}, cwd=REPOSITORY)
    end = time.monotonic() + 60
    while http_status(port, "/readyz") != 200:
        assert time.monotonic() < end, child.output()
        time.sleep(0.1)
    try:
        yield port, child.pid
    finally:
        supervisor.stop(child)


async def measure_http(
    shop: Shop, served: tuple[int, int], document: str, words: Sequence[str], clients: int, seconds: float
) -> Cost:
    """Requests of which no two are the same, so that no cache answers."""
    port, api = served
    asked = ({"q": fresh(word), "n": 24} for word in itertools.cycle(words))
    bodies = (msgspec.json.encode({"query": document, "variables": each}) for each in asked)
    times: list[float] = []
    await _ask_until(port, bodies, [], time.perf_counter() + min(seconds, 1.0))
    before, api_before, started = cpu_seconds(await backends(shop)), cpu_seconds([api]), time.perf_counter()
    await asyncio.gather(*(_ask_until(port, bodies, times, started + seconds) for _ in range(clients)))
    took = time.perf_counter() - started
    cpu = cpu_seconds(await backends(shop)) - before  # those that were started for these requests included
    own = cpu_seconds([api]) - api_before
    return percentiles(times, cpu, own, len(times) / took)


async def _ask_until(port: int, bodies: Iterator[bytes], times: list[float], end: float) -> None:
    """One client with one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (begun := time.perf_counter()) < end:
        body = next(bodies)
        head = f"POST /graphql HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        writer.write(f"{head}\r\naccept: application/json\r\n\r\n".encode() + body)
        headers = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(headers.partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
        times.append(time.perf_counter() - begun)
        assert headers.startswith(b"http/1.1 200"), answer
        assert b'"errors"' not in answer, answer
    writer.close()
    await writer.wait_closed()
