"""The kill -9 matrix:  python -m tests.resilience.kill_matrix --rounds 50    --only "worker bytes_sent" for some of it.

Every named fault point, against real processes: arm it, bring a process there, see it end there, start it again, repeat
what the client sent, let everything settle, judge.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import httpx

from tests.conftest import Servers, running_servers
from tests.resilience.plant import Plant, open_plant
from tests.resilience.rounds import Round
from tests.resilience.windows import WINDOWS, Window

UNITS = 1_000
SHOWN = 20  # violations


@asynccontextmanager
async def ready_plant(servers: Servers, folder: Path) -> AsyncIterator[tuple[Plant, httpx.AsyncClient]]:
    """A plant with what no window ends on purpose, and a client without memory of connections."""
    limits = httpx.Limits(max_keepalive_connections=0)
    async with (
        open_plant(servers, folder) as plant,
        httpx.AsyncClient(trust_env=False, timeout=30, limits=limits) as client,
    ):
        await plant.make_whole()
        yield plant, client


async def play(plant: Plant, client: httpx.AsyncClient, window: Window, number: int) -> list[str]:
    """Play one round and return what does not hold; raises Vacuous where the window was not hit."""
    name = f"{window.name} {number}"
    mug = await plant.stock(UNITS)
    await window.play(Round(plant, client, mug, Random(name), name), window.point)
    return await plant.violations()


def matrix(windows: Sequence[Window], rounds: int) -> int:
    """Play every window so often; exit code 1 where something did not hold."""
    with tempfile.TemporaryDirectory(prefix="cartograph-kills-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL's account goes through it
        with running_servers(folder / "servers") as servers:
            failures = asyncio.run(_play_all(servers, folder / "plant", windows, rounds))
    print(*failures[:SHOWN], f"{rounds * len(windows)} kills, {len(failures)} violations", sep="\n")
    return 1 if failures else 0


async def _play_all(servers: Servers, folder: Path, windows: Sequence[Window], rounds: int) -> list[str]:
    failures: list[str] = []
    async with ready_plant(servers, folder) as (plant, client):
        for window in windows:
            begun = time.monotonic()
            for number in range(rounds):
                failures += [f"{window.name} {number}: {each}" for each in await play(plant, client, window, number)]
            print(f"{rounds:5} kills  {time.monotonic() - begun:6.1f} s  {window.name}: {window.point.sentence}")
    return failures


def main() -> int:
    """Exit code 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.resilience.kill_matrix", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each window is hit (3)")
    parser.add_argument("--only", default="", help="windows with this in their name")
    options = parser.parse_args()
    windows = [window for window in WINDOWS if options.only in window.name]
    if not windows:
        parser.error(f"no window is called {options.only!r}: {', '.join(window.name for window in WINDOWS)}")
    return matrix(windows, options.rounds)


if __name__ == "__main__":
    sys.exit(main())
