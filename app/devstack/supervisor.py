"""Own the servers of a stack or a test run, and let none of them outlive this process.

    with Supervisor() as supervisor:
        server = supervisor.spawn("valkey", [program, "--port", "7000"], log=folder / "valkey.log")

spawn → the child waits at a gate → the watchdog learns its number → the gate opens → the program runs
close → newest first: ask, insist, kill → the watchdog ends too

The surprising rule: no child runs its program before the watchdog knows it. The gate is a shell that reads one line
from a pipe; were this process killed in between, the shell would read end of file and leave. So there is no moment at
which `kill -9` leaves a server behind.

One thread uses a Supervisor. Every child leads its own session: Ctrl-C in the terminal reaches this process only.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from app.devstack.account import Account

GATE = 'read -r go && exec "$@" </dev/null'
WATCHDOG = Path(__file__).with_name("watchdog.py")
STOP_SECONDS = 10.0  # a server that drains needs seconds; a person who pressed Ctrl-C has no more patience
INSIST_SECONDS = 3.0  # for the second signal, before SIGKILL
WATCHDOG_SECONDS = 10.0  # its own bound is 5
OUTPUT_BYTES = 65536  # of a log, to look for the reason of a failure
LOG_BYTES = 5_000_000  # a log longer than this is put aside when its child starts again
LAST_WORDS_LENGTH = 300  # characters that still read as one line


class Child:
    """A program that runs under a Supervisor."""

    def __init__(
        self,
        name: str,
        process: subprocess.Popen[bytes],
        *,
        log: Path,
        signals: tuple[signal.Signals, ...],
        stop_seconds: float,
    ) -> None:
        self.name = name
        self.pid = process.pid
        self.log = log
        self._signals = signals
        self._stop_seconds = stop_seconds
        self._process = process
        self._log_begins_at = log.stat().st_size

    def exit_code(self) -> int | None:
        """Return how it ended (negative: the signal that ended it), or None while it runs."""
        running = self._process.returncode is None
        code = self._process.poll()
        if running and code is not None:
            self._kill_group()
        return code

    def wait(self, *, timeout_seconds: float | None = None) -> int | None:
        """Wait for its end; None when it still runs after the timeout."""
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None
        self._kill_group()
        return self._process.returncode

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program alone, as the fault tests do: SIGSTOP, SIGCONT, SIGKILL."""
        if self.exit_code() is None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """Ask, insist, kill; return when it is gone, together with all that it started in its group."""
        for number, seconds in zip(self._signals, (self._stop_seconds, INSIST_SECONDS), strict=False):
            self.send(number)
            if self.wait(timeout_seconds=seconds) is not None:
                return
        self._kill_group()
        self.wait()

    def output(self) -> str:
        """Return the end of what it wrote since it was started."""
        with self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_begins_at, size - OUTPUT_BYTES))
            return log.read().decode("utf-8", "replace")

    def last_words(self) -> str:
        """Return the last line it wrote, which is where programs say why they end."""
        lines = [line.strip() for line in self.output().splitlines() if line.strip()]
        return lines[-1][:LAST_WORDS_LENGTH] if lines else "it wrote nothing"

    def _kill_group(self) -> None:
        # Right after its end was seen: its number cannot have gone round to another group's leader yet.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


class Supervisor:
    """Start programs and answer for their end. Usable as a context manager; `close` may be called twice.

    held_files: descriptors of locks that stay locked until the last child is gone, also after this process was killed.
    """

    def __init__(self, *, held_files: Sequence[int] = ()) -> None:
        self._children: list[Child] = []
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", str(WATCHDOG), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            pass_fds=tuple(held_files),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def spawn(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | str | None = None,
        account: Account | None = None,
        signals: Sequence[signal.Signals] = (signal.SIGTERM,),
        stop_seconds: float = STOP_SECONDS,
        niceness: int = 0,
    ) -> Child:
        """Start a program whose output goes to the end of `log`.

        signals: what it is stopped with, the gentle one first, which has `stop_seconds`; SIGKILL follows by itself.
        account: who it runs as; only root can choose. niceness: 0..19, 19 runs when nobody else wants to.
        A program that does not exist ends with exit code 127 and says so in the log.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_name(f"{log.name}.1"))
        with log.open("ab") as output:
            process = subprocess.Popen(
                ["/bin/sh", "-c", GATE, name, *map(str, argv)],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=env,
                cwd=cwd,
                start_new_session=True,
                user=account.user if account else None,
                group=account.group if account else None,
                extra_groups=() if account else None,
            )
        child = Child(name, process, log=log, signals=tuple(signals), stop_seconds=stop_seconds)
        self._children.append(child)
        if niceness:
            os.setpriority(os.PRIO_PROCESS, child.pid, niceness)
        self._tell("began", child.pid, [number.name for number in signals])
        _open_gate(process)
        return child

    def run(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        account: Account | None = None,
    ) -> Child:
        """Start a program as `spawn` does and wait for its end."""
        child = self.spawn(name, argv, log=log, env=env, cwd="/", account=account)
        child.wait()
        self.forget(child)
        return child

    def stop(self, child: Child) -> None:
        """Stop one child now; a child that has ended already is only forgotten."""
        child.stop()
        self.forget(child)

    def forget(self, child: Child) -> None:
        """Answer no longer for a child that has ended."""
        if child in self._children:
            self._children.remove(child)
            with contextlib.suppress(BrokenPipeError):  # somebody ended the watchdog: then we do without
                self._tell("ended", child.pid)

    def remove_at_end(self, folder: Path) -> None:
        """Remove a folder when all children are gone, also when this process was killed."""
        self._tell("remove", str(folder))

    @property
    def is_guarded(self) -> bool:
        """Whether the watchdog is there; without it a `kill -9` of this process would leave servers behind."""
        return self._watchdog.poll() is None

    def close(self) -> None:
        """Stop all children, the newest first, and wait until nothing of them is left."""
        for child in reversed(self._children.copy()):
            self.stop(child)
        assert self._watchdog.stdin is not None
        if not self._watchdog.stdin.closed:
            self._watchdog.stdin.close()
            self._watchdog.wait(WATCHDOG_SECONDS)

    def _tell(self, *words: object) -> None:
        assert self._watchdog.stdin is not None
        # One write below PIPE_BUF: the watchdog reads whole lines or none.
        os.write(self._watchdog.stdin.fileno(), json.dumps(words).encode("ascii") + b"\n")


def _open_gate(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # the shell could not start: its exit code and the log say why
        process.stdin.write(b"\n")
    process.stdin.close()
