"""The guide to persisted documents, run by a shell against a running stack; its tables and numbers held to the code."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from app.cache import persisted_queries
from app.documents.domain import MAX_BODY_CHARACTERS, MAX_ID_CHARACTERS, DocumentMode, Refusal
from app.documents.manifest import MAX_DOCUMENTS, MAX_FILE_BYTES
from tests.conftest import REPOSITORY, RunningStack

GUIDE = (REPOSITORY / "docs" / "guides" / "documents.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


def first_cells(header: str) -> list[str]:
    table = GUIDE[GUIDE.index(header) :].split("\n\n")[0].splitlines()[2:]
    return [line.split("|")[1].strip(" `") for line in table]


def shell(script: str, stack: RunningStack, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CARTOGRAPH_DATA_DIR": str(stack.data)}
    here = script.replace("http://127.0.0.1:8000", stack.url).replace("cartograph ", f"{REPOSITORY}/run ")
    return subprocess.run(
        ["/bin/sh", "-ec", here], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_hash_is_unknown_then_taught_then_known(stack: RunningStack, tmp_path: Path) -> None:
    script = next(block for block in blocks("sh") if "sha256sum" in block)

    result = shell(script, stack, tmp_path)

    answers = re.sub(r"\}\{", "}\n{", result.stdout).splitlines()  # curl ends none with a line end
    unknown, taught, known = map(json.loads, answers)
    assert unknown["errors"][0]["message"] == "PersistedQueryNotFound"
    assert taught == known
    assert taught["data"]["shop"]["name"]


def test_its_manifests_are_imported_listed_asked_for_and_removed_by_its_commands(
    stack: RunningStack, tmp_path: Path
) -> None:
    manifests = blocks("json")
    commands = next(block for block in blocks("sh") if "documents import" in block).splitlines()
    dry_run, load, listing, remove = commands
    ask = next(block for block in blocks("sh") if "documentId" in block)

    imported = []
    for manifest in manifests:
        (tmp_path / "persisted-queries.json").write_text(manifest)
        imported.append((shell(dry_run, stack, tmp_path).stdout, shell(load, stack, tmp_path).stdout))
    listed = shell(listing, stack, tmp_path).stdout
    answer = shell(ask, stack, tmp_path).stdout
    checked = shell("cartograph schema --check", stack, tmp_path)
    removed = shell(remove, stack, tmp_path).stdout

    assert len(manifests) == 3
    tried = "1 would be created, 0 unchanged\nThis was a dry run: nothing was written.\n"
    assert imported == [(tried, "1 created, 0 unchanged\n")] * 3
    assert [line.split()[0][:12] for line in listed.splitlines()] == ["5d41402abc4b", "sha256:f17b9", "shop-v1"]
    assert json.loads(answer)["data"]["shop"]["name"]
    assert "3 stored documents are valid" in checked.stdout
    assert removed == "1 removed\n"


def test_its_tables_and_numbers_are_those_of_the_code() -> None:
    text = " ".join(GUIDE.split())

    assert first_cells("| value |") == [mode.value for mode in DocumentMode]
    assert set(first_cells("| code |")) == {refusal.value for refusal in Refusal}
    assert f"keeps the {persisted_queries.MAX_DOCUMENTS:,} texts" in text
    assert f"{MAX_FILE_BYTES // 1_000_000} MB and {MAX_DOCUMENTS:,} documents" in text
    assert f"a document {MAX_BODY_CHARACTERS:,} characters, an id {MAX_ID_CHARACTERS}" in text
