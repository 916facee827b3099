"""The README, run: its commands by a shell, its query against the stack that its first command starts."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, RunningStack

README = (REPOSITORY / "README.md").read_text()
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
SCREEN = 60  # lines; the README is to be two of them at most


def shell(command: str, stack: RunningStack) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CARTOGRAPH_DATA_DIR": str(stack.data)}
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 2 * SCREEN


def test_the_first_command_says_where_everything_is(stack: RunningStack) -> None:
    assert re.search(rf"^ready: {stack.url} \(\d+\.\d s\)$", stack.output, re.MULTILINE), stack.output
    assert "ada@example.com" in stack.output


def test_the_first_query_gives_the_answer_that_is_printed(stack: RunningStack) -> None:
    command = next(text for language, text in BLOCKS if language == "sh" and "curl" in text)
    answer = next(text for language, text in BLOCKS if language == "json")

    result = shell(command.replace("http://127.0.0.1:8000", stack.url), stack)

    assert json.loads(result.stdout) == json.loads(answer)


def test_the_table_names_every_command(stack: RunningStack) -> None:
    listed = shell("./run", stack).stdout
    commands = set(re.findall(r"^    (\w+)", listed, re.MULTILINE))

    named = set(re.findall(r"`(?:\./run) (\w+)", README)) | {"test"}
    assert commands
    assert commands - named == set()
    assert named - commands - {"test"} == set()


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("./run config", 0, "the running stack"),
        ("./run doctor", 0, "database   reachable"),
        ("./run schema --check", 0, "is current"),
        ("./run seed", 0, "0 created, 0 updated, 72 unchanged"),
        ("./run migrate", 0, "already at"),
        ("./run test --collect-only tests/docs", 0, "test_it_is_short"),
    ],
)
def test_a_command_talks_to_the_running_stack(stack: RunningStack, command: str, code: int, says: str) -> None:
    result = shell(command, stack)

    assert result.returncode == code, result.stderr
    assert says in result.stdout


def test_an_import_shows_in_the_running_shop(stack: RunningStack, tmp_path: Path) -> None:
    row = {"key": "readme-globe", "name": "Readme Globe", "price": "12.00", "stock": 3}
    (tmp_path / "one.jsonl").write_text(json.dumps(row) + "\n")

    tried = shell(f"./run import --dry-run {tmp_path}/one.jsonl", stack)
    imported = shell(f"./run import {tmp_path}/one.jsonl", stack)
    again = shell(f"./run import {tmp_path}/one.jsonl", stack)
    query = '{"query": "{ product(by: {slug: \\"readme-globe\\"}) { name } }"}'
    found = shell(f"curl -s {stack.url}/graphql -H 'content-type: application/json' -d '{query}'", stack)

    assert (tried.returncode, imported.returncode, again.returncode) == (0, 0, 0)
    assert "dry run" in tried.stdout
    assert "1 created" in imported.stdout
    assert "Nothing changed." in again.stdout
    assert json.loads(found.stdout)["data"]["product"] == {"name": "Readme Globe"}


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["readme", "contributing"])
def test_its_links_lead_somewhere(text: str) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", text)

    assert targets
    assert [target for target in targets if not (REPOSITORY / target).exists()] == []


def test_the_architecture_page_leads_somewhere() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text()
    targets = re.findall(r"\]\(([^)#:]+)\)", text)

    assert targets
    assert [target for target in targets if not (REPOSITORY / "docs" / target).exists()] == []


def test_the_two_test_paths_of_contributing_exist() -> None:
    paths = re.findall(r"\./run test (\S+)", CONTRIBUTING)

    assert paths
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []
