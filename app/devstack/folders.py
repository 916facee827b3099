"""The data folder of one stack: its lock, its secrets, its logs.

    .cartograph/  lock  stack.json  secrets/  logs/  metrics/  postgres/  valkey/  stripe-ledger.jsonl

One stack per folder: the launcher holds a lock, and hands it to its watchdog, so that after a `kill -9` the folder
stays locked until the last server is gone. Whoever finds it locked by a launcher that is dead waits those seconds.

Nothing that exists and is not ours is touched: a folder with foreign files in it is refused.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import time
from pathlib import Path
from typing import Self

from app.devstack.faults import DISK_FIX, StackError, explain
from app.devstack.watchdog import birth_of, is_running

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_FOLDER = CHECKOUT / ".cartograph"
NEEDED_BYTES = 20_000_000  # logs, lock and what PostgreSQL writes in its first minute
SECRET_BYTES = 32  # 256 bits: the size of the keys that are derived from it
TAKEOVER_SECONDS = 8.0  # the watchdog of a killed launcher needs up to 5 to end its servers


class StackFolder:
    """A data folder that this process has locked. Close it when the last server has ended."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self.lock = lock

    @classmethod
    def open(cls, path: Path, *, port: int) -> Self:
        """Create or take over a data folder, and lock it.

        port: what the stack will answer on, for the message to a second launcher.
        Raises StackError: it cannot be written to, holds somebody else's files, is too full, or is in use.
        """
        path = Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow a link that the user chose
        _insist_on_suitable(path)
        try:
            path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            insist_on_space(path, NEEDED_BYTES)
            lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise explain(error, place=path) from error
        folder = cls(path, lock)
        try:
            folder._take_lock()
            os.ftruncate(lock, 0)
            os.pwrite(lock, json.dumps({"pid": os.getpid(), "born": birth_of(os.getpid()), "port": port}).encode(), 0)
            for name in ("logs", "secrets"):
                (path / name).mkdir(exist_ok=True, mode=0o755 if name == "logs" else 0o700)
        except OSError as error:
            folder.close()
            raise explain(error, place=path) from error
        except StackError:
            folder.close()
            raise
        return folder

    def close(self) -> None:
        os.close(self.lock)

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def emptied(self, name: str) -> Path:
        """Return a folder of that name with nothing in it."""
        shutil.rmtree(self.path / name, ignore_errors=True)
        (self.path / name).mkdir(exist_ok=True)
        return self.path / name

    def secret(self, name: str) -> str:
        """Return this stack's secret of that name: random, made once, readable for its user only."""
        path = self.path / "secrets" / name
        if not path.exists():
            partial = path.with_suffix(".partial")
            partial.unlink(missing_ok=True)
            lock = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(lock, "w", encoding="ascii") as file:  # noqa: PTH123 - opened with its mode, never readable before
                file.write(os.urandom(SECRET_BYTES).hex())
            partial.replace(path)
        return path.read_text(encoding="ascii")

    def _take_lock(self) -> None:
        give_up_at = time.monotonic() + TAKEOVER_SECONDS
        while True:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._complain_about_owner(last_try=time.monotonic() > give_up_at)
                time.sleep(0.1)
            else:
                return

    def _complain_about_owner(self, *, last_try: bool) -> None:
        try:
            owner = json.loads(os.pread(self.lock, 4096, 0))
            pid, born, port = int(owner["pid"]), owner["born"], int(owner["port"])
        except (ValueError, KeyError, TypeError):
            pid, born, port = 0, None, 0
        if pid and is_running(pid, born):
            raise StackError(
                f"a stack already runs on {self.path} (process {pid}, http://127.0.0.1:{port}): "
                "stop it, or start this one with another --data and --port"
            )
        if last_try:
            raise StackError(
                f"{self.path} is still held by the servers of a stack that was killed: try again in a few seconds"
            )


def insist_on_space(folder: Path, needed_bytes: int) -> None:
    """Refuse to begin what a full disk would end half-way."""
    found = os.statvfs(folder)
    free_bytes = found.f_bavail * found.f_frsize
    if free_bytes < needed_bytes:
        raise StackError(
            f"the disk is full: {folder} has {free_bytes // 1_000_000} MB left and {needed_bytes // 1_000_000} MB are "
            f"needed: {DISK_FIX}"
        )


def _insist_on_suitable(path: Path) -> None:
    if "\n" in str(path):
        raise StackError("the data folder has a line break in its path: choose another one with --data")
    try:
        if not path.exists():
            return
        if not path.is_dir():
            raise StackError(f"{path} is not a folder: choose another one with --data")
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        known = (path / "lock").exists() or path == DEFAULT_FOLDER
        if not known and any(entry.name != "lost+found" for entry in path.iterdir()):
            raise StackError(f"{path} has files in it that no stack made: choose a new or an empty folder with --data")
    except OSError as error:
        raise explain(error, place=path) from error
