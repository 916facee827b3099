"""The command as a person runs it: a process, an environment, what it prints and how it ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.bootstrap import build_shop
from app.settings import load_settings
from tests.conftest import REPOSITORY, Servers
from tests.integration.cli.commands import Ended, Run

PATIENCE_SECONDS = 60.0  # for what takes one; a machine may be busy


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs `cartograph …` with an environment of its own; a traceback fails the test, whatever the exit code."""
    nothing = tmp_path_factory.mktemp("no-stack")

    async def run(*arguments: str | Path, env: dict[str, str] | None = None, typed: str = "") -> Ended:
        bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.cli", *map(str, arguments)),
            cwd=REPOSITORY,
            env={**bare, "CARTOGRAPH_DATA_DIR": str(nothing), **(env or {})},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, err = await process.communicate(typed.encode())
        ended = Ended(process.returncode or 0, out.decode(), err.decode())
        assert "Traceback" not in ended.out + ended.err, ended.err
        return ended

    return run


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
