"""Data folders: locked, private, and never somebody else's."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.devstack import folders
from app.devstack.faults import StackError
from app.devstack.folders import StackFolder

PORT = 8000


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[StackFolder]:
    opened = StackFolder.open(tmp_path / "data", port=PORT)
    yield opened
    opened.close()


def test_secrets_are_random_kept_and_private(folder: StackFolder) -> None:
    key = folder.secret("key")

    assert len(bytes.fromhex(key)) == 32
    assert folder.secret("key") == key
    assert folder.secret("another") != key
    assert (folder.path / "secrets" / "key").stat().st_mode & 0o777 == 0o600
    assert (folder.path / "secrets").stat().st_mode & 0o777 == 0o700


def test_an_emptied_folder_is_empty(folder: StackFolder) -> None:
    (folder.emptied("metrics") / "counter.db").touch()

    assert list(folder.emptied("metrics").iterdir()) == []


def test_a_folder_is_opened_again_after_it_was_closed(tmp_path: Path) -> None:
    StackFolder.open(tmp_path / "data", port=PORT).close()

    StackFolder.open(tmp_path / "data", port=PORT).close()


def test_a_folder_in_use_names_its_user_and_the_fix(folder: StackFolder) -> None:
    with pytest.raises(StackError) as raised:
        StackFolder.open(folder.path, port=1)

    assert str(raised.value) == (
        f"a stack already runs on {folder.path} (process {os.getpid()}, http://127.0.0.1:8000): "
        "stop it, or start this one with another --data and --port"
    )


def test_servers_of_a_killed_launcher_are_waited_for(folder: StackFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    # Held, as a watchdog holds it, but by a launcher that is dead.
    with subprocess.Popen(["true"]) as dead:
        pass
    os.ftruncate(folder.lock, 0)
    os.pwrite(folder.lock, json.dumps({"pid": dead.pid, "born": "1", "port": PORT}).encode(), 0)
    steps = []

    def step(seconds: float) -> None:
        steps.append(seconds)
        if len(steps) == 3:
            folder.close()
            folder.lock = os.dup(0)

    monkeypatch.setattr(folders.time, "sleep", step)
    StackFolder.open(folder.path, port=PORT).close()

    assert len(steps) == 3


def test_servers_that_never_end_are_not_waited_for_for_ever(
    folder: StackFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.ftruncate(folder.lock, 0)
    monkeypatch.setattr(folders, "TAKEOVER_SECONDS", 0.0)

    with pytest.raises(StackError, match="still held by the servers of a stack that was killed: try again"):
        StackFolder.open(folder.path, port=PORT)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StackError, match="file is not a folder: choose another one with --data"):
        StackFolder.open(tmp_path / "file", port=PORT)
    with pytest.raises(StackError, match="Not a directory at "):
        StackFolder.open(tmp_path / "file" / "below", port=PORT)


def test_files_that_no_stack_made_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()

    with pytest.raises(StackError, match="has files in it that no stack made"):
        StackFolder.open(tmp_path, port=PORT)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_path_with_a_line_break_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="line break"):
        StackFolder.open(tmp_path / "a\nb", port=PORT)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.call(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], stderr=subprocess.DEVNULL
    )
    if mounted != 0:
        pytest.skip("this user may not mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_is_too_small_is_refused_with_its_size(small_disk: Path) -> None:
    with pytest.raises(StackError, match=r"the disk is full: .* has 1 MB left and 20 MB are needed: free some space"):
        StackFolder.open(small_disk / "data", port=PORT)


def test_a_disk_that_fills_up_is_called_full(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "NEEDED_BYTES", 0)
    (small_disk / "data").mkdir()
    (small_disk / "data" / "lock").touch()
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(b"x" * 4096):
            pass

    with pytest.raises(StackError, match=r"the disk is full at .*: free some space, or choose another disk"):
        StackFolder.open(small_disk / "data", port=PORT)


def test_a_folder_that_cannot_be_written_to_is_refused(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    with pytest.raises(StackError, match=r"(denied|Read-only).* at .*: make it writable, or choose another folder"):
        StackFolder.open(small_disk / "data", port=PORT)
    with pytest.raises(StackError, match=r"denied at .*: make it writable, or choose another folder"):
        StackFolder.open(small_disk, port=PORT)


@pytest.mark.skipif(os.geteuid() == 0, reason="modes do not keep root out")
def test_a_folder_with_the_wrong_mode_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)

    with pytest.raises(StackError, match=r"Permission denied at .*/data: make it writable"):
        StackFolder.open(tmp_path / "data", port=PORT)
    with pytest.raises(StackError, match=r"Permission denied at .*/below: make it writable"):
        StackFolder.open(tmp_path / "data" / "below", port=PORT)
