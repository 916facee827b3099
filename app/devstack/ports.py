"""Free ports on the loopback interface.

A port is free when it can be bound, and is bound by its server a moment later: in between somebody may take it. So
servers that pick their own port try again, and the ports come from below the range that Linux hands to outgoing
connections (32768 and up), where nobody takes one by chance.
"""

from __future__ import annotations

import errno
import os
import socket

from app.devstack.faults import StackError

FIRST_PORT, LAST_PORT = 20000, 32000
ATTEMPTS = 200  # with 12,000 ports, 200 misses mean that something else is wrong
SERVER_ATTEMPTS = 5  # how often a server looks for another port when the one it was given is taken


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of 127.0.0.1 now."""
    return _refusal(port) is None


def insist_on_free(port: int) -> None:
    """Raise StackError when a server could not listen on the port that the user chose."""
    refusal = _refusal(port)
    if refusal is None:
        return
    if refusal == errno.EADDRINUSE:
        raise StackError(
            f"port {port} is taken by another program: stop that program, or choose a free port, "
            f"such as --port {pick_port()}"
        )
    raise StackError(f"port {port} cannot be used ({os.strerror(refusal)}): choose one above 1023 with --port")


def _refusal(port: int) -> int | None:
    with socket.socket() as probe:
        # As the servers set it; else a connection that closed a minute ago would make the port look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno
    return None


def pick_port() -> int:
    """Pick a port at random, so that two stacks that start together do not pick the same one."""
    for _ in range(ATTEMPTS):
        port = FIRST_PORT + int.from_bytes(os.urandom(4), "big") % (LAST_PORT - FIRST_PORT)
        if is_free(port):
            return port
    raise OSError(f"no free port between {FIRST_PORT} and {LAST_PORT} on 127.0.0.1")


def accepts(port: int, *, timeout_seconds: float = 0.5) -> bool:
    """Tell whether somebody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=timeout_seconds).close()
    except OSError:
        return False
    return True


def http_status(port: int, path: str, *, timeout_seconds: float = 2.0) -> int | None:
    """Return the status of one GET, or None when there was no answer; http.client alone would cost 30 ms to load."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode("ascii")
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout_seconds) as connection:
            connection.sendall(request)
            words = connection.makefile("rb").readline(1024).split()
            return int(words[1])
    except (OSError, ValueError, IndexError):
        return None
