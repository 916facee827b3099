"""`up` as a person meets it: in a process of its own, with real servers and stand-ins for our own programs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import asyncpg
import pytest

from app.devstack.stack_file import running_stack

WaitUntil = Callable[[Callable[[], bool], str], None]
Launching = Callable[..., object]


def get(port: int, path: str) -> str:
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


def test_a_first_start_and_a_second_one(launch: Launching, stack_folder: Path, wait_until: WaitUntil) -> None:
    first = launch(stack_folder)
    said = first.wait_ready()
    url = f"http://127.0.0.1:{first.port}"

    assert re.fullmatch(rf"ready: {url} \(\d+\.\d s\)", said[0])
    assert [line.split() for line in said[1:6]] == [
        ["shop", f"{url}/"],
        ["explorer", f"{url}/graphql"],
        ["health", f"{url}/readyz"],
        ["e-mails", f"{url}/mail"],
        ["metrics", f"{url}/metrics"],
    ]
    assert "  sign in as       ada@example.com with password a demo password" in said
    assert get(first.port, "/rows") == "1"
    settings = running_stack(stack_folder)
    environment = json.loads(get(first.port, "/environment"))
    assert settings is not None
    assert settings.items() <= environment.items()
    assert not [line for line in said if any(settings[n] in line for n in settings if "SECRET" in n)]

    wait_until(lambda: "working" in (stack_folder / "logs" / "worker.log").read_text(), "the worker works")
    assert first.end(signal.SIGINT) == (0, "")
    assert first.survivors() == []
    assert running_stack(stack_folder) is None
    assert (stack_folder / "stopped").read_text().split() == ["serve", "worker", "emulator"]

    second = launch(stack_folder)
    second.wait_ready()

    assert get(second.port, "/rows") == "1"
    again = running_stack(stack_folder)
    assert again is not None
    assert {n: v for n, v in again.items() if "SECRET" in n} == {n: v for n, v in settings.items() if "SECRET" in n}


def test_an_emptied_shop_is_filled_and_an_old_schema_brought_to_the_newest(
    launch: Launching, stack_folder: Path, wait_until: WaitUntil
) -> None:
    async def empty(url: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("DROP TABLE stand_in")
        await connection.close()

    first = launch(stack_folder)
    first.wait_ready()
    settings = running_stack(stack_folder)
    assert settings is not None
    asyncio.run(empty(settings["DATABASE_URL"]))
    first.end()

    without = launch(stack_folder, "--no-seed")
    without.wait_ready()
    assert get(without.port, "/rows") == "0"
    without.end()

    seeded = launch(stack_folder)
    seeded.wait_ready()
    wait_until(lambda: get(seeded.port, "/rows") == "1", "the shop is filled")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_stop_it_too(launch: Launching, stack_folder: Path, number: signal.Signals) -> None:
    stack = launch(stack_folder)
    stack.wait_ready()

    assert stack.end(number) == (0, "")
    assert stack.survivors() == []


def test_kill_9_leaves_nothing_and_the_next_start_takes_over(
    launch: Launching, stack_folder: Path, wait_until: WaitUntil
) -> None:
    killed = launch(stack_folder)
    killed.wait_ready()
    assert len(killed.survivors()) > 5, "vacuous: the servers are not seen"

    assert killed.end(signal.SIGKILL) == (-signal.SIGKILL, "")
    assert running_stack(stack_folder) is None
    successor = launch(stack_folder)  # at once: the watchdog may still be at work
    successor.wait_ready()

    assert get(successor.port, "/rows") == "1"
    successor.end()
    wait_until(lambda: killed.survivors() == [], "nothing is left of either")


def test_kill_9_half_way_through_a_start_leaves_nothing(
    launch: Launching, stack_folder: Path, wait_until: WaitUntil
) -> None:
    killed = launch(stack_folder, environment={"STAND_IN_FAULT": "migrate hangs"})
    wait_until(lambda: any(" migrate" in command for command in killed.survivors()), "it migrates")

    killed.end(signal.SIGKILL)

    wait_until(lambda: killed.survivors() == [], "nothing is left")


def test_two_stacks_run_side_by_side_and_a_second_on_one_folder_does_not(
    launch: Launching, stack_folder: Path, open_folder: Path
) -> None:
    one, other = launch(stack_folder), launch(open_folder / "other")
    one.wait_ready()
    other.wait_ready()
    second = launch(stack_folder)

    code, errors = second.wait()

    assert code == 1
    assert errors == (
        f"cartograph: a stack already runs on {stack_folder} (process {one.process.pid}, "
        f"http://127.0.0.1:{one.port}): stop it, or start this one with another --data and --port\n"
    )
    addresses = [running_stack(launched.data) for launched in (one, other)]
    assert not set(map(str, addresses[0].values())) & set(addresses[1].values()) - {
        *("sk_test_emulator", "pk_test_emulator", "development")
    }


def test_a_taken_port_is_one_line(launch: Launching, stack_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        stack = launch(stack_folder, port=port)

        code, errors = stack.wait()

    assert code == 1
    assert re.fullmatch(
        rf"cartograph: port {port} is taken by another program: stop that program, "
        r"or choose a free port, such as --port \d+\n",
        errors,
    )
    assert stack.survivors() == []


def test_a_port_that_cannot_be_is_one_line(launch: Launching, stack_folder: Path) -> None:
    code, errors = launch(stack_folder, port=70000).wait()

    assert (code, errors.count("\n")) == (1, 1)
    assert "there is no port 70000" in errors


@pytest.mark.parametrize("name", ["migrate", "worker", "serve", "emulator"])
def test_a_program_that_cannot_start_ends_everything_with_one_line(
    launch: Launching, stack_folder: Path, name: str
) -> None:
    stack = launch(stack_folder, environment={"STAND_IN_FAULT": f"{name} fails"})

    code, errors = stack.wait()

    label = {"serve": "api", "emulator": "stripe-emulator"}.get(name, name)
    log = stack_folder / "logs" / f"{label}.log"
    assert code == 1
    assert errors == f"cartograph: {label} ended with exit code 1 ({name} could not do its work): see {log}\n"
    assert stack.survivors() == []
    assert running_stack(stack_folder) is None


def test_a_program_that_ends_later_ends_everything_with_one_line(launch: Launching, stack_folder: Path) -> None:
    stack = launch(stack_folder, environment={"STAND_IN_FAULT": "worker fails later"})
    stack.wait_ready()

    code, errors = stack.wait()

    assert code == 1
    assert errors.startswith("cartograph: worker ended with exit code 1 (worker lost its way): see ")
    assert stack.survivors() == []


def test_a_database_that_dies_ends_everything_with_one_line(launch: Launching, stack_folder: Path) -> None:
    stack = launch(stack_folder)
    stack.wait_ready()
    [pid] = {
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit()
        and b"/postgres\0-D\0" in command_of(entry)
        and str(stack_folder) in str(command_of(entry))
    }

    os.kill(pid, signal.SIGKILL)
    code, errors = stack.wait()

    assert code == 1
    assert errors.startswith("cartograph: postgres ended with signal 9 (")
    assert errors.count("\n") == 1
    assert stack.survivors() == []


def test_a_failing_explorer_does_not_matter(launch: Launching, stack_folder: Path, wait_until: WaitUntil) -> None:
    stack = launch(stack_folder, environment={"STAND_IN_FAULT": "explorer fails"})
    stack.wait_ready()
    log = stack_folder / "logs" / "explorer.log"

    wait_until(lambda: "could not do its work" in log.read_text(), "the explorer failed")

    assert get(stack.port, "/rows") == "1"
    assert stack.end() == (0, "")


def test_a_reader_that_has_read_enough_does_not_end_the_shop(
    launch: Launching, stack_folder: Path, wait_until: WaitUntil
) -> None:
    # As in `./run up | head -1`, at its worst: nobody reads even the first line.
    reader, writer = os.pipe()
    stack = launch(stack_folder, output=writer)
    os.close(writer)
    os.close(reader)

    wait_until(lambda: (stack_folder / "stack.json").exists(), "it is ready")

    assert get(stack.port, "/rows") == "1"
    assert stack.end() == (0, "")


def command_of(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""
