"""A real Valkey."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from app.devstack import valkey as module
from app.devstack.faults import StackError
from app.devstack.supervisor import Supervisor
from app.devstack.valkey import ValkeyServer


@pytest.fixture
def server(supervisor: Supervisor, tmp_path: Path) -> ValkeyServer:
    return ValkeyServer(supervisor, tmp_path / "valkey")


@pytest.fixture
def client(server: ValkeyServer) -> Iterator[redis.Redis]:
    server.start()
    with redis.Redis.from_url(server.url) as connected:
        yield connected


def test_it_answers_when_start_returns(client: redis.Redis, server: ValkeyServer) -> None:
    assert client.set("mug", 3)
    assert client.get("mug") == b"3"
    assert client.config_get("save") == {"save": ""}
    assert client.config_get("bind") == {"bind": "127.0.0.1"}
    assert server.child.exit_code() is None


def test_started_again_it_has_its_port_and_nothing_else(client: redis.Redis, server: ValkeyServer) -> None:
    client.set("mug", 3)
    url = server.url

    server.stop()
    server.start()

    assert server.url == url
    with redis.Redis.from_url(url) as again:
        assert again.get("mug") is None


def test_killed_it_can_be_started_again(client: redis.Redis, server: ValkeyServer) -> None:
    server.child.send(signal.SIGKILL)
    assert server.child.wait() == -signal.SIGKILL

    server.start()

    assert client.ping()


def test_a_port_snatched_before_binding_is_given_up_for_another(
    server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as thief:
        taken = thief.getsockname()[1]
        free = module.pick_port()
        offered = iter([taken, free])
        monkeypatch.setattr(module, "pick_port", lambda: next(offered))

        server.start()

    assert server.port == free


def test_a_folder_it_cannot_use_is_a_fault_with_a_fix(supervisor: Supervisor, tmp_path: Path) -> None:
    server = ValkeyServer(supervisor, tmp_path / "valkey", log=tmp_path / "log")
    (tmp_path / "valkey").write_text("a file")

    with pytest.raises(StackError, match=r"File exists at .*/valkey: choose another folder"):
        server.start()
