"""Decide whether a checkout is installed, have it installed if not, then become the command that was asked for.

./run → this file, under whatever Python the machine has → installation.py, unless .venv is unchanged → execve

It needs the standard library only. The surprising rule: this file must *parse* on Python 3.6, because its first duty
is to tell an old Python what is missing. So no walrus, no `match`, no `from __future__ import annotations`, and
generics in quotes. installation.py is loaded later, by a Python that is new enough.

A stamp in .venv names the requirements, the Python and the folder it was made for; comparing it costs a millisecond.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
REQUIREMENTS = CHECKOUT / "requirements-dev.txt"
VENV_PYTHON = CHECKOUT / ".venv" / "bin" / "python"
STAMP = CHECKOUT / ".venv" / "cartograph.stamp"
OLDEST_PYTHON = (3, 11)
NEWER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")

# What would make .venv's Python another one than the one that was installed.
FOREIGN_PYTHON = {
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONDONTWRITEBYTECODE",  # without byte code every start compiles 40 packages again: 1.2 s of CPU per process
    "__PYVENV_LAUNCHER__",
}


def main(arguments: "list[str]") -> None:
    """Become the command; on a fault end with one line on stderr and exit code 1."""
    started_at = time.monotonic()
    try:
        if sys.version_info[:2] < OLDEST_PYTHON:
            python = newer_python(sys.version_info[:3])
            os.execv(python, [python, "-I", __file__, *arguments])  # noqa: S606 - no shell is wanted
        if not is_installed():
            # Now that the Python is new enough, with a path to import our own modules from.
            sys.path.insert(0, str(CHECKOUT))
            from app.devstack.installation import install

            install()
        become(arguments, started_at)
    except KeyboardInterrupt:
        sys.exit("cartograph: interrupted; the same command again goes on from here")
    except OSError as error:
        sys.exit(f"cartograph: cannot install into {CHECKOUT}: {error}: make it writable, with 1 GB free")


def become(arguments: "list[str]", started_at: float) -> None:
    """Replace this process by .venv's Python running the command, so that signals reach it."""
    python = str(VENV_PYTHON)
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN_PYTHON}
    if arguments[:1] == ["test"]:
        os.chdir(str(CHECKOUT))
        command = [python, "-m", "pytest", *arguments[1:]]
    else:
        # -P: a folder called `app` where the user stands must not be taken for ours.
        command = [python, "-P", "-m", "app.cli", *(arguments or ["--help"])]
    if arguments[:1] == ["up"]:
        environment["RUN_STARTED_AT"] = repr(started_at)
    sys.stdout.flush()
    os.execve(python, command, environment)  # noqa: S606 - no shell is wanted


def newer_python(version: "tuple[int, ...]") -> str:
    """Find a Python that is new enough on PATH; the one that runs this file has `version`."""
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        for name in NEWER_PYTHONS:
            candidate = os.path.join(folder, name)  # noqa: PTH118 - an empty folder in PATH means "here"
            if os.access(candidate, os.X_OK) and is_new_enough(candidate):
                return candidate
    found = ".".join(map(str, version))
    sys.exit(
        f"cartograph: Python 3.11 or newer is needed and this is {found}: install one, "
        "or set PYTHON=/path/to/python3.11"
    )


def is_new_enough(python: str) -> bool:
    """Ask that Python itself: a version manager leaves launchers for versions that are not there."""
    question = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.call([python, "-I", "-c", question], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def is_installed() -> bool:
    """Tell whether .venv is whole and made for these requirements, in this folder, by a Python that is still there.

    A different `python3` on PATH is no reason to make it anew, only one that the user named by PYTHON: .venv would
    change under a running stack as often as somebody starts a command from a folder with another default Python.
    """
    stamp = read_stamp()
    python = called_python() if os.environ.get("PYTHON") else stamp.partition("\n")[0]
    return bool(stamp) and stamp == wanted_stamp(python) and os.access(str(VENV_PYTHON), os.X_OK)


def read_stamp() -> str:
    try:
        return STAMP.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def called_python() -> str:
    return f"python {sys.version_info[0]}.{sys.version_info[1]}"


def wanted_stamp(python: str) -> str:
    """Say what .venv must have been made for: a change in any line means another installation."""
    from hashlib import sha256

    try:
        requirements = sha256(REQUIREMENTS.read_bytes()).hexdigest()
    except OSError as error:
        sys.exit(f"cartograph: {error}: is this a whole checkout?")
    return f"{python}\nprogram {VENV_PYTHON.resolve()}\nfolder {CHECKOUT}\nrequirements {requirements}\n"


if __name__ == "__main__":
    main(sys.argv[1:])
