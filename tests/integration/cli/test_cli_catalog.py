"""`cartograph import`, `seed` and `schema`: files in, counts out, faults with their place."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.bootstrap import build_shop
from app.commands import check_schema
from app.settings import load_settings
from tests.conftest import Servers
from tests.integration.cli.commands import Ended, Run

JSONL = """\
{"key": "cli-mug", "name": "Cli mug", "price": "18.00", "sku": "CLI-MUG"}
{"key": "cli-precise", "name": "Cli precise", "price": "12.999"}

{"key": "cli-misspelt", "name": "Cli misspelt", "prise": 5}
{"key": "cli-broken", "name": "Cli broken
{"name": "Cli free", "price": 0}
"""
CSV = """\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Price,Status
cli-shirt,Cli shirt,<p>Soft.</p>,Brand,,,TRUE,Size,S,CLI-SHIRT-S,20.00,active
cli-shirt,,,,,,,,M,CLI-SHIRT-M,21.00,
cli-priceless,Cli priceless,,Brand,,,TRUE,,,CLI-PRICELESS,,active
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    made = {name: tmp_path / name for name in ("shop.jsonl", "shop.csv", "empty.jsonl", "folder", "good.jsonl")}
    made["shop.jsonl"].write_text(JSONL, encoding="utf-8")
    made["shop.csv"].write_text(CSV, encoding="utf-8")
    made["empty.jsonl"].write_text("", encoding="utf-8")
    made["good.jsonl"].write_text('{"key": "cli-good", "name": "Cli good", "price": 1}\n', encoding="utf-8")
    made["folder"].mkdir()
    return made


def faults(ended: Ended) -> list[str]:
    """What it says is wrong; how far it had come is for the person who waits."""
    return [line for line in ended.err.splitlines() if " % read, " not in line]


def names(servers: Servers) -> list[str]:
    """The products of these tests in the commands' database."""
    statement = "SELECT name FROM product WHERE name LIKE 'Cli %' ORDER BY name"
    return servers.postgres.execute(statement, database="commands").splitlines()


async def test_bad_rows_are_told_with_file_and_line_and_the_rest_lands(
    run: Run, environment: dict[str, str], files: dict[str, Path], servers: Servers
) -> None:
    dry = await run("import", files["shop.jsonl"], files["shop.csv"], "--dry-run", env=environment)
    after_dry = names(servers)
    first = await run("import", files["shop.jsonl"], files["shop.csv"], env=environment)
    after_first = names(servers)
    again = await run("import", files["shop.jsonl"], files["shop.csv"], env=environment)

    jsonl, csv = files["shop.jsonl"], files["shop.csv"]
    assert (dry.code, first.code, again.code) == (1, 1, 1)
    told = faults(first)
    assert faults(dry) == told == faults(again)
    assert told[:2] == [
        f"{jsonl}:2: price: 12.999 has more than 2 decimal places, which USD does not have",
        f"{jsonl}:4: prise: is not a field, did you mean price?",
    ]
    assert told[2:] == [f"{jsonl}:5: line: is not valid JSON: it ends too early", f"{csv}:4: Variant Price: missing"]
    assert after_dry == []
    assert after_first == ["Cli free", "Cli mug", "Cli shirt"]
    assert names(servers) == after_first
    assert "In all: 3 would be created, 0 would be updated, 0 unchanged, 4 skipped" in dry.out
    assert "This was a dry run: nothing was written." in dry.out
    assert f"{jsonl}: 2 created, 0 updated, 0 unchanged, 3 skipped" in first.out
    assert "In all: 3 created, 0 updated, 0 unchanged, 4 skipped" in first.out
    assert "In all: 0 created, 0 updated, 3 unchanged, 4 skipped" in again.out
    assert "Nothing changed." in again.out


async def test_where_nothing_can_be_imported_nothing_is(
    run: Run, environment: dict[str, str], files: dict[str, Path], tmp_path: Path, servers: Servers
) -> None:
    missing = tmp_path / "missing.jsonl"
    away = {**environment, "DATABASE_URL": "postgresql://shop:hunter2@127.0.0.1:1/shop"}

    unreadable, strict, no_database = await asyncio.gather(
        run("import", missing, files["empty.jsonl"], files["folder"], env=environment),
        run("import", files["good.jsonl"], files["empty.jsonl"], "--strict", env=environment),
        run("import", files["good.jsonl"], env=away),
    )

    assert (unreadable.code, strict.code, no_database.code) == (2, 2, 1)
    assert [line.split(": ")[0] for line in faults(unreadable)] == [
        str(missing),
        str(files["empty.jsonl"]),
        str(files["folder"]),
    ]
    assert [line.split(": ")[0] for line in faults(strict)] == [str(files["empty.jsonl"])]
    assert faults(no_database)[-1].startswith("cartograph: the database did not answer")
    assert "hunter" not in no_database.err + no_database.out
    assert "Cli good" not in names(servers)


async def test_an_empty_shop_is_seeded_once(run: Run, servers: Servers) -> None:
    servers.postgres.create_database("seeded")
    environment = {**servers.environment("seeded"), "REDIS_URL": servers.valkey.url.removesuffix("0") + "4"}
    shop = build_shop(load_settings(environment))
    await shop.migrate()
    await shop.close()

    first = await run("seed", "--if-empty", env=environment)
    count = servers.postgres.execute("SELECT count(*) FROM product", database="seeded")
    customers = servers.postgres.execute("SELECT count(*) FROM accounts.customer", database="seeded")
    second, generated, none = await asyncio.gather(
        run("seed", "--if-empty", env=environment),
        run("seed", "--products", "7", env=environment),
        run("seed", "--products", "0", env=environment),
    )
    total = servers.postgres.execute("SELECT count(*) FROM product", database="seeded")
    servers.postgres.drop_database("seeded")

    assert (first.code, second.code, generated.code, none.code) == (0, 0, 0, 1)
    assert first.out.startswith(f"{count} created, 0 updated, 0 unchanged")
    assert int(count) > 50
    assert customers == "2"
    assert second.out == "there are products already: nothing to do\n"
    assert generated.out.startswith("7 created, 0 updated, 0 unchanged")
    assert int(total) == int(count) + 7
    assert none.err == "cartograph: --products must be 1 to 5,000,000\n"


async def test_a_current_schema_file_passes_its_check(run: Run) -> None:
    ended = await run("schema", "--check")

    unchecked = "stored documents were not checked: DATABASE_URL is not set\n"
    assert (ended.code, ended.out, ended.err) == (0, "schema.graphql is current\n" + unchecked, "")


def test_a_stale_schema_file_fails_its_check_and_shows_the_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "schema.graphql"
    stale.write_text("type Query {\n  old: Int\n}\n", encoding="utf-8")

    code = check_schema("type Query {\n  new: Int\n}\n", stale)
    gone = check_schema("type Query {\n  new: Int\n}\n", tmp_path / "nowhere.graphql")

    printed = capsys.readouterr()
    assert (code, gone) == (1, 1)
    assert "-  old: Int\n+  new: Int\n" in printed.out
    assert printed.err.splitlines()[0] == f"cartograph: {stale} is stale: run `cartograph schema > schema.graphql`"
    assert stale.read_text(encoding="utf-8") == "type Query {\n  old: Int\n}\n"
