"""Relay: its compiler on `relay/`, and its hooks on a server."""

from __future__ import annotations

import pytest

from tests.clients.conftest import Clients, cases_of
from tests.serving import ServerProcess

SCRIPT = "relay.mjs"


@pytest.fixture(scope="module")
def artifacts(clients: Clients) -> None:
    """What relay-compiler makes of `relay/`."""
    done = clients.run("node_modules/relay-compiler/cli.js", "relay.config.json")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("artifacts")
def test_the_compiler_makes_a_query_for_a_page_and_one_for_a_node(clients: Clients) -> None:
    made = {path.name.partition(".")[0] for path in (clients.folder / "relay" / "__generated__").iterdir()}

    assert {"CataloguePageQuery", "CartSummaryRefetchQuery"} <= made


@pytest.mark.usefixtures("artifacts")
@pytest.mark.parametrize("case", cases_of(SCRIPT))
def test_its_hooks_are_content(clients: Clients, open_server: ServerProcess, case: str) -> None:
    clients.insist(SCRIPT, case, open_server.url)
