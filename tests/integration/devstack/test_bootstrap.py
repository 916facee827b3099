"""./run, bootstrap.py and installation.py, in a checkout of their own with stand-ins for uv and for .venv's Python.

The stand-ins keep the tests off the network and let them hold an installation at its worst moment.
"""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from app.devstack import bootstrap
from app.devstack.folders import CHECKOUT

WaitUntil = Callable[[Callable[[], bool], str], None]

MODULES = ("__init__", "bootstrap", "installation")  # all that may be imported before anything is installed
PYTHON = """#!/bin/sh
echo "cwd=$PWD"
for word; do echo "word=$word"; done
echo "path=${PYTHONPATH-unset} timed=${RUN_STARTED_AT:+yes}"
"""
UV = """#!/bin/sh
cd "$(dirname "$0")"
case "$1 $2" in
    "--version ") echo "uv 0.13.9 (stand-in)" ;;
    "venv --clear")
        echo venv >> calls
        for venv; do :; done
        rm -rf "$venv"
        mkdir -p "$venv/bin" "$venv/lib/python3.11/site-packages"
        cp venv-python "$venv/bin/python" ;;
    "pip sync")
        env > environment
        echo sync >> calls
        if [ -e fault ]; then cat fault >&2; exit 2; fi
        while [ -e hold ]; do sleep 0.02; done
        echo synced >> calls ;;
esac
"""


