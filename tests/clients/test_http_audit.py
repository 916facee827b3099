"""The audits of the package graphql-http, on a server that is open and on one that is not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from app.bootstrap import Shop
from tests.clients.conftest import AMPLE, Clients
from tests.conftest import Servers
from tests.serving import ServerProcess, serving

AUDITS = 61
# They ask for the schema, or send a document by GET and want an answer.
SENT_BY_GET = {"5A70", "D6D5", "6A70"}
ASK_FOR_THE_SCHEMA = {"2EA1", "28B9", "D6D5", "6A70"}


@pytest.fixture(scope="module")
async def closed_server(
    servers: Servers, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServerProcess]:
    """A server that keeps its schema to itself and takes documents by POST only."""
    settings = {**AMPLE, "CARTOGRAPH_INTROSPECTION": "false", "CARTOGRAPH_GET_QUERIES": "false"}
    async with serving(servers, tmp_path_factory.mktemp("closed"), **settings) as process:
        yield process


def faults(clients: Clients, server: ServerProcess) -> dict[str, str]:
    """What each audit that did not pass complains about, by its id."""
    done = clients.run("audit.mjs", SHOP_URL=server.url)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert len(results) == AUDITS
    return {one["id"]: f"{one['name']}: {one['reason']}" for one in results if one["status"] != "ok"}


def test_an_open_server_passes_every_audit(clients: Clients, open_server: ServerProcess) -> None:
    assert faults(clients, open_server) == {}


def test_a_closed_server_fails_the_audits_that_need_what_is_closed(
    clients: Clients, closed_server: ServerProcess
) -> None:
    assert set(faults(clients, closed_server)) == SENT_BY_GET | ASK_FOR_THE_SCHEMA
