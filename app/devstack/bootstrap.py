"""Make a fresh checkout able to run, then become the command that was asked for.

./run -> this file, under whatever Python the machine has -> .venv is made, or found unchanged -> execve

It needs the standard library and pip. uv comes from PATH or, by `pip install --target`, into .tools, so neither the
system's Python nor the home folder is written to; uv then fills .venv by the hashes in requirements-dev.txt.

The surprising rule: this file must *parse* on Python 3.6, because its first duty is to tell an old Python what is
missing. So no walrus, no `match`, no `from __future__ import annotations`, and generics in quotes.

What makes it repeatable: a stamp in .venv names the requirements, the Python and the folder it was made for. It is
removed before the first change and written after the last, so an interrupted installation is made again. A lock in
.tools, inherited by pip and uv, keeps two installations apart, also when the first one's launcher was killed.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
VENV_PYTHON = CHECKOUT / ".venv" / "bin" / "python"
STAMP = CHECKOUT / ".venv" / "cartograph.stamp"
OLDEST_PYTHON = (3, 11)
NEWER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")
UV_VERSION = "0.13.9"
OLDEST_UV = (0, 9)  # of a uv on PATH; older ones were not tried
UV_KNOWS_SYSTEM_CERTS = (0, 11)  # before, the switch was called UV_NATIVE_TLS
PIP_OPTIONS = (
    *("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--quiet", "--root-user-action=ignore"),
    *("--disable-pip-version-check", "--no-warn-conflicts", "--no-warn-script-location"),
)
LONGEST_CAUSE = 400  # characters of somebody else's error that still read as one line

# What would make .venv's Python another one than the one that was installed.
FOREIGN_PYTHON = {
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONDONTWRITEBYTECODE",  # without byte code every start compiles 40 packages again: 1.2 s of CPU per process
    "__PYVENV_LAUNCHER__",
}


class InstallError(Exception):
    """The checkout cannot be made to run: one line with cause and fix."""


def main(arguments: "list[str]") -> None:
    """Become the command; on a fault end with one line on stderr and exit code 1."""
    started_at = time.monotonic()
    try:
        if sys.version_info[:2] < OLDEST_PYTHON:
            python = newer_python(sys.version_info[:3])
            os.execv(python, [python, "-I", __file__, *arguments])  # noqa: S606 - no shell is wanted
        if not is_installed():
            install()
        become(arguments, started_at)
    except KeyboardInterrupt:
        sys.exit("cartograph: interrupted; the same command again goes on from here")
    except InstallError as error:
        sys.exit(f"cartograph: {error}")
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
    raise InstallError(
        "Python 3.11 or newer is needed and this is {}: install one, or set PYTHON=/path/to/python3.11".format(
            ".".join(map(str, version))
        )
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
        requirements = sha256((CHECKOUT / "requirements-dev.txt").read_bytes()).hexdigest()
    except OSError as error:
        raise InstallError(f"{error}: is this a whole checkout?") from error
    return f"{python}\nprogram {VENV_PYTHON.resolve()}\nfolder {CHECKOUT}\nrequirements {requirements}\n"


def install() -> None:
    """Make .venv what requirements-dev.txt says, alone in this checkout."""
    import fcntl

    tools = CHECKOUT / ".tools"
    tools.mkdir(exist_ok=True)
    with (tools / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("waiting for another installation in this checkout")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_installed():
            say("installing into {} (log: .tools/install.log)".format(CHECKOUT / ".venv"))
            Installation(tools, lock.fileno()).run()


def say(text: str) -> None:
    sys.stderr.write(f"cartograph: {text}\n")
    sys.stderr.flush()


class Installation:
    """One run of pip and uv, while the lock is held."""

    def __init__(self, tools: Path, lock: int) -> None:
        self.tools = tools
        self.lock = lock
        self.log = tools / "install.log"
        self.log.write_text("", encoding="utf-8")
        self.pip_settings = {}  # type: dict[str, str]

    def run(self) -> None:
        before = self.forget_stamp()
        self.pip_settings = self.read_pip_settings()
        uv, version = self.find_uv() or self.fetch_uv()
        environment = self.uv_environment(version)
        wanted = wanted_stamp(called_python())
        if before.splitlines()[:3] != wanted.splitlines()[:3] or not os.access(str(VENV_PYTHON), os.X_OK):
            venv = [uv, "venv", "--clear", "--no-project", "--python", sys.executable, str(CHECKOUT / ".venv")]
            self.insist(venv, environment, "make .venv")
        requirements = str(CHECKOUT / "requirements-dev.txt")
        sync = [uv, "pip", "sync", "--python", str(VENV_PYTHON), "--require-hashes", requirements]
        try:
            self.insist(sync, environment, "install requirements-dev.txt")
        except InstallError as error:
            if "certificate" not in str(error).lower() or "UV_SYSTEM_CERTS" in os.environ:
                raise
            # A machine without a store of certificates: uv carries one of its own.
            self.insist(sync, dict(environment, UV_SYSTEM_CERTS="0"), "install requirements-dev.txt")
        self.make_importable()
        self.write_stamp()

    def forget_stamp(self) -> str:
        """Return what the last whole installation was for, and leave .venv marked as unfinished."""
        before = read_stamp()
        if before:
            STAMP.unlink()
        return before

    def write_stamp(self) -> None:
        partial = STAMP.with_suffix(".partial")
        partial.write_text(wanted_stamp(called_python()), encoding="utf-8")
        partial.replace(STAMP)

    def make_importable(self) -> None:
        """Let .venv import the checkout from any working folder, as an editable installation would."""
        for packages in (CHECKOUT / ".venv" / "lib").glob("python3*/site-packages"):
            (packages / "cartograph.pth").write_text(f"{CHECKOUT}\n", encoding="utf-8")

    def find_uv(self) -> "tuple[str, tuple[int, ...]] | None":
        """Find a uv on PATH that starts and is new enough, or the one fetched before."""
        from shutil import which

        fetched = self.tools / ("uv-" + UV_VERSION) / "bin" / "uv"
        for candidate in (which("uv"), str(fetched)):
            if candidate is None or not os.access(candidate, os.X_OK):
                continue
            code, output = self.attempt([candidate, "--version"], dict(os.environ))
            words = output.split()
            if code == 0 and len(words) > 1 and words[0] == "uv":
                version = tuple(int(part) for part in words[1].split(".")[:2] if part.isdigit())
                if version >= OLDEST_UV:
                    return candidate, version
        return None

    def fetch_uv(self) -> "tuple[str, tuple[int, ...]]":
        """Let pip put uv into .tools; the folder gets its name last, so that half a download is never used."""
        from shutil import rmtree

        whole = self.tools / ("uv-" + UV_VERSION)
        partial = self.tools / ("uv-" + UV_VERSION + ".partial")
        for leftover in (whole, partial):
            rmtree(str(leftover), ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", *PIP_OPTIONS, "--target", str(partial), "uv==" + UV_VERSION]
        # Habits from pip's settings that --target cannot be combined with, or that forbid it outside a venv.
        environment = dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")
        code, output = self.attempt(pip, environment)
        if code and "No module named pip" in output:
            raise InstallError(
                f"{sys.executable} has no pip: install it (python3-pip), or put uv on PATH, and run again"
            )
        if code:
            raise InstallError(f"pip could not fetch uv {UV_VERSION}: {self.cause_and_fix(output)}")
        partial.replace(whole)
        self.link_uv(whole)
        return str(whole / "bin" / "uv"), tuple(int(part) for part in UV_VERSION.split(".")[:2])

    def link_uv(self, whole: Path) -> None:
        """Let others find it at .tools/bin/uv."""
        link = self.tools / "bin" / "uv"
        link.parent.mkdir(exist_ok=True)
        if link.is_symlink():
            link.unlink()
        link.symlink_to(Path("..") / whole.name / "bin" / "uv")

    def read_pip_settings(self) -> "dict[str, str]":
        """Read `index-url` and `cert`, wherever pip has them from: where pip gets through, uv must too."""
        from ast import literal_eval

        code, output = self.attempt([sys.executable, "-m", "pip", "config", "list"], dict(os.environ))
        found = {}
        for level in ("global.", "install.", ":env:.") if code == 0 else ():  # a later one wins, as in pip
            for line in output.splitlines():
                key, _, value = line.partition("=")
                if key in (level + "index-url", level + "cert"):
                    found[key[len(level) :]] = str(literal_eval(value))
        return found

    def uv_environment(self, version: "tuple[int, ...]") -> "dict[str, str]":
        """Say how uv reaches its packages; what the user has set for uv stays as it is."""
        environment = dict(os.environ)
        environment["UV_PYTHON_DOWNLOADS"] = "never"
        environment["UV_NO_PROGRESS"] = "1"
        # On the same disk as .venv, so that files are linked and not copied, and with no need of a home folder.
        environment.setdefault("UV_CACHE_DIR", str(self.tools / "uv-cache"))
        environment.setdefault("UV_SYSTEM_CERTS", "1")  # a machine's own certificate authority counts
        if version < UV_KNOWS_SYSTEM_CERTS:
            environment.setdefault("UV_NATIVE_TLS", "1")
        if "cert" in self.pip_settings:
            environment.setdefault("SSL_CERT_FILE", self.pip_settings["cert"])
        if "UV_INDEX_URL" not in environment and "index-url" in self.pip_settings:
            environment.setdefault("UV_DEFAULT_INDEX", self.pip_settings["index-url"])
        return environment

    def insist(self, command: "list[str]", environment: "dict[str, str]", purpose: str) -> None:
        code, output = self.attempt(command, environment)
        if code:
            raise InstallError(f"could not {purpose}: {self.cause_and_fix(output)}")

    def attempt(self, command: "list[str]", environment: "dict[str, str]") -> "tuple[int, str]":
        """Run to the end, into the log; the lock goes along, so that it outlives this process if it must."""
        try:
            done = subprocess.run(
                command,
                env=environment,
                cwd=str(self.tools),  # `python -m pip` looks into the working folder first
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(self.lock,),
                check=False,
            )
        except OSError as error:
            return 127, str(error)
        output = done.stdout.decode("utf-8", "replace")
        with self.log.open("a", encoding="utf-8") as log:
            log.write("$ {}\n{}".format(" ".join(command), output))
        return done.returncode, output

    def cause_and_fix(self, output: str) -> str:
        begin = max(output.find("error: "), output.find("ERROR: "), output.find("\u00d7"), 0)  # after the progress
        cause = " ".join(output[begin:].split())[:LONGEST_CAUSE] or "no reason was given"
        if "No space left" in output:
            return f"{cause}: free 1 GB there and run again"
        return f"{cause}: see {self.log}, mend the cause (network, proxy, pip's index-url) and run again"


if __name__ == "__main__":
    main(sys.argv[1:])
