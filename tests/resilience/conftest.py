"""One plant for all fault tests with real processes: each test leaves it running and whole."""

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
async def plant(plant_and_client: tuple[Plant, httpx.AsyncClient]) -> AsyncIterator[Plant]:
    """The second API and the worker run; nothing is scripted at the provider."""
    plant, _ = plant_and_client
    await plant.provider.heal()
    yield plant
    await plant.provider.heal()


@pytest.fixture
def client(plant_and_client: tuple[Plant, httpx.AsyncClient]) -> httpx.AsyncClient:
    """Sends requests to the plant's processes."""
    return plant_and_client[1]
