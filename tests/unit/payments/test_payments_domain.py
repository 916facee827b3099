from __future__ import annotations

from itertools import product

import pytest

from app.payments.domain import ATTEMPT_LIFE, AttemptState

STATES = ["PENDING", "QUEUED", "ACTION_REQUIRED", "PROCESSING", "SUCCEEDED", "FAILED", "CANCELED"]
# a row for each state before, a column for each state after
TABLE = {
    "PENDING": "-xxxxxx",
    "QUEUED": "--xxxxx",
    "ACTION_REQUIRED": "---xxxx",
    "PROCESSING": "--x-xxx",
    "SUCCEEDED": "-------",
    "FAILED": "-------",
    "CANCELED": "-------",
}


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_which_state_may_follow_which(before: str, after: str) -> None:
    is_allowed = TABLE[before][STATES.index(after)] == "x"

    assert ATTEMPT_LIFE.allows(AttemptState(before), AttemptState(after)) == is_allowed


def test_the_table_has_every_state() -> None:
    assert [state.value for state in AttemptState] == STATES == list(TABLE)


@pytest.mark.parametrize("state", AttemptState)
def test_a_state_is_final_when_nothing_follows(state: AttemptState) -> None:
    assert state.is_final == (state.value in ("SUCCEEDED", "FAILED", "CANCELED"))
    assert state.is_final == (TABLE[state.value] == "-------")
