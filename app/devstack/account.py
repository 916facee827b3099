"""Who PostgreSQL runs as.

It refuses to run as root, and `initdb` wants a user that has a name. So under root it runs as `nobody`, which every
system has; everybody else runs it as themselves. What `nobody` can reach is asked of the system by trying, because
modes alone do not tell: there are access lists, mount options and security modules.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from app.devstack.faults import StackError

UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this system that a child runs as, without further groups."""

    name: str
    user: int
    group: int

    def can_enter(self, folder: Path) -> bool:
        return self._succeeds(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)])

    def can_run(self, program: Path) -> bool:
        return self._succeeds([str(program), "--version"])

    def _succeeds(self, argv: list[str]) -> bool:
        try:
            done = subprocess.run(
                argv,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                user=self.user,
                group=self.group,
                extra_groups=(),
                check=False,
            )
        except OSError:
            return False
        return done.returncode == 0


def postgres_account() -> Account | None:
    """Return the account that PostgreSQL must run as, or None when it can run as this process does."""
    if os.geteuid() != 0:
        _insist_on_name(os.geteuid())
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise StackError(
            f"PostgreSQL refuses to run as root and there is no user {UNPRIVILEGED!r}: start as an ordinary user"
        ) from None
    account = Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    if not account.can_enter(Path("/")):
        raise StackError(
            f"PostgreSQL refuses to run as root and this root may not become {UNPRIVILEGED!r}: "
            "start as an ordinary user"
        )
    return account


def _insist_on_name(user: int) -> None:
    try:
        pwd.getpwuid(user)
    except KeyError:
        raise StackError(
            f"PostgreSQL wants a user with a name and user {user} has none: "
            "add one to /etc/passwd, or start as another user"
        ) from None
