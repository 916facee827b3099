"""Thousands of seeds of the simulation: every invariant holds after each, and together they have met everything."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from app.core.fault_points import FaultPoint
from app.payments.domain import AttemptState
from tests.conftest import REPOSITORY
from tests.resilience.simulation.plan import MODES, WEBHOOK_MODES

SEEDS = 2_000  # `python -m tests.resilience.simulate --seeds 100000` runs more
ANSWERS = ("PENDING", "QUEUED", "ACTION_REQUIRED", "PROCESSING", "SUCCEEDED", "FAILED")
REFUSALS = ("OutOfStock", "PriceChanged", "InvalidInput")
TOOK_PLACE = (
    *(f"answered {state}" for state in ANSWERS),
    *(f"refused {name}" for name in REFUSALS),
    *(f"ended {state.value}" for state in AttemptState if state.is_final),
    *(f"killed at {point.value}" for point in FaultPoint),
    *("killed at a moment", "told to stop", "lost commit", "database away", "network away", "mail away"),
    *(f"stripe {mode} {when}" for mode, when in MODES),
    *(f"webhook {mode}" for mode in (*WEBHOOK_MODES, "refused")),
    *(f"at the bank: {does}" for does in ("succeed", "fail", "nothing", "late")),
    *(f"late bank: {answer}" for answer in ("succeed", "fail")),
    *(f"sent {times} at once" for times in (1, 2, 5)),
    *("canceled a payment", "canceled an order", "refunded a part", "went away without an answer", "alert"),
)


def simulate(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.resilience.simulate", *options]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def hits_of(output: str) -> Counter[str]:
    """What the summary says took place, and how often."""
    rows = (line.split(None, 1) for line in output.splitlines() if line[:9].strip().isdecimal())
    return Counter({name: int(count) for count, name in rows})


@pytest.fixture(scope="module")
def summary() -> str:
    done = simulate("--seeds", str(SEEDS))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_invariant_holds_after_every_seed(summary: str) -> None:
    assert summary.splitlines()[-1] == f"{SEEDS} seeds, 0 failed"


def test_the_seeds_have_met_every_outcome_fault_and_point(summary: str) -> None:
    hit = hits_of(summary)

    assert [what for what in TOOK_PLACE if not hit[what]] == []


def test_a_seed_decides_everything_that_happens() -> None:
    first, second = (simulate("--seed", "7") for _ in range(2))

    assert first.returncode == 0
    assert len(first.stdout.splitlines()) > 20
    assert first.stdout == second.stdout
