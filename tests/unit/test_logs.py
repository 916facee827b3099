"""Log lines as a process writes them: in one of its own, because how to log is configured once for all of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BEGINNING = """
import logging
from app import telemetry
telemetry.configure_logging({level!r})
log = telemetry.logger("app.shelf")
"""


def lines_of(code: str, level: str = "INFO") -> list[dict[str, Any]]:
    program = BEGINNING.format(level=level) + code
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == ""
    return [json.loads(line) for line in ended.stderr.splitlines()]


@pytest.mark.parametrize("log", ["log", "logging.getLogger('app.shelf')"])
def test_a_line_is_one_object_whoever_writes_it(log: str) -> None:
    (line,) = lines_of(f"{log}.warning('a book\\n fell')")

    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "a book\n fell", "level": "warning", "logger": "app.shelf"}


@pytest.mark.parametrize("log", ["log", "logging.getLogger('app.shelf')"])
def test_the_id_of_the_request_is_in_a_line(log: str) -> None:
    before, line = lines_of(f"{log}.info('open'); telemetry.request_id.set('r1'); {log}.info('sold')")

    assert "request_id" not in before
    assert line["request_id"] == "r1"


def test_facts_are_members_of_a_line() -> None:
    (line,) = lines_of("log.info('sold', copies=2)")

    assert line["copies"] == 2


def test_lines_below_the_level_are_left_out() -> None:
    lines = lines_of("log.info('a'); log.warning('b'); logging.getLogger('c').info('c'); log.error('d')", "WARNING")

    assert [line["event"] for line in lines] == ["b", "d"]


@pytest.mark.parametrize("log", ["log", "logging.getLogger('app.shelf')"])
def test_an_error_brings_its_stack_and_no_card_number(log: str) -> None:
    (line,) = lines_of(f"""
try:
    raise ValueError("no 4242 4242 4242 4242")
except ValueError as error:
    {log}.error("failed", exc_info=error)
""")

    assert "Traceback" in line["exception"]
    assert line["exception"].endswith("ValueError: no [card number]")


def test_a_value_that_json_does_not_know_does_not_lose_the_line() -> None:
    (line,) = lines_of("log.info('odd', cause=ValueError('x'), text='\\ud800')")

    assert (line["cause"], line["text"]) == ("ValueError('x')", "\ud800")


def test_a_line_that_cannot_be_written_takes_nothing_with_it() -> None:
    program = BEGINNING.format(level="INFO") + "log.info('lost'); print('went on')"

    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, text=True)

    assert ended.stdout == "went on\n"
