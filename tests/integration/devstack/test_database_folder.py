"""Folders that no server should be started on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.devstack.account import Account, postgres_account
from app.devstack.database_folder import check_database_folder, clear_left_lock
from app.devstack.faults import StackError


@pytest.fixture
def account() -> Account | None:
    return postgres_account()


@pytest.fixture
def database(tmp_path: Path, account: Account | None) -> Path:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("18\n")
    if account:
        os.chown(folder, account.user, account.group)
    return folder


@pytest.fixture
def install(tmp_path: Path) -> Path:
    (tmp_path / "install" / "include").mkdir(parents=True)
    (tmp_path / "install" / "include" / "pg_config.h").write_text('#define PG_MAJORVERSION "18"\n')
    return tmp_path / "install"


def test_a_whole_database_is_accepted(database: Path, install: Path, account: Account | None) -> None:
    check_database_folder(database, install=install, account=account)


def no_version(folder: Path) -> None:
    (folder / "PG_VERSION").unlink()


def old_version(folder: Path) -> None:
    (folder / "PG_VERSION").write_text("16\n")


def garbled_version(folder: Path) -> None:
    (folder / "PG_VERSION").write_bytes(b"\xff\0\n")


def empty_version(folder: Path) -> None:
    (folder / "PG_VERSION").write_text("")


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (no_version, "PG_VERSION is missing"),
        (old_version, "made by PostgreSQL 16 and this is PostgreSQL 18"),
        (garbled_version, "made by PostgreSQL"),
        (empty_version, r"made by PostgreSQL \? "),
    ],
)
def test_a_damaged_or_foreign_database_is_refused(
    database: Path, install: Path, account: Account | None, damage: Callable[[Path], None], cause: str
) -> None:
    damage(database)

    with pytest.raises(StackError, match=rf"{cause}.*: remove it to begin afresh"):
        check_database_folder(database, install=install, account=account)


def test_a_file_in_its_place_is_refused(tmp_path: Path, install: Path, account: Account | None) -> None:
    (tmp_path / "postgres").write_text("")

    with pytest.raises(StackError, match="is not a folder"):
        check_database_folder(tmp_path / "postgres", install=install, account=account)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_database_of_another_user_is_refused(database: Path, install: Path, account: Account) -> None:
    os.chown(database, 4242, 4242)

    with pytest.raises(StackError, match=f"belongs to 4242 and PostgreSQL would run as {account.name}"):
        check_database_folder(database, install=install, account=account)


def test_a_lock_left_by_a_server_that_is_gone_is_removed(database: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    (database / "postmaster.pid").write_text(f"{ended.pid}\n{database}\n")

    clear_left_lock(database)

    assert not (database / "postmaster.pid").exists()


def test_the_program_that_has_its_number_now_is_left_alone(database: Path) -> None:
    with subprocess.Popen(["sleep", "1000"]) as other:
        (database / "postmaster.pid").write_text(f"{other.pid}\n{database}\n")

        clear_left_lock(database)

        assert other.poll() is None
        other.kill()
    assert not (database / "postmaster.pid").exists()


def test_a_lock_that_cannot_be_read_is_left_to_postgresql(database: Path) -> None:
    (database / "postmaster.pid").write_text("nonsense")

    clear_left_lock(database)

    assert (database / "postmaster.pid").read_text() == "nonsense"
