"""The command as a person runs it: a process, an environment, what it prints and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.bootstrap import build_shop
from app.settings import load_settings
from tests.conftest import REPOSITORY, Servers
from tests.fleet import Fleet, open_fleet
from tests.integration.cli.commands import Ended, Run
from tests.waiting import until

PATIENCE_SECONDS = 60.0  # for what takes one; a machine may be busy


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    with open_fleet() as fleet:
        yield fleet


@pytest.fixture(scope="session")
def run(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs `cartograph …` with an environment of its own; a traceback fails the test, whatever the exit code.

    Each command is once a program that is started from nothing, as a person starts it, and forked from a launcher after
    that: loading takes longer than everything else that it does.
    """
    nothing = tmp_path_factory.mktemp("no-stack")
    started: list[list[str]] = []

    async def run(*arguments: str | Path, env: dict[str, str] | None = None, typed: str = "") -> Ended:
        bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment = {**bare, "CARTOGRAPH_DATA_DIR": str(nothing), **(env or {})}
        command = [*map(str, arguments)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            if command[:1] in started:
                ended = await _forked(fleet, command, environment, typed, tmp_path_factory.mktemp("command"))
            else:
                ended = await _started(command, environment, typed)
        started.append(command[:1])
        assert "Traceback" not in ended.out + ended.err, ended.err
        return ended

    return run


async def _started(command: list[str], environment: dict[str, str], typed: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", *command),
        cwd=REPOSITORY,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(typed.encode())
    return Ended(process.returncode or 0, out.decode(), err.decode())


async def _forked(fleet: Fleet, command: list[str], environment: dict[str, str], typed: str, folder: Path) -> Ended:
    said, out, err = (folder / name for name in ("typed", "out", "err"))
    said.write_text(typed)
    process = fleet.run(command, env=environment, typed=said, out=out, err=err)
    try:
        await until(lambda: process.exit_code() is not None)
    finally:
        process.send(signal.SIGKILL)
    return Ended(process.exit_code() or 0, out.read_text(), err.read_text())


@pytest.fixture(scope="session")
async def environment(servers: Servers, emulator_url: str) -> AsyncIterator[dict[str, str]]:
    """The settings of a shop whose database is migrated and empty, and the commands' own."""
    servers.postgres.create_database("commands")
    settings = {**servers.environment("commands"), "REDIS_URL": servers.valkey.url.removesuffix("0") + "2"}
    shop = build_shop(load_settings(settings))
    await shop.migrate()
    await shop.close()
    yield settings
    servers.postgres.drop_database("commands")
