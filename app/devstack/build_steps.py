"""Commands that build something, one after the other, into one log; a failure is told by its cause and its fix."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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


class BuildFailed(Exception):
    """A step of the build failed: the cause in one line, and what mends it."""

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(f"{cause} Fix: {fix}")


@dataclass(frozen=True, slots=True)
class Steps:
    """Runs commands in one folder and one environment. log: is appended to."""

    log: Path
    cwd: Path
    environ: Mapping[str, str]

    def step(self, command: Sequence[str | Path], fix: str) -> None:
        """Run one command to its end, with all that it started. Raises BuildFailed, with `fix`."""
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
