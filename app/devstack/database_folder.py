"""What a folder with a PostgreSQL database must be before a server is started on it.

PostgreSQL finds the same faults itself and says so in its log, in its own words; here they get a cause and a fix.
"""

from __future__ import annotations

import os
import pwd
import signal
import time
from pathlib import Path

from app.devstack.account import Account
from app.devstack.faults import StackError
from app.devstack.watchdog import birth_of, is_running

STOP_SECONDS = 10.0  # a server that was left behind, from SIGINT to SIGQUIT


def check_database_folder(folder: Path, *, install: Path, account: Account | None) -> None:
    """Refuse a folder that holds no database, one of another version, or one of another user."""
    if not folder.is_dir():
        raise StackError(f"{folder} is not a folder: remove it to begin afresh")
    owner = folder.stat().st_uid
    expected = account.user if account else os.geteuid()
    if owner != expected:
        raise StackError(
            f"the database in {folder} belongs to {_name_of(owner)} and PostgreSQL would run as {_name_of(expected)}: "
            "start as the user who made it, or choose another folder with --data"
        )
    try:
        version = (folder / "PG_VERSION").read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        raise StackError(f"{folder} holds no database (PG_VERSION is missing): remove it to begin afresh") from None
    ours = _major_version(install)
    if version != ours:
        raise StackError(
            f"the database in {folder} was made by PostgreSQL {version or '?'} and this is PostgreSQL {ours}: "
            "remove it to begin afresh, or choose another folder with --data"
        )


def clear_left_lock(folder: Path) -> None:
    """Remove a postmaster.pid whose server is gone, and stop a server that was left running on this folder.

    PostgreSQL trusts the number in that file: in a container, where numbers are small and start over, it would take
    any program with that number for its own server and refuse to start. The caller holds the stack's lock, so a
    server that is really there has lost its launcher and its watchdog.
    """
    path = folder / "postmaster.pid"
    try:
        pid = int(path.read_text(encoding="utf-8").split("\n", 1)[0])
        if Path(f"/proc/{pid}/cwd").samefile(folder):  # where a server stands from its first moment to its last
            _stop(pid)
    except FileNotFoundError:
        pass
    except (OSError, ValueError):
        return  # PostgreSQL says what it thinks of it
    if Path("/proc/self/stat").exists():
        path.unlink(missing_ok=True)


def _stop(pid: int) -> None:
    born = birth_of(pid)
    for number in (signal.SIGINT, signal.SIGQUIT):
        give_up_at = time.monotonic() + STOP_SECONDS
        if is_running(pid, born):
            os.kill(pid, number)
        while is_running(pid, born) and time.monotonic() < give_up_at:
            time.sleep(0.05)


def _major_version(install: Path) -> str:
    # The header of the same build; asking the program would take longer than starting it.
    for line in (install / "include" / "pg_config.h").read_text(encoding="utf-8").splitlines():
        if line.startswith("#define PG_MAJORVERSION "):
            return line.split('"')[1]
    raise StackError(f"{install} is no installation of PostgreSQL: remove .venv and start again")


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
