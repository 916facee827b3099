"""`cartograph search`, and the import of search rules: what they print and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from app.bootstrap import build_shop
from app.catalog.search import ProductSort, SearchRequest
from app.core.pagination import PageRequest
from app.database.tables import SCHEMA_VERSION
from app.settings import load_settings
from tests.conftest import REPOSITORY, Servers
from tests.integration.cli.commands import Run

PRODUCTS = [
    {"key": "cli-search-a", "name": "Quenchable Flask", "brand": "Cli Search", "price": "9.00", "popularity": 5},
    {"key": "cli-search-b", "name": "Quenchable Kettle", "brand": "Cli Search", "price": "8.00", "popularity": 3},
]
GOLDEN = [
    {"query": "quenchable kettle", "kind": "known item", "expect": {"name": "Kettle", "brand": "Cli Search"}},
    {"query": "quenchabel", "kind": "typo", "expect": {"name": "Quenchable Flask"}},
    {"query": "quenchable teapot", "kind": "synonym", "expect": {"name": "Kettle"}},
    {"query": "quenchable spoon", "kind": "known item", "expect": {"name": "Spoon"}},
]
RULES = [{"synonyms": ["teapot", "kettle"]}, {"pin": "cli gifts", "products": ["cli-search-b", "gone"]}, {"pin": "!"}]


def lines_of(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


async def test_rules_are_loaded_and_a_golden_set_is_scored(
    run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    products, golden = lines_of(tmp_path / "p.jsonl", PRODUCTS), lines_of(tmp_path / "g.jsonl", GOLDEN)
    rules = lines_of(tmp_path / "r.jsonl", RULES)

    strict = await run("import", rules, "--strict", env=environment)
    loaded = await run("import", products, rules, env=environment)
    rebuilt = await run("search", "rebuild", env=environment)
    scored = await run("search", "score", golden, "--names", env=environment)

    assert (strict.code, strict.lines()[-1].partition(": ")[2][:35]) == (1, "0 search rules loaded, 3 skipped, 0")
    assert loaded.code == 1
    assert [line.partition(": ")[2] for line in loaded.err.splitlines() if "r.jsonl" in line] == [
        "products: has to be a list of at most 50 keys or slugs",
        "products: there is no product 'gone'",
    ]
    assert "2 search rules loaded, 1 skipped" in loaded.out
    assert rebuilt.code == 0
    assert "products indexed" in rebuilt.out
    assert scored.code == 0
    assert [line.split()[0] for line in scored.lines()[:4]] == ["1", "1", "1", "-"]
    assert "known item: 1 of 2" in scored.out
    assert "in all: 3 of 4 among the first 3, mean reciprocal rank 0.750" in scored.out
    assert "by its own name: all but 0" in scored.out


async def test_what_is_missed_is_listed_and_forgotten(run: Run, environment: dict[str, str]) -> None:
    listed = await run("search", "misses", "--limit", "5", "--forget", env=environment)
    empty = await run("search", "misses", env=environment)
    refreshed = await run("search", "refresh", env=environment)

    assert (listed.code, empty.code, refreshed.code) == (0, 0, 0)
    assert "forgotten" in listed.out
    assert empty.lines() == ["no query has found nothing yet"]
    assert "counts are up to date" in refreshed.out


@pytest.mark.parametrize("content", [None, "nonsense\n", '{"query": "a"}\n'])
async def test_a_golden_set_that_is_none_is_one_line(
    run: Run, environment: dict[str, str], tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "set.jsonl").write_text(content)

    ended = await run("search", "score", tmp_path / "set.jsonl", env=environment)

    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert "set.jsonl" in ended.err


BEFORE_SEARCH = "0005"  # the last version of the schema in which search rows had another shape
A_PRODUCT_OF_THEN = (
    """INSERT INTO product (import_key, import_digest, slug, name, description, tags, images, attributes, options,
           popularity, created_at, updated_at)
       VALUES ('old', '', 'old-lamp', 'Old Lamp', '', '{}', '[]', '[]', '[]', 1, now(), now())""",
    """INSERT INTO variant (product_id, sku, name, position, selected_options, requires_shipping)
       SELECT id, 'OLD', 'Old Lamp', 0, '[]', true FROM product""",
    "INSERT INTO variant_price (variant_id, currency, amount_minor) SELECT id, 'USD', 900 FROM variant",
    "INSERT INTO stock (variant_id, policy, on_hand) SELECT id, 'deny', 1 FROM variant",
)


def upgrade_to(version: str) -> Callable[[Connection], None]:
    def upgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(REPOSITORY / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, version)

    return upgrade


@pytest.mark.parametrize("mender", ["worker", "search refresh", "seed"])
async def test_after_an_upgrade_the_index_is_missing_until_something_builds_it(
    run: Run, servers: Servers, mender: str
) -> None:
    name = f"upgraded_{mender.replace(' ', '_')}"
    servers.postgres.create_database(name)
    environment = {**servers.environment(name), "REDIS_URL": servers.valkey.url.removesuffix("0") + "3"}
    shop = build_shop(load_settings(environment), statement_timeout_seconds=30)
    async with shop.database.write_at_leisure() as connection:
        await connection.run_sync(upgrade_to(BEFORE_SEARCH))
        for statement in A_PRODUCT_OF_THEN:
            await connection.execute(text(statement))

    migrated = await run("migrate", env=environment)
    sick = await run("doctor", env=environment)
    before = await shop.search_index.count(SearchRequest("lamp"))
    if mender == "worker":
        await shop.keep_search()
    else:
        mended = await run(*mender.split(), env=environment)
        assert mended.code == 0, mended.err
    after = await shop.search_index.page(SearchRequest("lamp", sort=ProductSort.PRICE_ASC), PageRequest(200))
    again = await run("doctor", env=environment)
    products = await shop.catalog.products_by_ids(after.page.items)
    await shop.close()
    servers.postgres.drop_database(name)

    assert migrated.lines()[0] == f"migrated from {BEFORE_SEARCH} to {SCHEMA_VERSION}"
    assert migrated.lines()[-1] == "cartograph search rebuild"
    assert any(line.split()[:2] == ["FAIL", "search"] for line in sick.lines())
    assert not any(line.split()[:2] == ["FAIL", "search"] for line in again.lines())
    assert before.value == 0
    assert "Old Lamp" in {product.name for product in products.values()}
