"""Folders in the user's cache that are whole or not there, however their builder ends.

lock beside the folder -> work folder beside it -> rename into place -> remove the oldest ones

Two builders of the same folder take turns. A builder that was killed leaves its work folder behind, but never its
lock; the next builder of that folder removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_KEPT_BUILDS = 3  # this one, and two more for switching between branches


@contextmanager
def held(lock: Path, options: int = 0) -> Iterator[None]:
    """Hold a lock file; it is made where there is none. Concurrency: waits, unless `options` has LOCK_NB."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | options)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def work_folder(result: Path) -> Iterator[Path]:
    """An empty folder on the same disk as `result`, gone afterwards. The caller holds the result's lock."""
    for abandoned in result.parent.glob(f"{result.name}.*.work"):  # we hold the lock, so its builder is gone
        shutil.rmtree(abandoned, ignore_errors=True)
    # a name of its own: what a killed builder started may go on writing in the old one for a while
    work = Path(tempfile.mkdtemp(prefix=f"{result.name}.", suffix=".work", dir=result.parent))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def prune(home: Path, *, keep: str) -> None:
    """Mark the folder `keep` as used now, and remove the folders of `home` that were used longest ago."""
    with suppress(OSError):  # somebody else's cache, which we only read, is not ours to clean
        os.utime(home / keep)  # the order of use
        _remove_oldest(home, keep)


def _remove_oldest(home: Path, keep: str) -> None:
    folders = sorted((path for path in home.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    abandoned = [path for path in folders if path.suffix == ".work"]
    others = [path for path in folders if not path.suffix and path.name != keep]
    for folder in [*abandoned, *others[: -(_KEPT_BUILDS - 1)]]:
        # whoever is building it keeps it
        with suppress(BlockingIOError), held(home / f"{folder.name.partition('.')[0]}.lock", fcntl.LOCK_NB):
            shutil.rmtree(folder, ignore_errors=True)
