"""kill -9 at every named point, against real processes: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import signal

import httpx
import pytest

from app.core.fault_points import FaultPoint
from tests.resilience.kill_matrix import play
from tests.resilience.plant import APIS, Plant, Vacuous
from tests.resilience.windows import WINDOWS, Window

ROUNDS = 2  # `python -m tests.resilience.kill_matrix --rounds 50` plays more


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name.replace(" ", "-"))
async def test_what_was_begun_is_finished_once(plant: Plant, client: httpx.AsyncClient, window: Window) -> None:
    found = [await play(plant, client, window, number) for number in range(ROUNDS)]

    assert found == [[]] * ROUNDS


async def test_a_run_that_never_hits_its_window_fails(plant: Plant) -> None:
    await plant.start(APIS[0], at=FaultPoint.ORDER_COMMITTED.value)
    plant.processes[APIS[0]].send(signal.SIGTERM)

    with pytest.raises(Vacuous, match=r"api-1 ended with 0 and not at order_committed"):
        await plant.ended_at(APIS[0], FaultPoint.ORDER_COMMITTED)


def test_every_point_has_a_window() -> None:
    assert {window.point for window in WINDOWS} == set(FaultPoint)
