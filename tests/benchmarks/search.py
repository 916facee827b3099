"""How the cost of a search grows with the catalogue, and what a naive query and a search engine take for it.

    python -m tests.benchmarks.search [--products 10000,100000,1000000] [--data FOLDER] [--seconds 3] [--only PATTERN]

Every class of query is asked in rotation, uncached, of catalogues that `cartograph seed` generates; then whole GraphQL
requests go over HTTP at 1, 8 and 32 clients. Prints milliseconds at p50 and p95 and of CPU: of classes with ratios to
the smallest catalogue, to `ts_rank` and to tantivy, of whole requests with the ratio to one without a search. Also how
long the catalogues took to load, what they take of disk and memory, and what an update costs. Ends with 1 where a ratio
is above its limit. With --data the catalogues and what was measured are kept: a run that was ended goes on where it
was. --database SIZE=URL names one that is loaded already.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import uvloop

from app.bootstrap import open_shop
from app.devstack.postgres import PostgresServer
from app.devstack.supervisor import Supervisor
from app.devstack.valkey import ValkeyServer
from app.settings import load_settings
from tests.benchmarks.search_classes import measure_classes
from tests.benchmarks.search_costs import disk, memory, updates
from tests.benchmarks.search_http import CLIENTS, REPOSITORY, REQUESTS, measure_http, request_class, serving
from tests.benchmarks.search_table import Measured, faults, show
from tests.benchmarks.search_terms import choose_terms

WORKERS = min(2, os.cpu_count() or 1)  # as many as there are cores, and one left where there are many
SHARED_BUFFERS = "2GB"  # a million products are searched in about this much


def load(size: int, environment: dict[str, str]) -> float:
    """Make a catalogue of that size where there is none; how many seconds `cartograph seed` took, 0 for none."""
    command = [sys.executable, "-m", "app.cli"]
    subprocess.run([*command, "migrate"], env=environment, cwd=REPOSITORY, check=True)
    started = time.perf_counter()
    subprocess.run(
        [*command, "seed", "--products", str(size), "--if-empty"], env=environment, cwd=REPOSITORY, check=True
    )
    return time.perf_counter() - started


async def measure(
    size: int,
    environment: dict[str, str],
    supervisor: Supervisor,
    redis: int,
    folder: Path,
    options: argparse.Namespace,
) -> Measured:
    """All that is measured of one catalogue. redis: the process of the cache."""
    async with open_shop(load_settings(environment)) as shop:
        terms = await choose_terms(shop, size)
        (folder / "tantivy").mkdir(exist_ok=True)
        costs = await measure_classes(shop, terms, folder / "tantivy", options.seconds, options.only)
        words = [*terms.broad, *terms.middle, *terms.pairs]
        if options.http:
            with serving(supervisor, environment, folder, workers=options.workers, redis=redis) as server:
                for kind in REQUESTS:
                    for clients in CLIENTS:
                        cost = await measure_http(shop, server, kind, words, clients, options.seconds)
                        costs[request_class(clients, kind)] = cost
        written, in_place = await updates(shop) if options.updates else ({}, {})
        costs |= {f"update: {name}": cost for name, cost in written.items()}
        return Measured(costs, await disk(shop), await memory(shop), in_place)


@contextmanager
def servers(folder: Path) -> Iterator[tuple[Supervisor, PostgresServer, ValkeyServer]]:
    """A PostgreSQL that keeps its data in the folder, and a Valkey."""
    with Supervisor() as supervisor:
        settings = {"shared_buffers": SHARED_BUFFERS, "max_wal_size": "4GB", "maintenance_work_mem": "256MB"}
        postgres = PostgresServer(supervisor, folder / "postgres", durable=False, settings=settings)
        postgres.start()
        valkey = ValkeyServer(supervisor, folder / "valkey")
        valkey.start()
        yield supervisor, postgres, valkey


def run(
    size: int,
    supervisor: Supervisor,
    redis: int,
    environment: dict[str, str],
    folder: Path,
    options: argparse.Namespace,
) -> Measured:
    """What was measured of a catalogue: now, or by a run before this one that kept it."""
    folder.mkdir(exist_ok=True)
    kept = folder / "measured.json"
    if kept.exists() and not options.again:
        return msgspec.json.decode(kept.read_bytes(), type=Measured)
    took = folder / "loaded.json"
    seconds = load(size, environment) if not took.exists() else msgspec.json.decode(took.read_bytes(), type=float)
    took.write_bytes(msgspec.json.encode(seconds))
    found = uvloop.run(measure(size, environment, supervisor, redis, folder, options))
    found = msgspec.structs.replace(found, load_seconds=seconds)
    kept.write_bytes(msgspec.json.encode(found))
    show({size: found})
    return found


def main() -> int:
    """Measure every catalogue, one after the other."""
    parser = argparse.ArgumentParser(description="How the cost of a search grows with the catalogue.")
    parser.add_argument("--products", default="10000,100000", help="how many each catalogue has (10000,100000)")
    parser.add_argument("--database", action="append", default=[], metavar="SIZE=URL", help="a catalogue that is there")
    parser.add_argument("--data", type=Path, help="a folder to keep catalogues and measurements in")
    parser.add_argument("--again", action="store_true", help="measure anew what has been measured")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each class is asked (3)")
    parser.add_argument("--only", default="", help="a pattern of the classes that are measured (all)")
    parser.add_argument(
        "--workers", type=int, default=WORKERS, help=f"how many processes the API has for whole requests ({WORKERS})"
    )
    parser.add_argument("--no-http", dest="http", action="store_false", help="leave out whole requests")
    parser.add_argument("--no-updates", dest="updates", action="store_false", help="leave out changes of products")
    options = parser.parse_args()
    ready = dict(each.split("=", 1) for each in options.database)
    measured: dict[int, Measured] = {}
    with tempfile.TemporaryDirectory(prefix="cartograph-search-") as name:
        folder = options.data or Path(name)
        folder.mkdir(mode=0o711, exist_ok=True)
        Path(name).chmod(0o711)
        with servers(folder) as (supervisor, postgres, valkey):
            for size in sorted(int(each) for each in options.products.split(",")):
                database = f"products_{size}"
                if str(size) not in ready and postgres.find_database(database) is None:
                    postgres.create_database(database)
                environment = {
                    "DATABASE_URL": ready.get(str(size), postgres.url(database)),
                    "REDIS_URL": valkey.url,
                    "STRIPE_API_KEY": "sk_test_benchmark",
                    "CARTOGRAPH_DATA_DIR": str(folder),
                    "CARTOGRAPH_COST_BUCKET": "1000000000",
                    "CARTOGRAPH_COST_RESTORED_ADDRESS": "1000000",
                }
                measured[size] = run(size, supervisor, valkey.child.pid, environment, folder / str(size), options)
    show(measured)
    broken = faults(measured)
    for each in broken:
        print(each)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
