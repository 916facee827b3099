"""What a machine can say about the code: types, style, sizes, and words that must not be in it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MAX_LINES = 400
OWN_PACKAGES = ("app", "resolvers", "dataloaders")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    return [path for name in listing.stdout.decode().split("\0") if name and (path := REPOSITORY / name).is_file()]


def test_types_are_strict() -> None:
    result = run("mypy")

    assert result.returncode == 0, result.stdout


def test_style_and_banned_calls() -> None:
    result = run("ruff", "check")

    assert result.returncode == 0, result.stdout


def test_layout_is_ruffs() -> None:
    result = run("ruff", "format", "--check")

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "line",
    [
        "import datetime\nnow = datetime.datetime.now(datetime.UTC)",
        "import uuid\nkey = uuid.uuid4()",
        "import random\ndie = random.random()",
        "import time\nnow = time.time()",
    ],
)
def test_a_banned_call_is_noticed(line: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--stdin-filename", "app/cart/banned.py", "-"]
    result = subprocess.run(command, cwd=REPOSITORY, input=line, capture_output=True, text=True, check=False)

    assert "TID251" in result.stdout


def test_modules_fit_on_a_few_screens() -> None:
    sizes = {
        str(path.relative_to(REPOSITORY)): len(path.read_text().splitlines())
        for package in OWN_PACKAGES
        for path in (REPOSITORY / package).rglob("*.py")
    }

    assert {name: lines for name, lines in sizes.items() if lines > MAX_LINES} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(REPOSITORY))
        for package in OWN_PACKAGES
        for path in (REPOSITORY / package).rglob("*.py")
        if not path.read_text().lstrip().startswith('"""')
    ]

    assert silent == []


def test_no_package_registry_is_named() -> None:
    hosts = re.compile("|".join(["pypi" + r"\.org", "python" + "hosted", "registry" + r"\.npm"]))

    named = [str(path) for path in tracked_files() if hosts.search(path.read_text(errors="ignore"))]
    assert named == []


def test_locked_requirements_are_those_of_the_project() -> None:
    stated = (REPOSITORY / "pyproject.toml").read_text()
    runtime = re.search(r"\ndependencies = \[(.*?)\n\]", stated, re.DOTALL)
    assert runtime is not None
    wanted = {re.split(r"[\[>=]", name)[0] for name in re.findall(r'^    "([^"]+)"', runtime[1], re.MULTILINE)}

    for lock in ("requirements.txt", "requirements-dev.txt"):
        locked = set(re.findall(r"^([A-Za-z0-9_.-]+)==", (REPOSITORY / lock).read_text(), re.MULTILINE))
        assert wanted - locked == set(), lock


def test_the_map_names_every_room() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text()
    rooms = {path.parent.name for path in (REPOSITORY / "app").glob("*/__init__.py")}
    singles = {path.name for path in (REPOSITORY / "app").glob("*.py")} - {"__init__.py"}

    missing = [name for name in rooms if f"  {name}/" not in text] + [
        name for name in singles if f"  {name}" not in text
    ]
    assert missing == []
    for named in re.findall(r"^  ([a-z_]+)/ ", text, re.MULTILINE):
        assert named in rooms | {"stripe_emulator"}, f"the map names {named}, which is not there"


def test_every_decision_that_is_cited_is_recorded() -> None:
    records = {path.name[:4] for path in (REPOSITORY / "docs" / "adr").glob("[0-9]*.md")}
    cited = {
        number
        for package in OWN_PACKAGES
        for path in (REPOSITORY / package).rglob("*.py")
        for number in re.findall(r"ADR-(\d{4})", path.read_text())
    }

    assert cited
    assert cited - records == set()
