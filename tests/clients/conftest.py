"""Node, the packages of `package.json` and a server for the clients.

The scripts run in a copy of the parts of the checkout that they read, with `node_modules` linked from the user's
cache: what they generate is thrown away, and the checkout stays as it is. Skipped with a reason where the packages
cannot be had; in CI that is a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from app.bootstrap import Shop
from app.devstack.build_steps import BuildFailed
from app.devstack.node import Node, NodeInstaller
from tests.conftest import REPOSITORY, Servers
from tests.market import import_terms
from tests.serving import ServerProcess, serving

HERE = Path(__file__).resolve().parent
SCRIPT_SECONDS = 600  # of a whole script; each of its cases ends by itself after 30
EXAMPLES_TERMS = """
promotions:
  - {key: "examples:free-delivery", name: Free delivery, code: FREESHIP, freeShipping: true, minimum: {USD: 50}}
"""
# all clients come from one address, and within seconds
AMPLE = {"CARTOGRAPH_COST_BUCKET": "1000000000"}
_TEST_OPTIONS = ("--test-reporter=junit", "--test-timeout=30000", "--test-force-exit")


def cases_of(script: str) -> list[str]:
    """The names of the cases in a script, which are its lines that begin with `test(`."""
    return re.findall(r"^test\('(.+)', ", (HERE / script).read_text(), re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Clients:
    """Runs Node in the copy of the checkout. folder: the copy of this folder."""

    node: Node
    folder: Path
    _faults: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)

    @property
    def root(self) -> Path:
        """The copy of the checkout."""
        return self.folder.parents[1]

    def run(self, *command: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a script, or a program of a package, to its end. cwd: the copy of this folder where none is given."""
        return subprocess.run(
            [self.node.executable, *command],
            cwd=cwd or self.folder, env={**self.node.environ, **environ},
            capture_output=True, text=True, check=False, timeout=SCRIPT_SECONDS,
        )  # fmt: skip

    def insist(self, script: str, case: str, shop_url: str) -> None:
        """Fail the test unless this case of a script passes. The script runs once, when its first case is asked for."""
        if script not in self._faults:
            self._faults[script] = self._run_cases(script, shop_url)
        fault = self._faults[script].get(case, f"{script} ended before it came to this case")
        if fault:
            pytest.fail(fault, pytrace=False)

    def _run_cases(self, script: str, shop_url: str) -> dict[str, str]:
        """What was wrong with each case of a script: empty where it passed."""
        done = self.run(*_TEST_OPTIONS, script, SHOP_URL=shop_url)
        try:
            cases = ET.fromstring(done.stdout).iter("testcase")
        except ET.ParseError:
            return dict.fromkeys(cases_of(script), f"{script} did not run:\n{done.stdout}{done.stderr}")
        return {case.attrib["name"]: "\n".join(map(_told, case.iter("failure"))) for case in cases}


def _told(fault: ET.Element) -> str:
    return fault.text or fault.attrib.get("message") or "It failed without a word."


def give_up(cause: str, environ: Mapping[str, str]) -> NoReturn:
    """Skip the test, or fail it in CI, where what it needs has to be there."""
    if environ.get("CI") == "true":
        pytest.fail(cause, pytrace=False)
    pytest.skip(cause)


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Clients:
    """Node and the packages, installed now where they were not yet."""
    installer = NodeInstaller(REPOSITORY, os.environ, "./run test tests/clients")
    root = tmp_path_factory.mktemp("checkout")
    try:
        node = installer.node(root / "node.log", print)
        packages = installer.packages(HERE, print)
    except BuildFailed as failure:
        give_up(str(failure), os.environ)
    not_sources = shutil.ignore_patterns("node_modules", "__pycache__", "__generated__", "dist")
    for part in ("tests/clients", "docs/examples"):
        shutil.copytree(REPOSITORY / part, root / part, ignore=not_sources)
    shutil.copy(REPOSITORY / "schema.graphql", root)
    folder = root / "tests" / "clients"
    (folder / "node_modules").symlink_to(packages)
    return Clients(node, folder)


@pytest.fixture(scope="session")
async def open_server(
    servers: Servers, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServerProcess]:
    """A server that takes any document, by GET and by POST, with what the examples ask for."""
    await import_terms(shop, EXAMPLES_TERMS)
    async with serving(servers, tmp_path_factory.mktemp("open"), **AMPLE) as process:
        yield process
