"""`cartograph doctor`: what is wrong, how to mend it, and an exit code that says whether the shop can work."""

from __future__ import annotations

import asyncio

from app.database.tables import SCHEMA_VERSION
from tests.conftest import Servers
from tests.integration.cli.commands import Run


def findings(lines: list[str]) -> dict[str, str]:
    """The mark of every check; the last one counts where there are several."""
    return {line.split()[1]: line.split()[0] for line in lines if not line.startswith("→")}


def fixes(lines: list[str]) -> list[str]:
    return [line.removeprefix("→ ") for line in lines if line.startswith("→")]


async def test_where_everything_is_there_all_is_well(run: Run, environment: dict[str, str]) -> None:
    ended = await run("doctor", env=environment)

    found = findings(ended.lines())
    assert (ended.code, ended.err) == (0, "")
    assert {name: mark for name, mark in found.items() if name != "explorer"} == dict.fromkeys(
        ("python", "disk", "settings", "database", "search", "jobs", "redis", "stripe", "mail"), "ok"
    )
    assert any("reachable, schema current" in line for line in ended.lines())


async def test_a_database_that_is_away_is_vital_and_a_cache_and_a_provider_are_not(
    run: Run, environment: dict[str, str]
) -> None:
    without_database = {"DATABASE_URL": "postgresql://shop:hunter2@127.0.0.1:1/shop"}
    without_others = {"REDIS_URL": "redis://127.0.0.1:1/0", "STRIPE_API_BASE": "http://127.0.0.1:1"}

    vital, other = await asyncio.gather(
        run("doctor", env={**environment, **without_database}), run("doctor", env={**environment, **without_others})
    )

    found = [
        {name: findings(ended.lines())[name] for name in ("database", "redis", "stripe")} for ended in (vital, other)
    ]
    assert (vital.code, other.code) == (1, 0)
    assert found == [
        {"database": "FAIL", "redis": "ok", "stripe": "ok"},
        {"database": "ok", "redis": "warn", "stripe": "warn"},
    ]
    assert "start a local stack with ./run up, or check the URL with `cartograph config`" in fixes(vital.lines())
    assert "hunter" not in vital.out + vital.err


async def test_a_database_without_a_schema_is_vital_and_migrating_mends_it(run: Run, servers: Servers) -> None:
    servers.postgres.create_database("sick")
    environment = {**servers.environment("sick"), "REDIS_URL": servers.valkey.url.removesuffix("0") + "3"}

    sick = await run("doctor", env=environment)
    mended = await run("migrate", env=environment)
    servers.postgres.drop_database("sick")

    assert (sick.code, mended.code) == (1, 0)
    assert "run `cartograph migrate`" in fixes(sick.lines())
    assert mended.out == f"migrated from nothing to {SCHEMA_VERSION}\n"


async def test_where_nothing_is_set_every_fault_has_its_fix(run: Run) -> None:
    ended = await run("doctor")

    assert ended.code == 1
    assert findings(ended.lines())["settings"] == "FAIL"
    settings = [line for line in ended.lines() if line.split()[1] == "settings"]
    assert sorted(line.split()[2] for line in settings) == ["DATABASE_URL:", "REDIS_URL:", "STRIPE_API_KEY:"]
    assert [fix for fix in fixes(ended.lines()) if "./run up" in fix] != []
