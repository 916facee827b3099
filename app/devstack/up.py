"""`cartograph up`: the whole shop, in the foreground, until it is told to stop.

lock the data folder → start the stack → `ready: http://…` and where everything is → watch → stop in order

Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt wherever the launcher is, also half-way through a start; while it
stops they are ignored. What an interruption at the worst moment leaves over, the watchdog ends. Every failure is one
line on stderr that names the cause and the fix.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from app.devstack.faults import StackError, explain
from app.devstack.folders import StackFolder
from app.devstack.ports import insist_on_free
from app.devstack.stack import Programs, Stack
from app.devstack.supervisor import Supervisor

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STARTED_AT = "RUN_STARTED_AT"  # set by bootstrap.py: the monotonic clock when the person pressed Enter
LAST_PORT = 65535
MOST_WORKERS = 64  # as app/settings.py


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `up` was asked for. data: may be relative to the working folder. seed: fill an empty shop."""

    port: int
    data: Path
    workers: int
    seed: bool


def up(options: UpOptions, *, demo_logins: Sequence[tuple[str, str]] = (), programs: Programs | None = None) -> int:
    """Run a stack until it is interrupted; return the exit code: 0 after an interruption, 1 after a fault.

    demo_logins: e-mail and password of accounts in the demo shop, to be shown. Must run in the main thread.
    """
    began_at = float(os.environ.pop(STARTED_AT, "") or time.monotonic())
    try:
        with _interruptible():
            _run(options, demo_logins, programs or Programs(), began_at)
    except KeyboardInterrupt:
        _say("stopped")
        return 0
    except StackError as fault:
        return _fail(fault)
    except OSError as error:
        return _fail(explain(error))


def _run(options: UpOptions, logins: Sequence[tuple[str, str]], programs: Programs, began_at: float) -> NoReturn:
    if not 0 < options.port <= LAST_PORT:
        raise StackError(f"there is no port {options.port}: choose one between 1024 and {LAST_PORT} with --port")
    if not 0 < options.workers <= MOST_WORKERS:
        raise StackError(f"{options.workers} workers cannot be: choose between 1 and {MOST_WORKERS} with --workers")
    folder = StackFolder.open(options.data, port=options.port)
    try:
        insist_on_free(options.port)
        supervisor = Supervisor(held_files=(folder.lock,))
        stack = Stack(supervisor, folder, port=options.port, workers=options.workers, programs=programs)
        try:
            stack.start(seed=options.seed)
            _announce(stack, folder, logins, time.monotonic() - began_at)
            stack.watch()
        finally:
            for number in ENDING_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            stack.stop()
    finally:
        folder.close()


@contextmanager
def _interruptible() -> Iterator[None]:
    # SIGINT also where a shell's `&` handed it down ignored; SIGHUP not, because that is what nohup is for.
    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    for number in ENDING_SIGNALS:
        if number is not signal.SIGHUP or before[number] is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _announce(stack: Stack, folder: StackFolder, logins: Sequence[tuple[str, str]], seconds: float) -> None:
    url = f"http://127.0.0.1:{stack.port}"
    _say(f"ready: {url} ({seconds:.1f} s)")
    places = {
        "shop": f"{url}/",
        "explorer": f"{url}/graphql",
        "health": f"{url}/readyz",
        "e-mails": f"{url}/mail",
        "metrics": f"{url}/metrics",
        "Stripe emulator": stack.stripe_url,
        "logs": str(folder.path / "logs"),
    }
    for name, place in places.items():
        _say(f"  {name:<16} {place}")
    for email, password in logins:
        _say(f"  {'sign in as':<16} {email} with password {password}")
    _say("  Ctrl-C stops it")


def _say(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError:  # `./run up | head -1` has read enough, or the terminal is closed; the shop goes on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(fault: StackError) -> int:
    print(f"cartograph: {fault}", file=sys.stderr)
    return 1
