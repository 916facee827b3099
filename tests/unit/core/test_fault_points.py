"""A named point ends the process where it was armed, and costs nothing where it was not."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core import fault_points
from app.core.fault_points import WITNESS, Armed, FaultPoint, arm, reached

REPOSITORY = Path(__file__).resolve().parents[3]
ENDED_AT = FaultPoint.ORDER_COMMITTED
PROGRAM = """
import atexit
from app.core.fault_points import Armed, FaultPoint, arm_to_kill, reached
atexit.register(print, "cleaned up")
arm_to_kill(Armed.parse("order_committed:1"))
try:
    for number in range(3):
        reached(FaultPoint.KEY_CLAIMED)
        reached(FaultPoint.ORDER_COMMITTED)
        print("passed", number, flush=True)
finally:
    print("unwound")
"""


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm(None)


def test_nothing_happens_at_a_point_while_nothing_is_armed() -> None:
    for point in FaultPoint:
        reached(point)


def test_an_action_is_told_every_point_until_it_is_disarmed() -> None:
    told: list[FaultPoint] = []

    arm(told.append)
    reached(FaultPoint.KEY_CLAIMED)
    reached(ENDED_AT)
    arm(None)
    reached(ENDED_AT)

    assert told == [FaultPoint.KEY_CLAIMED, ENDED_AT]


@pytest.mark.parametrize(
    ("text", "skip"), [("order_committed", 0), ("order_committed:0", 0), ("order_committed:12", 12)]
)
def test_a_point_is_armed_by_its_name(text: str, skip: int) -> None:
    assert Armed.parse(text) == Armed(ENDED_AT, skip)


@pytest.mark.parametrize("text", ["", "somewhere", "ORDER_COMMITTED", "order_committed:x", "order_committed:-1", ":1"])
def test_what_is_no_point_is_answered_with_the_names_that_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no fault point; set one of key_claimed, .*order_committed, "):
        Armed.parse(text)


def test_the_process_ends_at_the_point_with_a_witness_and_without_any_clean_up() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout == "passed 0\n"
    assert ended.stderr == f"{WITNESS}order_committed\n"


def test_every_point_says_what_has_and_has_not_happened_there() -> None:
    assert [point.value for point in FaultPoint] == [point.name.lower() for point in FaultPoint]
    assert all(re.fullmatch(r"[A-Z].*\.", point.sentence) for point in FaultPoint)
    assert len({point.sentence for point in FaultPoint}) == len(FaultPoint)


def test_every_point_lies_on_some_path_of_the_program() -> None:
    own = Path(fault_points.__file__)
    text = "".join(path.read_text() for path in (REPOSITORY / "app").rglob("*.py") if path != own)

    assert [point.name for point in FaultPoint if not re.search(rf"FaultPoint\.{point.name}\b", text)] == []
