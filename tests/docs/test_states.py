"""docs/states.md draws what the state machines allow."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest

from app.core.state_machine import BEGIN, StateMachine
from app.inventory.domain import RESERVATION_LIFE
from app.orders.domain import ORDER_LIFE, ORDER_PAYMENT
from app.payments.domain import ATTEMPT_LIFE
from app.payments.refunds import REFUND_LIFE
from tests.conftest import REPOSITORY

MACHINES: tuple[StateMachine[Any], ...] = (ATTEMPT_LIFE, ORDER_LIFE, ORDER_PAYMENT, RESERVATION_LIFE, REFUND_LIFE)
PAGE = (REPOSITORY / "docs/states.md").read_text()


def drawings() -> dict[str, set[tuple[str, str]]]:
    """The edges of every diagram, by the machine's name in the heading above it; the end is none."""
    found = {}
    for name, diagram in re.findall(
        r"^## [^\n]*\(`(\w+)`\)$.*?```mermaid\nstateDiagram-v2\n(.*?)```", PAGE, re.M | re.S
    ):
        edges: Iterable[tuple[str, str]] = re.findall(r"^ *(\S+) --> (\w+)(?: :.*)?$", diagram, re.M)
        found[name] = {(BEGIN if before == "[*]" else before, after) for before, after in edges}
    return found


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_the_page_draws_every_edge_and_no_other(machine: StateMachine[Any]) -> None:
    assert drawings()[machine.name] == machine.drawn()


def test_every_machine_is_drawn() -> None:
    assert set(drawings()) == {machine.name for machine in MACHINES}
