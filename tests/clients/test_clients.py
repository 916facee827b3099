"""GraphQL clients on a server, case by case: each script is one run of Node, each of its cases one test."""

from __future__ import annotations

import pytest

from tests.clients.conftest import HERE, Clients, cases_of, give_up
from tests.serving import ServerProcess

SCRIPTS = ("apollo.mjs", "urql.mjs", "streams.mjs")
CASES = [pytest.param(script, case, id=f"{script}: {case}") for script in SCRIPTS for case in cases_of(script)]


@pytest.mark.parametrize(("script", "case"), CASES)
def test_a_client_is_content(clients: Clients, open_server: ServerProcess, script: str, case: str) -> None:
    clients.insist(script, case, open_server.url)


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_case_of_a_script_is_listed(script: str) -> None:
    assert len(cases_of(script)) == (HERE / script).read_text().count("\ntest(")


@pytest.mark.parametrize(
    ("environ", "outcome"),
    [({}, pytest.skip.Exception), ({"CI": "true"}, pytest.fail.Exception)],
    ids=["skips at home", "fails in CI"],
)
def test_without_its_packages_a_suite(environ: dict[str, str], outcome: type[BaseException]) -> None:
    with pytest.raises(outcome, match="no registry"):
        give_up("no registry", environ)
