"""Folders that every account can enter, and whole stacks with stand-ins for our own programs."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.devstack.folders import CHECKOUT
from app.devstack.ports import pick_port
from app.devstack.postgres import PostgresServer
from app.devstack.supervisor import Supervisor

STAND_IN = Path(__file__).with_name("stand_in.py")
LAUNCHER = f"""
import sys
from pathlib import Path
from app.devstack.stack import Programs
from app.devstack.up import UpOptions, up
stand_in = (sys.executable, {str(STAND_IN)!r})
options = UpOptions(port=int(sys.argv[1]), data=Path(sys.argv[2]), workers=1, seed="--no-seed" not in sys.argv)
programs = Programs(stand_in, (*stand_in, "emulator"), (*stand_in, "explorer"))
sys.exit(up(options, demo_logins=[("ada@example.com", "a demo password")], programs=programs))
"""
PATIENCE_SECONDS = 60  # nothing here is slow; a machine may be


class Launch:
    """One `up` in a process of its own."""

    def __init__(self, data: Path, arguments: tuple[str, ...], port: int, environment: dict[str, str], output: int):
        self.data = data
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, str(port), str(data), *arguments],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.put(line.rstrip("\n"))
        self._lines.put("")

    def wait_ready(self) -> list[str]:
        """Return what it printed, up to the last line of the announcement."""
        lines: list[str] = []
        while not lines or "Ctrl-C" not in lines[-1]:
            line = self._lines.get(timeout=PATIENCE_SECONDS)
            assert line, f"it ended: {self.wait()}"
            lines.append(line)
        return lines

    def wait(self) -> tuple[int, str]:
        """Return its exit code and what it wrote to stderr."""
        code = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        if self.process.stdout:
            self.process.stdout.close()
        errors = self.process.stderr.read()
        self.process.stderr.close()
        return code, errors

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        self.process.send_signal(number)
        return self.wait()

    def survivors(self) -> list[str]:
        """Return the command lines of everything that still runs for this data folder."""
        mark = f"CARTOGRAPH_DATA_DIR={self.data}\0".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                command = (entry / "cmdline").read_bytes()
                if command and (str(self.data).encode() in command or mark in (entry / "environ").read_bytes()):
                    found.append(command.replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found


def wait_until(condition: Callable[[], bool], what: str) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < give_up_at, f"never happened: {what}"
        time.sleep(0.02)


@pytest.fixture(scope="session", name="wait_until")
def _wait_until() -> Callable[[Callable[[], bool], str], None]:
    return wait_until


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's account can enter; pytest's own are closed to everybody else."""
    yield from _open_folder()


@pytest.fixture(scope="session")
def session_folder() -> Iterator[Path]:
    yield from _open_folder()


def _open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="devstack-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def launch() -> Iterator[Callable[..., Launch]]:
    """Start `up` on a data folder; whatever a test leaves running is ended."""
    launches: list[Launch] = []

    def start(
        data: Path,
        *arguments: str,
        port: int | None = None,
        environment: dict[str, str] | None = None,
        output: int = subprocess.PIPE,
    ) -> Launch:
        launches.append(Launch(data, arguments, port or pick_port(), environment or {}, output))
        return launches[-1]

    yield start
    for one in launches:
        if one.process.poll() is None:
            one.end()
        elif not one.process.stderr.closed:
            one.wait()


@pytest.fixture(scope="session")
def stack_folder(session_folder: Path) -> Path:
    """The data folder that the tests of `up` share, one after the other: making a database takes longer than they."""
    return session_folder / "stack"


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor() as started:
        yield started


@pytest.fixture(scope="session")
def postgres(session_folder: Path) -> Iterator[PostgresServer]:
    with Supervisor() as started:
        server = PostgresServer(started, session_folder / "postgres", durable=False)
        server.start()
        yield server
