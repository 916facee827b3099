"""Free ports, against real sockets."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from app.devstack.faults import StackError
from app.devstack.ports import FIRST_PORT, LAST_PORT, accepts, http_status, insist_on_free, is_free, pick_port


def test_a_picked_port_is_free_and_below_those_of_outgoing_connections() -> None:
    port = pick_port()

    assert FIRST_PORT <= port < LAST_PORT
    assert is_free(port)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_port_somebody_listens_on_is_not_free(address: str) -> None:
    with socket.create_server((address, 0)) as server:
        port = server.getsockname()[1]

        assert not is_free(port)
        assert accepts(port)
        with pytest.raises(StackError, match=rf"port {port} is taken by another program: .* --port \d+"):
            insist_on_free(port)
    assert is_free(port)
    assert not accepts(port)


def test_a_port_with_a_connection_that_just_closed_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()  # the side that closes first keeps the port in TIME_WAIT

    assert is_free(port)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every port")
def test_a_port_of_the_system_is_refused_with_a_fix() -> None:
    with pytest.raises(StackError, match="choose one above 1023"):
        insist_on_free(1)


@pytest.mark.parametrize(
    ("answer", "status"),
    [(b"HTTP/1.1 503 Service Unavailable\r\n\r\n", 503), (b"SSH-2.0-x\r\n", None), (b"", None)],
)
def test_the_status_of_an_answer_is_read(answer: bytes, status: int | None) -> None:
    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()

        assert http_status(server.getsockname()[1], "/readyz") == status
        thread.join()
