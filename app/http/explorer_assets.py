"""Where the built explorer lies, and how its build is doing.

web/ + docs/examples/ of a checkout -> digest -> <cache>/explorer/<digest>/        dist/, status.json, build.log
                                                 <cache>/explorer/<digest>.lock    held while somebody builds

`app/devstack/explorer.py` writes there and the pages read, so both agree here on the places. An installed package may
carry a build of its own in `app/http/explorer_dist/`; that one is looked at first.

The surprising rule: a status of "building" is believed only while the lock is held. A builder that was killed leaves
its status behind, but never its lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

import msgspec

PACKAGED_DIST = Path(__file__).parent / "explorer_dist"
_BUILD_FORMAT = b"1"  # counted up when the builder makes something else of the same sources
_NOT_SOURCES = frozenset({"node_modules", "dist"})


class BuildState(Enum):
    """How far the explorer is."""

    READY = "ready"
    BUILDING = "building"
    FAILED = "failed"
    MISSING = "missing"


class BuildStatus(msgspec.Struct, frozen=True):
    """What `status.json` holds.

    since: when the build began, aware; None where nobody wrote it down.
    message: the step under way while building, the cause and what to do about it after a failure.
    """

    state: BuildState
    since: datetime | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class ExplorerAssets:
    """One build of the explorer: there, under way, failed or not begun.

    folder: where the builder works; None for a build that came with the package.
    """

    dist: Path
    folder: Path | None = None

    def status(self) -> BuildStatus:
        """How far the build is. Reads two small files at most; a folder that cannot be read counts as missing."""
        try:
            if (self.dist / "index.html").is_file():
                return BuildStatus(BuildState.READY)
            if self.folder is None:
                return BuildStatus(BuildState.MISSING)
            written = msgspec.json.decode((self.folder / "status.json").read_bytes(), type=BuildStatus)
            if written.state is BuildState.BUILDING and not _is_held(lock_file(self.folder)):
                return BuildStatus(BuildState.MISSING)
        except (OSError, msgspec.DecodeError):
            return BuildStatus(BuildState.MISSING)
        return written if written.state is not BuildState.READY else BuildStatus(BuildState.MISSING)


def locate_explorer(environ: Mapping[str, str]) -> ExplorerAssets | None:
    """The explorer that belongs to this program; None where it was installed without one and without its sources."""
    if (PACKAGED_DIST / "index.html").is_file():
        return ExplorerAssets(PACKAGED_DIST)
    checkout = find_checkout()
    return None if checkout is None else checkout_explorer(checkout, environ)


def checkout_explorer(checkout: Path, environ: Mapping[str, str]) -> ExplorerAssets:
    """The explorer that a checkout's sources build, built or not."""
    folder = cache_folder(checkout, environ) / "explorer" / sources_digest(checkout)
    return ExplorerAssets(folder / "dist", folder)


def find_checkout() -> Path | None:
    """The checkout that this module is part of; None in an installed package."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "web" / "package.json").is_file() else None


def cache_folder(checkout: Path, environ: Mapping[str, str]) -> Path:
    """Where built things and downloads go: the user's cache, or the checkout where that cannot be written.

    Source: XDG Base Directory Specification: an XDG_CACHE_HOME that is not absolute is ignored.
    """
    named, home = environ.get("XDG_CACHE_HOME", ""), environ.get("HOME", "")
    base = Path(named) if named.startswith("/") else Path(home) / ".cache"
    if base.is_absolute() and _is_writable(base):
        return base / "cartograph"
    return checkout / ".cartograph" / "cache"


def sources_digest(checkout: Path) -> str:
    """A name for what the build is made from: equal sources, equal name."""
    digest = hashlib.sha256(_BUILD_FORMAT)
    for path in sorted(_sources(checkout)):
        content = path.read_bytes()
        digest.update(f"\n{path.relative_to(checkout).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def lock_file(folder: Path) -> Path:
    """The file whose lock the builder of a folder holds. It lies beside the folder, which may be deleted."""
    return folder.with_name(f"{folder.name}.lock")


def _sources(checkout: Path) -> Iterator[Path]:
    for top in (checkout / "web", checkout / "docs" / "examples"):
        for parent, folders, files in os.walk(top):
            folders[:] = [name for name in folders if name not in _NOT_SOURCES]
            yield from (Path(parent, name) for name in files)


def _is_writable(folder: Path) -> bool:
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _is_held(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
