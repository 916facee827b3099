"""A real PostgreSQL, also under root."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import asyncpg
import pytest

from app.devstack import postgres as module
from app.devstack.faults import StackError
from app.devstack.postgres import PostgresServer
from app.devstack.supervisor import Supervisor


async def fetch(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_it_accepts_statements_when_start_returns(postgres: PostgresServer) -> None:
    assert await fetch(postgres.url(), "SELECT 1") == 1
    assert await fetch(postgres.url(), "SHOW listen_addresses") == "127.0.0.1"
    assert await fetch(postgres.url(), "SHOW unix_socket_directories") == ""
    assert await fetch(postgres.url(), "SHOW server_encoding") == "UTF8"
    assert await fetch(postgres.url(), "SHOW shared_preload_libraries") == "pg_stat_statements"
    assert [await fetch(postgres.url(), f"SHOW {name}") for name in ("fsync", "synchronous_commit")] == ["off", "off"]


async def test_a_database_can_be_a_copy_of_another(postgres: PostgresServer) -> None:
    postgres.create_database("origin")
    postgres.execute("CREATE TABLE mugs AS SELECT 3 AS available", database="origin")

    postgres.create_database('a "copy"', template="origin")

    assert postgres.execute("SELECT available FROM mugs", database='a "copy"') == "3"
    assert postgres.find_database("origin") != postgres.find_database('a "copy"')


def test_a_database_is_found_by_its_name_until_it_is_dropped(postgres: PostgresServer) -> None:
    assert postgres.find_database("it's") is None
    postgres.create_database("it's")
    first = postgres.find_database("it's")
    postgres.drop_database("it's")
    assert postgres.find_database("it's") is None
    postgres.create_database("it's")

    assert postgres.find_database("it's") not in (None, first)


def test_a_statement_that_fails_says_why(postgres: PostgresServer) -> None:
    with pytest.raises(StackError, match=r'PostgreSQL refused: .*"nonsense"'):
        postgres.execute("SELECT nonsense")


def test_the_users_own_server_is_not_the_one_that_is_asked(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "--nonsense=1")
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")

    assert postgres.execute("SELECT 1") == "1"


def test_a_life_with_stops_kills_and_a_snatched_port(
    supervisor: Supervisor, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = open_folder / "with spaces" / "post gres"
    server = PostgresServer(supervisor, folder)
    with socket.create_server(("127.0.0.1", 0)) as thief:
        free = module.pick_port()
        offered = iter([thief.getsockname()[1], free])
        monkeypatch.setattr(module, "pick_port", lambda: next(offered))
        server.start()
    assert server.port == free
    assert server.execute("SHOW fsync") == "on"
    server.execute("CREATE TABLE mugs AS SELECT 3 AS available")

    server.child.send(signal.SIGKILL)
    server.child.wait()
    server.start()

    assert server.execute("SELECT available FROM mugs") == "3"
    assert server.port == free

    server.stop()
    (server.location / "postmaster.pid").write_text(f"{os.getpid()}\n{server.location}\n")  # a number used again
    another = PostgresServer(supervisor, folder)
    monkeypatch.undo()
    another.start()

    assert another.execute("SELECT available FROM mugs") == "3"

    # A server whose launcher and watchdog are gone is stopped by whoever holds the folder's lock now.
    left = another.child
    third = PostgresServer(supervisor, folder)
    third.start()

    assert left.exit_code() == 0
    assert third.execute("SELECT available FROM mugs") == "3"


def test_an_interrupted_making_of_the_database_is_begun_again(supervisor: Supervisor, tmp_path: Path) -> None:
    server = PostgresServer(supervisor, tmp_path / "postgres", durable=False)
    home = location_of(server)
    partial = home / "postgres.partial"
    partial.mkdir()
    (partial / "PG_VERSION").write_text("18\n")

    server.start()

    assert server.execute("SELECT 1") == "1"
    assert not partial.exists()


def test_the_database_of_a_test_run_is_gone_with_its_supervisor(tmp_path: Path) -> None:
    with Supervisor() as supervisor:
        server = PostgresServer(supervisor, tmp_path / "postgres", durable=False)
        server.start()
        location = server.location
        assert location.exists()

    if location != tmp_path / "postgres":  # under root, where pytest's folder is closed to PostgreSQL's account
        assert not location.parent.exists()


def test_a_broken_database_is_one_line_with_cause_and_fix(supervisor: Supervisor, tmp_path: Path) -> None:
    server = PostgresServer(supervisor, tmp_path / "postgres", durable=False)
    server.start()
    server.stop()
    (server.location / "global" / "pg_control").write_bytes(b"\0" * 8192)

    with pytest.raises(StackError) as raised:
        server.start()

    assert f"remove {server.location} to begin afresh" in str(raised.value)
    assert "did not start (" in str(raised.value)
    assert "\n" not in str(raised.value)


def location_of(server: PostgresServer) -> Path:
    """Return the folder that the database will be made in, without making it."""
    account = module.postgres_account()
    return module.reachable_home(server.folder, account).parent if account else server.folder.parent
