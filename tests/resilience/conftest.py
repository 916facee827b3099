"""One plant for all fault tests with real processes, made whole before each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.conftest import Servers
from tests.resilience.kill_matrix import ready_plant
from tests.resilience.plant import Plant


@pytest.fixture(scope="session")
async def plant_and_client(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Plant, httpx.AsyncClient]]:
    async with ready_plant(servers, tmp_path_factory.mktemp("plant")) as ready:
        yield ready


@pytest.fixture
async def plant(plant_and_client: tuple[Plant, httpx.AsyncClient]) -> Plant:
    """The second API and the worker run; nothing is scripted at the provider, whatever a test before has left."""
    plant, _ = plant_and_client
    await plant.make_whole()
    return plant


@pytest.fixture
def client(plant_and_client: tuple[Plant, httpx.AsyncClient]) -> httpx.AsyncClient:
    """Sends requests to the plant's processes."""
    return plant_and_client[1]
