"""What the schema is held to by graphql-inspector and graphql-eslint: promises are kept, and conventions too."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

from tests.clients.conftest import Clients
from tests.conftest import REPOSITORY

SCHEMA = REPOSITORY / "schema.graphql"
RELEASED = REPOSITORY / "docs" / "released"
EXAMPLE = "docs/examples/02-product.graphql"
# a file, what is right in it, what would be wrong there, and the rule that says so
FAULTS = (
    ("schema.graphql", '  """What it shows, for those who cannot see it."""\n', "", "require-description"),
    ("schema.graphql", '  """It can be bought."""\n', "", "require-description"),
    ("schema.graphql", "  altText: String", "  alt_text: String", "naming-convention"),
    ("schema.graphql", "  hasNextPage: Boolean!", "  hasNextPage: Boolean", "relay-page-info"),
    ("schema.graphql", "  edges: [ImageEdge!]!", "  rows: [ImageEdge!]!", "relay-connection-types"),
    (EXAMPLE, "    id\n    name", "    name", "require-selections"),
    (EXAMPLE, "sku", "barcode", "fields-on-correct-type"),
)


def breaking_changes(clients: Clients, before: Path, after: Path) -> set[str]:
    """What a client of the schema `before` may stumble over in the schema `after`."""
    done = clients.run("schema_changes.mjs", str(before), str(after))
    assert done.returncode == 0, done.stderr
    return {f"{one['type']} {one['path']}" for one in json.loads(done.stdout) if one["level"] == "BREAKING"}


def test_what_breaks_clients_of_the_released_schema_is_decided_on_the_record(clients: Clients) -> None:
    decided = tomllib.loads((RELEASED / "breaking.toml").read_text())

    assert breaking_changes(clients, RELEASED / "schema.graphql", SCHEMA) == set(decided)
    assert [record for record in decided.values() if not (REPOSITORY / "docs" / "adr" / record).is_file()] == []


def test_a_field_that_is_gone_is_noticed(clients: Clients, tmp_path: Path) -> None:
    changed = tmp_path / "changed.graphql"
    changed.write_text(SCHEMA.read_text().replace("  altText: String\n", "  caption: String\n"))

    assert breaking_changes(clients, SCHEMA, changed) == {"FIELD_REMOVED Image.altText"}


def lint(clients: Clients, folder: Path, *targets: str) -> list[str]:
    """What graphql-eslint complains about: in which file, by which rule, and why."""
    config = clients.folder / "eslint.config.mjs"
    eslint = clients.folder / "node_modules" / "eslint" / "bin" / "eslint.js"
    done = clients.run(str(eslint), "--config", str(config), "--format", "json", *targets, cwd=folder)
    assert done.returncode in {0, 1}, done.stderr
    return [
        f"{Path(file['filePath']).name} {one.get('ruleId')} {one['message']}"
        for file in json.loads(done.stdout)
        for one in file["messages"]
    ]


def test_the_schema_and_the_examples_follow_the_rules(clients: Clients) -> None:
    assert lint(clients, clients.root, "schema.graphql", "docs/examples") == []


def test_faults_are_noticed(clients: Clients, tmp_path: Path) -> None:
    shutil.copytree(clients.root / "docs", tmp_path / "docs")
    shutil.copy(SCHEMA, tmp_path)
    for file, right, wrong, _ in FAULTS:
        text = (tmp_path / file).read_text()
        assert right in text
        (tmp_path / file).write_text(text.replace(right, wrong, 1))

    complaints = lint(clients, tmp_path, "schema.graphql", EXAMPLE)

    assert {tuple(complaint.split()[:2]) for complaint in complaints} == {
        (Path(file).name, f"@graphql-eslint/{rule}") for file, _, _, rule in FAULTS
    }
