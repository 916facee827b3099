"""Make .venv what requirements-dev.txt says, with nothing but this Python and its pip.

lock → uv, from PATH or fetched by `pip install --target` → uv venv → uv pip sync by hashes → stamp

Neither the system's Python nor the home folder is written to: everything goes into .tools and .venv. The stamp is
removed before the first change and written after the last, so an interrupted installation is made again. The lock is
inherited by pip and uv: it keeps two installations apart also when the launcher of the first one was killed.

The surprising rule: it runs under the system's Python, before anything is installed, so it may import the standard
library and bootstrap.py only. No package index is named here; what pip uses is handed to uv.
"""

from __future__ import annotations

import ast
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from app.devstack.bootstrap import (
    CHECKOUT,
    REQUIREMENTS,
    STAMP,
    VENV_PYTHON,
    called_python,
    is_installed,
    read_stamp,
    wanted_stamp,
)

UV_VERSION = "0.13.9"
OLDEST_UV = (0, 9)  # of a uv on PATH; older ones were not tried
UV_KNOWS_SYSTEM_CERTS = (0, 11)  # before, the switch was called UV_NATIVE_TLS
PIP_OPTIONS = (
    *("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--quiet", "--root-user-action=ignore"),
    *("--disable-pip-version-check", "--no-warn-conflicts", "--no-warn-script-location"),
)
LONGEST_CAUSE = 400  # characters of somebody else's error that still read as one line


class InstallError(Exception):
    """The checkout cannot be made to run: one line with cause and fix."""


def install() -> None:
    """Make .venv whole, alone in this checkout; on a fault end with one line on stderr and exit code 1."""
    tools = CHECKOUT / ".tools"
    tools.mkdir(exist_ok=True)
    with (tools / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another installation in this checkout")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if is_installed():
            return
        _say(f"installing into {CHECKOUT / '.venv'} (log: .tools/install.log)")
        try:
            Installation(tools, lock.fileno()).run()
        except InstallError as error:
            sys.exit(f"cartograph: {error}")


def _say(text: str) -> None:
    print(f"cartograph: {text}", file=sys.stderr, flush=True)


class Installation:
    """One run of pip and uv, while the lock is held."""

    def __init__(self, tools: Path, lock: int) -> None:
        self.tools = tools
        self.lock = lock
        self.log = tools / "install.log"
        self.log.write_text("", encoding="utf-8")
        self.pip_settings: dict[str, str] = {}

    def run(self) -> None:
        before = self.forget_stamp()
        self.pip_settings = self.read_pip_settings()
        uv, version = self.find_uv() or self.fetch_uv()
        environment = self.uv_environment(version)
        wanted = wanted_stamp(called_python())
        if before.splitlines()[:3] != wanted.splitlines()[:3] or not os.access(VENV_PYTHON, os.X_OK):
            venv = [uv, "venv", "--clear", "--no-project", "--python", sys.executable, str(CHECKOUT / ".venv")]
            self.insist(venv, environment, "make .venv")
        sync = [uv, "pip", "sync", "--python", str(VENV_PYTHON), "--require-hashes", str(REQUIREMENTS)]
        try:
            self.insist(sync, environment, "install requirements-dev.txt")
        except InstallError as error:
            if "certificate" not in str(error).lower() or "UV_SYSTEM_CERTS" in os.environ:
                raise
            # A machine without a store of certificates: uv carries one of its own.
            self.insist(sync, {**environment, "UV_SYSTEM_CERTS": "0"}, "install requirements-dev.txt")
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

    def find_uv(self) -> tuple[str, tuple[int, ...]] | None:
        """Find a uv on PATH that starts and is new enough, or the one fetched before."""
        fetched = self.tools / f"uv-{UV_VERSION}" / "bin" / "uv"
        for candidate in (shutil.which("uv"), str(fetched)):
            if candidate is None or not os.access(candidate, os.X_OK):
                continue
            code, output = self.attempt([candidate, "--version"], dict(os.environ))
            words = output.split()
            if code == 0 and len(words) > 1 and words[0] == "uv":
                version = tuple(int(part) for part in words[1].split(".")[:2] if part.isdigit())
                if version >= OLDEST_UV:
                    return candidate, version
        return None

    def fetch_uv(self) -> tuple[str, tuple[int, ...]]:
        """Let pip put uv into .tools; the folder gets its name last, so that half a download is never used."""
        whole = self.tools / f"uv-{UV_VERSION}"
        partial = self.tools / f"uv-{UV_VERSION}.partial"
        for leftover in (whole, partial):
            shutil.rmtree(leftover, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", *PIP_OPTIONS, "--target", str(partial), f"uv=={UV_VERSION}"]
        # Habits from pip's settings that --target cannot be combined with, or that forbid it outside a venv.
        environment = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
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
        link.unlink(missing_ok=True)
        link.symlink_to(Path("..") / whole.name / "bin" / "uv")

    def read_pip_settings(self) -> dict[str, str]:
        """Read `index-url` and `cert`, wherever pip has them from: where pip gets through, uv must too."""
        code, output = self.attempt([sys.executable, "-m", "pip", "config", "list"], dict(os.environ))
        found = {}
        for level in ("global.", "install.", ":env:.") if code == 0 else ():  # a later one wins, as in pip
            for line in output.splitlines():
                key, _, value = line.partition("=")
                if key in (level + "index-url", level + "cert"):
                    found[key[len(level) :]] = str(ast.literal_eval(value))
        return found

    def uv_environment(self, version: tuple[int, ...]) -> dict[str, str]:
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

    def insist(self, command: list[str], environment: dict[str, str], purpose: str) -> None:
        code, output = self.attempt(command, environment)
        if code:
            raise InstallError(f"could not {purpose}: {self.cause_and_fix(output)}")

    def attempt(self, command: list[str], environment: dict[str, str]) -> tuple[int, str]:
        """Run to the end, into the log; the lock goes along, so that it outlives this process if it must."""
        try:
            done = subprocess.run(
                command,
                env=environment,
                cwd=self.tools,  # `python -m pip` looks into the working folder first
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
            log.write(f"$ {' '.join(command)}\n{output}")
        return done.returncode, output

    def cause_and_fix(self, output: str) -> str:
        begin = max(output.find("error: "), output.find("ERROR: "), output.find("\u00d7"), 0)  # after the progress
        cause = " ".join(output[begin:].split())[:LONGEST_CAUSE] or "no reason was given"
        if "No space left" in output:
            return f"{cause}: free 1 GB there and run again"
        return f"{cause}: see {self.log}, mend the cause (network, proxy, pip's index-url) and run again"
