"""Processes of `cartograph`, started through a launcher that has imported the program already."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import REPOSITORY

NOTHING = Path(os.devnull)


class Member:
    """One process. log: what it writes to standard error, from its first line on."""

    def __init__(self, fleet: Fleet, pid: int, log: Path) -> None:
        self.pid = pid
        self.log = log
        self._fleet = fleet
        self._code: int | None = None

    def exit_code(self) -> int | None:
        """How it ended (negative: the signal that ended it), None while it runs."""
        if self._code is None:
            self._code = self._fleet.ask({"pid": self.pid})["code"]
        return self._code

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.exit_code() is None:
            os.kill(self.pid, number)

    def last_words(self) -> str:
        """The last line that it wrote."""
        lines = self.log.read_text(errors="replace").splitlines()
        return lines[-1] if lines else "it wrote nothing"


class Fleet:
    """Starts processes. Ends with its context, and they with it."""

    def __init__(self, launcher: subprocess.Popen[str]) -> None:
        self._launcher = launcher
        self._started = 0

    def start(self, name: str, argv: Sequence[str], *, env: Mapping[str, str], folder: Path) -> Member:
        """Run a command of `cartograph` as a process of its own, with a new log in the folder.

        env: what it is told besides this program's own environment.
        """
        self._started += 1
        log = folder / f"{self._started:04}-{name}.log"
        log.touch()
        return self.run(argv, env={**os.environ, **env}, out=log, err=log)

    def run(
        self, argv: Sequence[str], *, env: Mapping[str, str], out: Path, err: Path, typed: Path = NOTHING
    ) -> Member:
        """Run a command as a process of its own. env: all that it is told; typed: what is on its standard input."""
        files = {"typed": str(typed), "out": str(out), "err": str(err)}
        return Member(self, self.ask({"argv": list(argv), "env": dict(env), **files})["pid"], err)

    def ask(self, request: dict[str, object]) -> dict[str, int]:
        """Ask the launcher."""
        assert self._launcher.stdin is not None
        assert self._launcher.stdout is not None
        self._launcher.stdin.write(json.dumps(request) + "\n")
        self._launcher.stdin.flush()
        answer: dict[str, int] = json.loads(self._launcher.stdout.readline())
        return answer


@contextmanager
def open_fleet() -> Iterator[Fleet]:
    """A fleet without any process yet. When this program ends, however it does, so do they."""
    command = [sys.executable, "-m", "tests.launcher"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as launcher:
        try:
            yield Fleet(launcher)
        finally:
            assert launcher.stdin is not None
            launcher.stdin.close()  # the end of its input is the end of it, and of every process that it started
