"""Let other commands find the stack that runs: `./run import …` talks to the stack of `./run up`.

`up` writes stack.json when everything is ready and removes it when it ends. A launcher that was killed cannot remove
it, so whoever reads it looks whether that launcher is alive: by number *and* birth, because numbers are used again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from app.devstack.watchdog import birth_of, is_running

FILE_NAME = "stack.json"


def write_stack_file(folder: Path, environment: Mapping[str, str]) -> None:
    """Publish the environment of the stack that this process launched; only its own user may read it."""
    pid = os.getpid()
    content = {"launcher": {"pid": pid, "born": birth_of(pid)}, "environment": dict(environment)}
    partial = folder / f"{FILE_NAME}.partial"
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(content, file, indent=2)
    partial.replace(folder / FILE_NAME)


def remove_stack_file(folder: Path) -> None:
    (folder / FILE_NAME).unlink(missing_ok=True)


def running_stack(data: Path) -> dict[str, str] | None:
    """Return the environment of the stack that runs on this data folder, or None when none does.

    Also None for a file that is damaged, that another user may not read, or whose launcher is gone.
    """
    try:
        content = json.loads((data / FILE_NAME).read_bytes())
        launcher = content["launcher"]
        if not is_running(int(launcher["pid"]), launcher["born"]):
            return None
        return {str(name): str(value) for name, value in content["environment"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
