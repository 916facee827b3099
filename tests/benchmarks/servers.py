"""A PostgreSQL and a Valkey that live as long as a benchmark."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.devstack.postgres import PostgresServer
from app.devstack.supervisor import Supervisor
from app.devstack.valkey import ValkeyServer


@contextmanager
def own_servers(*, durable: bool) -> Iterator[tuple[str, str]]:
    """The addresses of an empty database and of a cache. durable: whether commits are written to the disk."""
    with tempfile.TemporaryDirectory() as folder, Supervisor() as supervisor:
        Path(folder).chmod(0o711)  # PostgreSQL may run as another user
        postgres = PostgresServer(supervisor, Path(folder) / "postgres", durable=durable)
        postgres.start()
        postgres.create_database("benchmark")
        valkey = ValkeyServer(supervisor, Path(folder) / "valkey")
        valkey.start()
        yield postgres.url("benchmark"), valkey.url
