"""Build the explorer's pages from `web/`, with the Node that comes as a Python wheel.

`python -m app.devstack.explorer build`
lock -> already built? -> Node from its wheel -> npm ci -> vite build + compression -> rename into place -> prune

Everything happens in a work folder beside the result, so the result is whole or not there, however a builder ends.
Two builders of the same sources take turns. Which registries the packages come from is the machine's own setting.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from types import FrameType

import msgspec

from app.core.clock import SystemClock
from app.devstack.build_folders import held, prune, work_folder
from app.devstack.build_steps import BuildFailed, Steps
from app.devstack.node import Node, NodeInstaller
from app.http.explorer_assets import (
    BuildState,
    BuildStatus,
    checkout_explorer,
    find_checkout,
    locate_explorer,
    lock_file,
)

_RETRY = "./run explorer"


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
                with held(lock_file(folder)):
                    if assets.status().state is not BuildState.READY:
                        folder.mkdir(exist_ok=True)
                        self._build_locked(folder)
        except OSError as error:  # a full or read-only disk: there may be no place to tell the pages
            fix = "make room there, or set XDG_CACHE_HOME to a folder that can be written."
            raise BuildFailed(f"The cache cannot be written: {error}.", fix) from error
        prune(folder.parent, keep=folder.name)
        return assets.dist

    def _build_locked(self, folder: Path) -> None:
        progress = _Progress(folder, SystemClock().now())
        try:
            installer = NodeInstaller(self.checkout, self.environ, _RETRY)
            node = installer.node(progress.log, partial(progress.tell, BuildState.BUILDING))
            with work_folder(folder) as work:
                self._build_in(work, node, progress, installer.registry_fix)
                (work / "web" / "dist").rename(folder / "dist")
            progress.tell(BuildState.READY, "Built")
        except BuildFailed as failure:
            progress.tell(BuildState.FAILED, str(failure))
            raise

    def _build_in(self, work: Path, node: Node, progress: _Progress, registry_fix: str) -> None:
        shutil.copytree(self.checkout / "web", work / "web", ignore=shutil.ignore_patterns("node_modules", "dist"))
        shutil.copytree(self.checkout / "docs" / "examples", work / "docs" / "examples")
        progress.tell(BuildState.BUILDING, "Fetching the explorer's packages")
        node.install_packages(work / "web", progress.log, registry_fix)
        progress.tell(BuildState.BUILDING, "Building the explorer")
        run = Steps(progress.log, work / "web", node.environ)
        log_fix = f"read {progress.log}, then run {_RETRY} again."
        run.step([node.executable, "node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"], log_fix)
        run.step([node.executable, "compress.mjs", "dist"], log_fix)


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
