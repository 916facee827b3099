"""Starts `cartograph` processes quickly: it has imported the program once, and forks a process for each command.

Such a process is one of its own in every way that a test looks at: it runs `app.cli.main` in an environment that is
given whole, reads and writes files of its own, and can be killed. Run as `python -m tests.launcher`; it reads a JSON
line for each request and answers with one. When it ends, so do its processes.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve requests until the end of the input."""
    import uvloop  # noqa: F401  imported for the processes that are forked

    import app.cli
    import app.http.protocol
    import app.jobs.queue
    import app.server
    import app.web
    import app.worker.runner  # noqa: F401

    gc.freeze()  # for them it is there to stay: a look for garbage would copy all of its pages

    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        answer = _start(request) if "argv" in request else _status(request["pid"])
        print(json.dumps(answer), flush=True)


def _start(request: dict[str, Any]) -> dict[str, Any]:
    pid = os.fork()
    if pid == 0:
        _become(request)
    return {"pid": pid}


def _become(request: dict[str, Any]) -> None:
    """Be the process that was asked for, and never return."""
    from app.cli import main as command

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    os.dup2(os.open(Path(request["typed"]), os.O_RDONLY), 0)
    for number, path in ((1, request["out"]), (2, request["err"])):
        os.dup2(os.open(Path(path), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), number)
    os.environ.clear()
    os.environ.update(request["env"])
    code = 1
    try:
        code = command(request["argv"])
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        else:
            code = end.code or 0
    except BaseException:  # noqa: BLE001  told as Python itself tells it at the end
        traceback.print_exc()
    finally:
        gc.collect()  # what was never awaited is told now or never
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _status(pid: int) -> dict[str, Any]:
    """How a process ended: its exit code, negative for a signal; None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return {"code": os.waitstatus_to_exitcode(status) if ended else None}


if __name__ == "__main__":
    main()
