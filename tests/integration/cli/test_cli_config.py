"""`cartograph config`, and what a wrong environment is answered with."""

from __future__ import annotations

import asyncio

from app.settings import DEVELOPMENT_SECRET, Settings
from tests.integration.cli.commands import Run

SECRETS = {
    "DATABASE_URL": "postgresql://shop:hunter2@db.example/shop",
    "REDIS_URL": "redis://:hunter3@cache.example/0",
    "STRIPE_API_KEY": "sk_test_hunter4",
    "CARTOGRAPH_SECRET_KEY": "hunter5-hunter5-hunter5-hunter5-hunter5",
}


async def test_config_lists_every_setting_and_hides_every_secret(run: Run) -> None:
    ended = await run("config", env={**SECRETS, "CARTOGRAPH_SHOP_NAME": "Contour"})

    rows = {line.split()[0]: line.split() for line in ended.lines()}
    assert (ended.code, ended.err) == (0, "")
    assert set(rows) == {str(field.alias) for field in Settings.model_fields.values()}
    assert "hunter" not in ended.out
    assert DEVELOPMENT_SECRET not in ended.out
    assert [rows[name][1:3] for name in SECRETS] == [["********", "environment"]] * 4
    assert rows["CARTOGRAPH_SHOP_NAME"][1:3] == ["Contour", "environment"]
    assert rows["CARTOGRAPH_PORT"][1:3] == ["8000", "default"]


async def test_config_says_what_is_missing_and_hides_the_default_secret(run: Run) -> None:
    ended = await run("config")

    rows = {line.split()[0]: line.split() for line in ended.lines()}
    assert ended.code == 0
    assert [rows[name][1] for name in ("DATABASE_URL", "REDIS_URL", "STRIPE_API_KEY")] == ["missing"] * 3
    assert rows["CARTOGRAPH_SECRET_KEY"][1:3] == ["********", "default"]
    assert DEVELOPMENT_SECRET not in ended.out


async def test_an_unknown_name_is_answered_with_the_nearest_right_one(run: Run) -> None:
    ended = await run("config", env={**SECRETS, "CARTOGRAPH_SHOPNAME": "x", "CARTOGRAPH_CURENCY": "EUR"})

    assert ended.code == 1
    assert ended.err.splitlines() == [
        "cartograph: CARTOGRAPH_CURENCY: there is no such setting; did you mean CARTOGRAPH_CURRENCY?",
        "cartograph: CARTOGRAPH_SHOPNAME: there is no such setting; did you mean CARTOGRAPH_SHOP_NAME?",
    ]


async def test_every_fault_of_an_environment_is_told_at_once_without_its_secrets(run: Run) -> None:
    wrong = {
        **SECRETS,
        "CARTOGRAPH_SECRET_KEY": "hunter5",
        "CARTOGRAPH_PORT": "99999",
        "CARTOGRAPH_LOG_LEVEL": "loud",
        "CARTOGRAPH_WORKERS": "many",
    }

    ended, nothing = await asyncio.gather(run("migrate", env=wrong), run("migrate"))

    assert (ended.code, nothing.code) == (1, 1)
    assert "hunter" not in ended.err + ended.out
    assert [line.split(":")[1].strip() for line in ended.err.splitlines()] == [
        "CARTOGRAPH_SECRET_KEY",
        "CARTOGRAPH_PORT",
        "CARTOGRAPH_WORKERS",
        "CARTOGRAPH_LOG_LEVEL",
    ]
    lines = nothing.err.splitlines()
    missing = sorted(line.split(":")[1].strip() for line in lines[:-1])
    assert missing == ["DATABASE_URL", "REDIS_URL", "STRIPE_API_KEY"]
    assert lines[-1] == "cartograph: or start a local stack with ./run up"


async def test_an_unknown_command_and_a_wrong_option_are_usage(run: Run) -> None:
    unknown, wrong, plain = await asyncio.gather(run("fly"), run("import"), run())

    assert (unknown.code, wrong.code, plain.code) == (2, 2, 0)
    assert "invalid choice: 'fly'" in unknown.err
    assert "FILE" in wrong.err
    assert "usage: cartograph" in plain.out
