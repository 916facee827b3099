"""The guide to live updates: its example is run, and its codes and numbers are those of the code."""

from __future__ import annotations

import re
import subprocess

import httpx
import pytest

from app import server
from app.http import event_stream, live_connections, socket_operations, socket_protocol, websocket
from tests.conftest import REPOSITORY, RunningStack

GUIDE = (REPOSITORY / "docs" / "guides" / "live-updates.md").read_text()
BLOCKS = dict(re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL))


def test_the_example_gives_the_event_that_is_printed(stack: RunningStack) -> None:
    mutation = "mutation { cartCreate(input: {}) { cart { id } } }"
    answer = httpx.post(f"{stack.url}/graphql", json={"query": mutation}, trust_env=False).json()
    command = BLOCKS["sh"].replace("http://127.0.0.1:8000", stack.url)
    command = command.replace("cart_…", answer["data"]["cartCreate"]["cart"]["id"])
    wanted = BLOCKS["text"].encode() + b"\n"

    with subprocess.Popen(["/bin/sh", "-c", f"exec {command}"], stdout=subprocess.PIPE) as curl:
        assert curl.stdout is not None
        heard = curl.stdout.read(len(wanted))
        curl.terminate()

    assert heard == wanted


def test_every_code_with_which_a_socket_is_closed_is_listed() -> None:
    codes = {value for name, value in vars(socket_protocol).items() if name.isupper() and isinstance(value, int)}
    codes = {code for code in codes if 1000 <= code < 5000}

    listed = {int(code) for code in re.findall(r"^\| (\d{4}) \|", GUIDE, re.MULTILINE)}
    assert len(codes) >= 9
    assert listed - codes == {1009}  # the server's own
    assert codes - listed == set()


@pytest.mark.parametrize(
    "sentence",
    [
        f"nothing was asked for {websocket.IDLE_SECONDS:g} s",
        f"did not come within {websocket.INIT_SECONDS:g} s",
        f"larger than {server.MAX_MESSAGE_BYTES // 1000} kB",
        f"at most {socket_operations.MAX_OPERATIONS} operations at a time",
        f"at most {live_connections.MAX_CONNECTIONS:,} live connections",
        f"for {websocket.SEND_SECONDS:g} s is given up",
        f"for {event_stream.SEND_SECONDS:g} s is given up",
        f"subprotocol `{socket_protocol.SUBPROTOCOL}`",
    ],
)
def test_the_numbers_are_those_of_the_code(sentence: str) -> None:
    assert sentence in " ".join(GUIDE.split())