class Checkout:
    """A checkout with nothing in it but what ./run needs, and the stand-ins on PATH."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "a check out"
        self.bin = folder / "bin"
        venv.create(folder, symlinks=True)  # its Python has no pip, which half a second per call would be spent in
        (self.path / "app" / "devstack").mkdir(parents=True)
        shutil.copy(CHECKOUT / "run", self.path)
        for needed in ("app/__init__.py", *(f"app/devstack/{name}.py" for name in MODULES)):
            shutil.copy(CHECKOUT / needed, self.path / needed)
        (self.path / "requirements-dev.txt").write_text("mug==1\n")
        for name, script in (("uv", UV), ("venv-python", PYTHON)):
            (self.bin / name).write_text(script)
            (self.bin / name).chmod(0o755)
        (folder / "pip.conf").write_text("[global]\nindex-url = http://127.0.0.1:9/simple\n")
        self.environment = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(folder),
            "PIP_CONFIG_FILE": str(folder / "pip.conf"),
            "PYTHONPATH": "/elsewhere",
        }

    def start(self, *arguments: str, program: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(program or self.path / "run"), *arguments],
            env=self.environment | environment,
            cwd=self.bin.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, program: Path | None = None, **environment: str) -> tuple[int, list[str], str]:
        started = self.start(*arguments, program=program, **environment)
        output, errors = started.communicate(timeout=60)
        return started.returncode, output.splitlines(), errors

    def calls(self) -> list[str]:
        path = self.bin / "calls"
        return path.read_text().split() if path.exists() else []

    def uv_environment(self) -> dict[str, str]:
        lines = (self.bin / "environment").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def words(output: list[str]) -> list[str]:
    return [line.removeprefix("word=") for line in output if line.startswith("word=")]


def test_the_first_run_installs_and_later_ones_do_not(checkout: Checkout) -> None:
    code, output, errors = checkout.run("import", "two words.csv")

    assert (code, errors.count("\n")) == (0, 1)
    assert errors.startswith(f"cartograph: installing into {checkout.path / '.venv'} ")
    assert words(output) == ["-P", "-m", "app.cli", "import", "two words.csv"]
    assert output[0] == f"cwd={checkout.bin.parent}", "a relative FILE is looked for where the user stands"
    assert output[-1] == "path=unset timed="
    assert checkout.calls() == ["venv", "sync", "synced"]
    [pth] = (checkout.path / ".venv").glob("lib/python3*/site-packages/cartograph.pth")
    assert pth.read_text() == f"{checkout.path}\n"

    code, output, errors = checkout.run()

    assert (code, errors) == (0, "")
    assert words(output) == ["-P", "-m", "app.cli", "--help"]
    assert checkout.run("up")[1][-1] == "path=unset timed=yes"
    assert checkout.calls() == ["venv", "sync", "synced"]


def test_test_runs_pytest_in_the_checkout(checkout: Checkout) -> None:
    output = checkout.run("test", "-k", "a or b")[1]

    assert output[0] == f"cwd={checkout.path}"
    assert words(output) == ["-m", "pytest", "-k", "a or b"]


def test_it_can_be_called_through_links(checkout: Checkout) -> None:
    (checkout.bin / "first").symlink_to(checkout.path / "run")
    (checkout.bin / "second").symlink_to("first")

    assert words(checkout.run("doctor", program=checkout.bin / "second")[1])[-1] == "doctor"


def test_uv_is_told_where_packages_come_from(checkout: Checkout) -> None:
    (checkout.bin.parent / "pyvenv.cfg").unlink()  # now its Python is the system's, which has pip
    checkout.run(PIP_CERT="/certificates.pem")
    told = checkout.uv_environment()

    assert told["UV_DEFAULT_INDEX"] == "http://127.0.0.1:9/simple"
    assert told["SSL_CERT_FILE"] == "/certificates.pem"
    assert told["UV_PYTHON_DOWNLOADS"] == "never"
    assert told["UV_SYSTEM_CERTS"] == "1"
    assert told["UV_CACHE_DIR"] == str(checkout.path / ".tools" / "uv-cache")


def test_what_the_user_set_for_uv_stays(checkout: Checkout) -> None:
    checkout.run(UV_INDEX_URL="http://127.0.0.1:8/mine", UV_SYSTEM_CERTS="0", UV_CACHE_DIR="/cache")
    told = checkout.uv_environment()

    assert "UV_DEFAULT_INDEX" not in told
    assert (told["UV_INDEX_URL"], told["UV_SYSTEM_CERTS"], told["UV_CACHE_DIR"]) == (
        *("http://127.0.0.1:8/mine", "0", "/cache"),
    )


def test_changed_requirements_are_installed_into_the_same_venv(checkout: Checkout) -> None:
    checkout.run()
    (checkout.path / "requirements-dev.txt").write_text("mug==2\n")

    assert checkout.run()[0] == 0
    assert checkout.calls() == ["venv", "sync", "synced", "sync", "synced"]


def test_a_checkout_that_was_moved_is_installed_again(checkout: Checkout) -> None:
    checkout.run()
    checkout.path = checkout.path.rename(checkout.path.with_name("moved"))

    assert checkout.run()[0] == 0
    assert checkout.calls().count("venv") == 2


def test_a_python_that_is_gone_is_replaced(checkout: Checkout) -> None:
    checkout.run()
    (checkout.path / ".venv" / "bin" / "python").unlink()

    assert checkout.run()[0] == 0
    assert checkout.calls().count("venv") == 2


def test_a_failure_is_one_line_and_the_next_run_begins_anew(checkout: Checkout) -> None:
    (checkout.bin / "fault").write_text("Resolved 80 packages\nerror: Failed to fetch\n  Caused by: no route to host\n")

    code, output, errors = checkout.run()

    assert (code, output) == (1, [])
    assert errors.splitlines()[1:] == [
        "cartograph: could not install requirements-dev.txt: error: Failed to fetch Caused by: no route to host: "
        f"see {checkout.path}/.tools/install.log, mend the cause (network, proxy, pip's index-url) and run again"
    ]

    (checkout.bin / "fault").unlink()
    assert checkout.run()[0] == 0
    assert checkout.calls() == ["venv", "sync", "venv", "sync", "synced"]


def test_a_failure_is_not_forgotten_when_the_requirements_are_as_before(checkout: Checkout) -> None:
    checkout.run()
    (checkout.path / "requirements-dev.txt").write_text("mug==2\n")
    (checkout.bin / "fault").write_text("error: half of it is installed\n")
    assert checkout.run()[0] == 1

    (checkout.path / "requirements-dev.txt").write_text("mug==1\n")
    (checkout.bin / "fault").unlink()
    assert checkout.run()[0] == 0

    assert checkout.calls() == ["venv", "sync", "synced", "sync", "venv", "sync", "synced"]


def test_without_certificates_of_the_machine_uv_uses_its_own(checkout: Checkout) -> None:
    (checkout.bin / "fault").write_text("error: invalid peer certificate: UnknownIssuer\n")

    checkout.run()

    assert checkout.calls() == ["venv", "sync", "sync"]
    assert checkout.uv_environment()["UV_SYSTEM_CERTS"] == "0"


def test_a_full_disk_is_named(checkout: Checkout) -> None:
    (checkout.bin / "fault").write_text("error: No space left on device (os error 28)\n")

    assert checkout.run()[2].endswith("No space left on device (os error 28): free 1 GB there and run again\n")


def test_two_at_once_install_once(checkout: Checkout, wait_until: WaitUntil) -> None:
    (checkout.bin / "hold").touch()
    first = checkout.start("one")
    wait_until(lambda: checkout.calls() == ["venv", "sync"], "the first installs")
    second = checkout.start("two")
    waiting = second.stderr.readline()
    (checkout.bin / "hold").unlink()

    assert waiting == "cartograph: waiting for another installation in this checkout\n"
    assert [words(started.communicate(timeout=60)[0].splitlines())[-1] for started in (first, second)] == ["one", "two"]
    assert checkout.calls() == ["venv", "sync", "synced"]


def test_kill_9_during_an_installation_is_repaired(checkout: Checkout, wait_until: WaitUntil) -> None:
    (checkout.bin / "hold").touch()
    killed = checkout.start()
    wait_until(lambda: checkout.calls() == ["venv", "sync"], "it installs")
    killed.kill()
    killed.communicate()
    second = checkout.start("two")
    assert "waiting" in second.stderr.readline(), "uv of the killed one is still at work"
    (checkout.bin / "hold").unlink()

    output, _ = second.communicate(timeout=60)

    assert words(output.splitlines())[-1] == "two"
    assert checkout.calls() == ["venv", "sync", "synced", "venv", "sync", "synced"]


def test_ctrl_c_during_an_installation_is_one_line(checkout: Checkout, wait_until: WaitUntil) -> None:
    (checkout.bin / "hold").touch()
    interrupted = checkout.start()
    wait_until(lambda: checkout.calls() == ["venv", "sync"], "it installs")
    interrupted.send_signal(signal.SIGINT)
    (checkout.bin / "hold").unlink()

    errors = interrupted.communicate(timeout=60)[1]

    assert errors.splitlines()[1:] == ["cartograph: interrupted; the same command again goes on from here"]


def test_a_python_without_pip_is_one_line(checkout: Checkout) -> None:
    (checkout.bin / "uv").unlink()

    code, output, errors = checkout.run()

    if "has no pip" not in errors and shutil.which("uv", path="/usr/bin:/bin"):
        pytest.skip("this machine has a uv that cannot be hidden")
    assert (code, output) == (1, [])
    assert errors.splitlines()[1].endswith(
        "bin/python3 has no pip: install it (python3-pip), or put uv on PATH, and run again"
    )


def test_no_python_is_one_line(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    code, output, errors = checkout.run(PATH=str(tmp_path / "empty"))

    assert (code, output) == (1, [])
    assert errors == (
        "cartograph: there is no Python here: install Python 3.11 or newer with pip, or set PYTHON=/path/to/python3\n"
    )


def test_a_python_that_is_not_there_is_one_line(checkout: Checkout) -> None:
    code, _, errors = checkout.run(PYTHON="/nowhere/python")

    assert code == 1
    assert errors.startswith("cartograph: PYTHON=/nowhere/python is not a program: ")
    assert errors.count("\n") == 1


def test_an_old_python_says_what_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 6, 15, "final", 0))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SystemExit) as ended:
        bootstrap.main(["up"])

    assert ended.value.code == (
        "cartograph: Python 3.11 or newer is needed and this is 3.6.15: install one, or set PYTHON=/path/to/python3.11"
    )


def test_an_old_python_hands_over_to_a_newer_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "python3.13").write_text("#!/bin/sh\necho 'version manager: not installed' >&2\nexit 127\n")
    (tmp_path / "python3.13").chmod(0o755)
    (tmp_path / "python3.11").symlink_to(Path(sys.executable).resolve())
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setenv("PATH", str(tmp_path))
    became: list[object] = []
    monkeypatch.setattr(os, "execv", lambda *words: (became.extend(words), sys.exit(0)))

    with pytest.raises(SystemExit):
        bootstrap.main(["up"])

    newer = str(tmp_path / "python3.11")
    assert became == [newer, [newer, "-I", bootstrap.__file__, "up"]]


def test_it_parses_on_python_3_6() -> None:
    source = (CHECKOUT / "app" / "devstack" / "bootstrap.py").read_text()

    tree = ast.parse(source, feature_version=(3, 6))

    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    annotations = [node.returns for node in functions]
    annotations += [argument.annotation for node in functions for argument in node.args.args]
    assert not [ast.unparse(node) for node in annotations if isinstance(node, ast.Subscript)], "quote them"
