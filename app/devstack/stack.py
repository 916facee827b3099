"""The servers of one stack, from nothing to ready, and back.

PostgreSQL → Valkey → emulator and API, with migrate beside them on a new database → seed → /readyz is 200 → worker

Loading our own code takes seconds of CPU in every process; both databases together start in 0.1 s. So nothing is
loaded that the shop does not wait for: on two cores it would be in the API's way. The worker begins when the schema is
there, and what only looks whether there is something to do begins after `ready`, with the lowest priority.

The surprising rule: on a database that is there already nobody asks for migrations. The API compares the schema with
its own code anyway and says 503 when it is old; then they are made.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from app.devstack.environment import StackAddresses, child_environment, stack_settings
from app.devstack.faults import DISK_FIX, StackError, tells_of_full_disk
from app.devstack.folders import CHECKOUT, StackFolder
from app.devstack.ports import accepts, http_status, pick_port
from app.devstack.postgres import PostgresServer
from app.devstack.stack_file import remove_stack_file, write_stack_file
from app.devstack.supervisor import Child, Supervisor
from app.devstack.valkey import ValkeyServer

DATABASE = "cartograph"
STEP_SECONDS = 0.02
READY_SECONDS = 120.0  # 2 s here; a first start compiles all byte code, on a slow machine in a minute
WATCH_SECONDS = 0.25  # how late the end of a server is seen
BACKGROUND_NICENESS = 19  # must not slow down the shop
READY = 200
PYTHON = (sys.executable, "-P", "-m")  # -P: what lies in the working folder is not imported


@dataclass(frozen=True, slots=True)
class Programs:
    """What a stack runs beside its databases: the beginnings of command lines."""

    cartograph: tuple[str, ...] = (*PYTHON, "app.cli")
    stripe_emulator: tuple[str, ...] = (*PYTHON, "app.devstack.stripe_emulator")
    explorer_build: tuple[str, ...] = (*PYTHON, "app.devstack.explorer", "build")


class Stack:
    """One stack on one locked folder. `start`, then `watch`, and `stop` in any case."""

    def __init__(
        self, supervisor: Supervisor, folder: StackFolder, *, port: int, workers: int, programs: Programs
    ) -> None:
        self.port = port
        self.stripe_url = ""
        self._workers = workers
        self._programs = programs
        self._folder = folder
        self._supervisor = supervisor
        self._servers: list[Child] = []
        self._environment: dict[str, str] = {}
        self._seed: Child | None = None

    def start(self, *, seed: bool) -> None:
        """Start everything and return when the shop answers. Raises StackError when a part of it cannot start."""
        path = self._folder.path
        postgres = PostgresServer(self._supervisor, path / "postgres", log=self._folder.log("postgres"))
        postgres.start()
        known = postgres.find_database(DATABASE)
        if known is None:
            postgres.create_database(DATABASE)
        valkey = ValkeyServer(self._supervisor, path / "valkey", log=self._folder.log("valkey"))
        valkey.start()
        self._servers = [postgres.child, valkey.child]
        settings = self._settle(postgres.url(DATABASE), valkey.url)

        emulator_port = self._start_emulator()
        self._serve("api", "serve", "--port", str(self.port), "--workers", str(self._workers))
        self._bring_schema_to_newest(is_new=known is None)
        if seed:
            seed = not self._seed_once(known or str(postgres.find_database(DATABASE)))
        self._wait_until(lambda: accepts(emulator_port), "the Stripe emulator")
        self._wait_until(lambda: self._readiness() == READY, "the API")
        self._serve("worker", "worker")

        write_stack_file(path, settings)
        self._start_background(seed=seed)

    def watch(self) -> NoReturn:
        """Raise StackError when a server ends by itself."""
        while True:
            time.sleep(WATCH_SECONDS)
            self._insist_on_alive()

    def stop(self) -> None:
        """Stop the API first, then what it needs: worker, emulator, Valkey, PostgreSQL."""
        with contextlib.suppress(OSError):
            remove_stack_file(self._folder.path)
        for name in ("api", "worker"):
            for child in self._servers:
                if child.name == name:
                    self._supervisor.stop(child)
        self._supervisor.close()

    @property
    def _webhook_secret(self) -> str:
        return f"whsec_{self._folder.secret('webhooks')}"

    def _settle(self, database_url: str, redis_url: str) -> dict[str, str]:
        self._folder.emptied("metrics")
        self.stripe_url = f"http://127.0.0.1:{pick_port()}"
        addresses = StackAddresses(
            database_url=database_url,
            redis_url=redis_url,
            stripe_url=self.stripe_url,
            webhook_secret=self._webhook_secret,
            secret_key=self._folder.secret("key"),
            folder=self._folder.path,
        )
        settings = stack_settings(addresses, os.environ)
        self._environment = child_environment(settings, os.environ)
        return settings

    def _start_emulator(self) -> int:
        port = self.stripe_url.rpartition(":")[2]
        argv = [*self._programs.stripe_emulator, "--port", port]
        argv += ["--ledger", str(self._folder.path / "stripe-ledger.jsonl")]
        argv += ["--webhook-url", f"http://127.0.0.1:{self.port}/webhooks/stripe"]
        argv += ["--webhook-secret", self._webhook_secret]
        self._servers.append(self._spawn("stripe-emulator", argv))
        return int(port)

    def _serve(self, name: str, *arguments: str) -> None:
        self._servers.append(self._spawn(name, [*self._programs.cartograph, *arguments]))

    def _bring_schema_to_newest(self, *, is_new: bool) -> None:
        if not is_new:
            self._wait_until(lambda: self._readiness() is not None, "the API")
        if self._readiness() != READY:
            self._complete("migrate")
            if not is_new:  # a migration may leave the search's index to be built: not something to be found out
                self._complete("search", "refresh")

    def _seed_once(self, database: str) -> bool:
        # The note names the database, so that another one made in its place is seeded again.
        seeded = self._folder.path / "seeded"
        if seeded.exists() and seeded.read_text(encoding="ascii") == database:
            return False
        self._complete("seed", "--if-empty")
        seeded.write_text(database, encoding="ascii")
        return True

    def _readiness(self) -> int | None:
        return http_status(self.port, "/readyz")

    def _complete(self, *arguments: str) -> None:
        name = arguments[0]
        child = self._spawn(name, [*self._programs.cartograph, *arguments])
        while child.exit_code() is None:
            self._insist_on_alive()
            time.sleep(STEP_SECONDS)
        self._supervisor.forget(child)
        if child.exit_code() != 0:
            raise _fault_of(child)

    def _start_background(self, *, seed: bool) -> None:
        if seed:
            argv = [*self._programs.cartograph, "seed", "--if-empty"]
            self._seed = self._spawn("seed", argv, niceness=BACKGROUND_NICENESS)
        self._spawn("explorer", list(self._programs.explorer_build), niceness=BACKGROUND_NICENESS)

    def _spawn(self, name: str, argv: list[str], *, niceness: int = 0) -> Child:
        log = self._folder.log(name)
        return self._supervisor.spawn(name, argv, log=log, env=self._environment, cwd=CHECKOUT, niceness=niceness)

    def _wait_until(self, condition: Callable[[], bool], what: str) -> None:
        give_up_at = time.monotonic() + READY_SECONDS
        while not condition():
            self._insist_on_alive()
            if time.monotonic() > give_up_at:
                logs = self._folder.path / "logs"
                raise StackError(f"{what} was not ready after {READY_SECONDS:.0f} s: see the logs in {logs}")
            time.sleep(STEP_SECONDS)

    def _insist_on_alive(self) -> None:
        for child in self._servers:
            if child.exit_code() is not None:
                raise _fault_of(child)
        if self._seed and self._seed.exit_code():
            raise _fault_of(self._seed)
        if not self._supervisor.is_guarded:
            raise StackError("the watchdog was ended, and servers without one could be left behind: start again")


def _fault_of(child: Child) -> StackError:
    code = child.exit_code() or 0
    how = f"exit code {code}" if code >= 0 else f"signal {-code}"
    if tells_of_full_disk(child.output()):
        return StackError(f"{child.name} ended with {how}, the disk is full: {DISK_FIX}; see {child.log}")
    return StackError(f"{child.name} ended with {how} ({child.last_words()}): see {child.log}")
