"""What can go wrong with a stack, in words for the person who started it.

Every fault is one line that names the cause and the fix; `up` prints it and ends with exit code 1.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path


class StackError(Exception):
    """The stack cannot start or cannot go on."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


DISK_FIX = "free some space, or choose another disk with --data"


def explain(error: OSError, *, place: Path | None = None) -> StackError:
    """Put a refusal of the operating system into one line; a full disk is the one that everybody meets.

    place: what was worked on, where the error itself does not know.
    """
    name = error.filename or place
    where = f" at {name}" if name else ""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StackError(f"the disk is full{where}: {DISK_FIX}")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return StackError(f"{error.strerror}{where}: make it writable, or choose another folder with --data")
    return StackError(f"{error.strerror or error}{where}{': choose another folder with --data' if name else ''}")


def tells_of_full_disk(output: str) -> bool:
    """Tell whether a program that failed had no room to write: whatever else it says, that is the cause."""
    return os.strerror(errno.ENOSPC) in output
