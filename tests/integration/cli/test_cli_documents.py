"""`cartograph documents` and the part of `schema --check` about stored documents."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.bootstrap import build_shop
from app.settings import load_settings
from tests.conftest import Servers
from tests.integration.cli.commands import Run

SHOP = "query Shop { shop { name } }"
SEARCH = "query Search($words: String) { products(query: $words) { nodes { name } } }"
BROKEN = "query Broken { shop { nme } }"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
async def environment(servers: Servers) -> AsyncIterator[dict[str, str]]:
    """The settings of a shop whose database is migrated and holds nothing."""
    servers.postgres.create_database("documents")
    settings = servers.environment("documents")
    shop = build_shop(load_settings(settings))
    await shop.migrate()
    await shop.close()
    yield settings
    servers.postgres.drop_database("documents")


@pytest.fixture
def manifests(tmp_path: Path) -> dict[str, Path]:
    """One of each format, and some that are wrong."""
    contents = {
        "relay": {"2f9c6f5e3c0c5e9fd7f1a3b8a0b1c2d3": SHOP},
        "codegen": {f"sha256:{sha256(SEARCH)}": SEARCH},
        "apollo": {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [{"id": sha256(SHOP), "name": "Shop", "type": "query", "body": SHOP}],
        },
        "changed": {"2f9c6f5e3c0c5e9fd7f1a3b8a0b1c2d3": SEARCH, "new": SHOP},
        "broken": {"b1": BROKEN, "fine": SHOP, f"sha256:{'0' * 64}": SHOP},
    }
    paths = {name: tmp_path / f"{name}.json" for name in contents}
    for name, content in contents.items():
        paths[name].write_text(json.dumps(content, indent=2))
    return paths


def stored(servers: Servers) -> list[str]:
    return servers.postgres.execute("SELECT id FROM trusted_document ORDER BY id", database="documents").splitlines()


async def test_the_three_formats_are_imported_listed_and_removed(
    run: Run, environment: dict[str, str], manifests: dict[str, Path], servers: Servers
) -> None:
    files = [manifests[name] for name in ("relay", "codegen", "apollo")]
    ids = sorted(["2f9c6f5e3c0c5e9fd7f1a3b8a0b1c2d3", f"sha256:{sha256(SEARCH)}", sha256(SHOP)])

    dry = await run("documents", "import", *files, "--dry-run", env=environment)
    after_dry = stored(servers)
    first = await run("documents", "import", *files, env=environment)
    again = await run("documents", "import", *files, env=environment)
    listed = await run("documents", "list", env=environment)
    removed = await run("documents", "remove", ids[0], ids[1], env=environment)

    assert [ended.code for ended in (dry, first, again, listed, removed)] == [0] * 5
    assert dry.lines() == ["3 would be created, 0 unchanged", "This was a dry run: nothing was written."]
    assert after_dry == []
    assert first.lines() == ["3 created, 0 unchanged"]
    assert again.lines() == ["0 created, 3 unchanged", "Nothing changed."]
    assert sorted(line.split()[0] for line in listed.lines()) == ids
    assert sorted(line.rsplit(maxsplit=3)[1:] for line in listed.lines()) == [
        [str(len(SHOP)), "characters", "Shop"],
        [str(len(SHOP)), "characters", "Shop"],
        [str(len(SEARCH)), "characters", "Search"],
    ]
    assert removed.lines() == ["2 removed"]
    assert stored(servers) == [ids[2]]


async def test_a_manifest_with_a_fault_is_refused_whole_and_every_fault_is_named(
    run: Run, environment: dict[str, str], manifests: dict[str, Path], servers: Servers, tmp_path: Path
) -> None:
    await run("documents", "import", manifests["relay"], env=environment)
    before = stored(servers)

    broken, changed, missing, unknown = await asyncio.gather(
        run("documents", "import", manifests["apollo"], manifests["broken"], env=environment),
        run("documents", "import", manifests["changed"], env=environment),
        run("documents", "import", tmp_path / "missing.json", tmp_path, env=environment),
        run("documents", "remove", before[0], "nobody", env=environment),
    )

    assert (broken.code, changed.code, missing.code, unknown.code) == (1, 1, 1, 1)
    assert broken.err.splitlines() == [
        f"{manifests['broken']}: sha256:{'0' * 64}: its text has another SHA-256",
        f"{manifests['broken']}: b1: Cannot query field 'nme' on type 'Shop'. (line 1, column 23)",
        "cartograph: nothing was imported",
    ]
    assert changed.err.splitlines() == [
        f"{manifests['changed']}: {before[0]}: has another text than before:"
        " an id never changes its text, so give the new one another id",
        "cartograph: nothing was imported",
    ]
    assert missing.err.splitlines() == [
        f"{tmp_path / 'missing.json'}: cannot be read: No such file or directory",
        f"{tmp_path}: cannot be read: Is a directory",
        "cartograph: nothing was imported",
    ]
    assert unknown.err == "cartograph: no stored document has the id nobody: nothing was removed\n"
    assert broken.out + changed.out + missing.out + unknown.out == ""
    assert stored(servers) == before


async def test_a_check_of_the_schema_names_every_stored_document_that_is_no_longer_valid(
    run: Run, environment: dict[str, str], manifests: dict[str, Path], servers: Servers
) -> None:
    empty = await run("schema", "--check", env=environment)
    await run("documents", "import", manifests["relay"], manifests["codegen"], env=environment)
    valid = await run("schema", "--check", env=environment)
    servers.postgres.execute(
        f"INSERT INTO trusted_document SELECT 'last-year', ''::bytea, '{BROKEN}', '{{Broken}}', now()",
        database="documents",
    )
    stale = await run("schema", "--check", env=environment)

    assert (empty.code, empty.out) == (0, "schema.graphql is current\nno documents are stored\n")
    assert (valid.code, valid.out) == (0, "schema.graphql is current\n2 stored documents are valid\n")
    assert (stale.code, stale.out) == (1, "schema.graphql is current\n")
    assert stale.err.splitlines() == [
        "stored document: last-year: Cannot query field 'nme' on type 'Shop'. (line 1, column 23)",
        "cartograph: clients still send these documents: keep what they use in the schema,"
        " or remove them with `cartograph documents remove ID…`",
    ]


async def test_a_database_that_is_away_or_not_migrated_is_one_line(
    run: Run, environment: dict[str, str], manifests: dict[str, Path], servers: Servers
) -> None:
    away = {**environment, "DATABASE_URL": "postgresql://shop:hunter2@127.0.0.1:1/shop"}
    servers.postgres.create_database("bare")
    bare = servers.environment("bare")
    commands = [("schema", "--check"), ("documents", "list"), ("documents", "import", manifests["relay"])]

    without = await asyncio.gather(*(run(*command, env=away) for command in commands))
    unmigrated = await asyncio.gather(*(run(*command, env=bare) for command in commands))
    servers.postgres.drop_database("bare")

    for ended in without:
        assert ended.code == 1
        assert ended.err.startswith("cartograph: the database did not answer: ")
        assert len(ended.err.splitlines()) == 1
        assert "hunter" not in ended.err
    assert [ended.code for ended in unmigrated] == [1] * 3
    assert {ended.err for ended in unmigrated} == {
        "cartograph: the database has no schema yet: run `cartograph migrate`\n"
    }


async def test_documents_without_an_action_or_a_file_is_usage(run: Run) -> None:
    plain, nothing, unknown = await asyncio.gather(
        run("documents"), run("documents", "import"), run("documents", "fly")
    )

    assert (plain.code, nothing.code, unknown.code) == (2, 2, 2)
    assert "ACTION" in plain.err
    assert "FILE" in nothing.err
    assert "invalid choice: 'fly'" in unknown.err


async def test_a_document_with_a_card_number_keeps_the_manifest_out_and_is_not_repeated(
    run: Run, environment: dict[str, str], servers: Servers, tmp_path: Path
) -> None:
    manifest = tmp_path / "cards.json"
    with_card = 'query Card {\n  products(query: "4242 4242 4242 4242") { nodes { id } }\n}'
    manifest.write_text(json.dumps({"fine": SHOP, "card": with_card, "4242424242424242": SHOP}))

    ended = await run("documents", "import", manifest, env=environment)

    assert ended.code == 1
    assert ended.err.splitlines() == [
        f"{manifest}: card: its text has what looks like a payment card number (line 2, column 20)",
        f"{manifest}: [card number]: its id has what looks like a payment card number",
        "cartograph: nothing was imported",
    ]
    assert stored(servers) == []
