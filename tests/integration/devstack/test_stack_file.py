"""stack.json: who may believe it, and when."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from app.devstack.stack_file import FILE_NAME, remove_stack_file, running_stack, write_stack_file


def test_the_environment_of_a_running_stack_is_found(tmp_path: Path) -> None:
    write_stack_file(tmp_path, {"DATABASE_URL": "postgresql://…"})

    assert running_stack(tmp_path) == {"DATABASE_URL": "postgresql://…"}
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_a_stack_that_ended_is_not_found(tmp_path: Path) -> None:
    write_stack_file(tmp_path, {})

    remove_stack_file(tmp_path)
    remove_stack_file(tmp_path)

    assert running_stack(tmp_path) is None


def test_a_stack_whose_launcher_was_killed_is_not_found(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    rewrite(tmp_path, pid=ended.pid)

    assert running_stack(tmp_path) is None


def test_a_stack_whose_launchers_number_belongs_to_another_process_is_not_found(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "1000"]) as another:
        rewrite(tmp_path, pid=another.pid)

        assert running_stack(tmp_path) is None
        another.kill()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"launcher": {}}', '{"launcher": {"pid": "x"}}'])
def test_a_damaged_file_is_no_stack(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)

    assert running_stack(tmp_path) is None


def test_no_folder_is_no_stack(tmp_path: Path) -> None:
    assert running_stack(tmp_path / "nowhere") is None


def rewrite(folder: Path, *, pid: int) -> None:
    write_stack_file(folder, {"DATABASE_URL": "postgresql://…"})
    assert running_stack(folder) is not None, "vacuous: it is not found anyway"
    content = json.loads((folder / FILE_NAME).read_text())
    content["launcher"]["pid"] = pid
    (folder / FILE_NAME).write_text(json.dumps(content))
