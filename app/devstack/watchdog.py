"""End every server of a launcher that is gone, however it went.

launcher starts it first → one line of JSON per child that begins or ends → end of input: the launcher is gone

It runs as a script of its own, in a session of its own, so that neither Ctrl-C nor the `kill -9` of the launcher's
group reaches it. The surprising rule: end of input alone is not trusted. A child that forks without `exec` keeps the
pipe open, so the watchdog also looks whether its parent is still the launcher.

Everything is over within 5 seconds, because that is how soon somebody starts the next stack. Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LOOK_SECONDS = 1.0  # how long a launcher's death can go unseen when the pipe was kept open
POLITE_SECONDS = 2.5  # after the first signal: enough for PostgreSQL's checkpoint and open requests
FIRM_SECONDS = 1.0  # after the second; with the rest, under 5 seconds in all
STEP_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Ward:
    """A child to end: how it wants to be asked, and when it was born, so that its number's next owner is left alone."""

    pid: int
    born: str | None
    signals: tuple[signal.Signals, ...]

    def is_running(self) -> bool:
        return is_running(self.pid, self.born)

    def send(self, number: signal.Signals) -> None:
        if self.is_running():
            _send(os.kill, self.pid, number)

    def kill_group(self) -> None:
        """SIGKILL to what is left of the child's process group, the child included."""
        if birth_of(self.pid) in {None, self.born}:
            _send(os.killpg, self.pid, signal.SIGKILL)


def birth_of(pid: int) -> str | None:
    """Say when the process with this number began, in clock ticks since boot; None when it is dead or none knows.

    Number and birth together name one process for good. Source: proc(5), /proc/pid/stat, fields 3 and 22.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


def is_running(pid: int, born: str | None) -> bool:
    """Tell whether the process that was born then is still there, and not another one with its number."""
    if Path("/proc/self/stat").exists():
        return born is not None and birth_of(pid) == born
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _send(send: Callable[[int, int], None], pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        send(pid, number)


def watch(launcher: int) -> tuple[list[Ward], list[Path]]:
    """Listen until the launcher is gone; return what it left behind: children, and folders to remove."""
    wards: dict[int, Ward] = {}
    folders: list[Path] = []
    rest = b""
    while True:
        readable, _, _ = select.select([0], [], [], LOOK_SECONDS)
        if not readable:
            if os.getppid() != launcher:
                break
            continue
        chunk = os.read(0, 65536)
        if not chunk:
            break
        *lines, rest = (rest + chunk).split(b"\n")
        for word, value, *more in map(json.loads, lines):
            if word == "began":
                wards[value] = Ward(value, birth_of(value), tuple(signal.Signals[name] for name in more[0]))
            elif word == "ended":
                wards.pop(value, None)
            elif word == "remove":
                folders.append(Path(value))
    return list(wards.values()), folders


def end(wards: list[Ward]) -> None:
    """Ask the newest first, insist, then kill with everything they started."""
    for step, patience_seconds in enumerate((POLITE_SECONDS, FIRM_SECONDS)):
        for ward in reversed(wards):
            if step < len(ward.signals):
                ward.send(ward.signals[step])
        give_up_at = time.monotonic() + patience_seconds
        while time.monotonic() < give_up_at and any(ward.is_running() for ward in wards):
            time.sleep(STEP_SECONDS)
    for ward in reversed(wards):
        ward.kill_group()


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # it ends when its work is done, and not before
    wards, folders = watch(int(sys.argv[1]))
    end(wards)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
