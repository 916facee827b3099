"""The guide to the endpoint: its example is run, and its numbers are those of the code."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
from typing import Any

import pytest

from app.core.pagination import MAX_PAGE_SIZE
from app.documents.domain import Refusal
from app.http import graphql_errors, graphql_request, graphql_view, middleware, operations
from app.settings import Settings
from resolvers import cost, limits
from tests.conftest import REPOSITORY, RunningStack

GUIDE = (REPOSITORY / "docs" / "guides" / "endpoint.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL)


def without_the_budget(answer: Any) -> Any:
    del answer["extensions"]["cost"]["throttleStatus"]  # the tests' stack restores faster
    return answer


def answer_to(command: str, stack: RunningStack) -> Any:
    run = subprocess.run(
        ["/bin/sh", "-c", command.replace("http://127.0.0.1:8000", stack.url)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


def test_the_example_gives_the_answer_that_is_printed(stack: RunningStack) -> None:
    command, printed = (text for _, text in BLOCKS[2:])

    given, shown = answer_to(command, stack), json.loads(printed)

    assert without_the_budget(given) == without_the_budget(shown)


def test_a_card_number_is_refused_as_is_printed(stack: RunningStack) -> None:
    command, printed = (text for _, text in BLOCKS[:2])

    given, shown = answer_to(command, stack), json.loads(printed)

    assert given["errors"][0]["extensions"].pop("requestId") != shown["errors"][0]["extensions"].pop("requestId")
    assert given == shown


@pytest.mark.parametrize(
    "sentence",
    [
        f"{graphql_request.MAX_BODY_BYTES // 1000} kB and {graphql_request.MAX_QUERY_CHARACTERS:,} characters",
        f"with {limits.MAX_TOKENS:,} tokens, {limits.MAX_DEPTH} levels, {limits.MAX_ALIASES} aliases",
        f"{limits.MAX_DIRECTIVES} directives, {limits.MAX_OPERATIONS} operations, {limits.MAX_FRAGMENTS} fragments",
        f"{limits.MAX_ROOT_FIELDS} root fields and {limits.MAX_FIELDS:,} fields",
        f"A page has 1 to {MAX_PAGE_SIZE} rows",
        f"a mutation costs {cost.MUTATION_COST}",
        f"A request may cost {cost.MAX_COST:,}",
        f"it took longer than {operations.REQUEST_SECONDS:g} s",
    ],
)
def test_the_numbers_are_those_of_the_code(sentence: str) -> None:
    assert sentence in " ".join(GUIDE.split())


def test_every_code_of_an_error_is_listed() -> None:
    answering = (graphql_errors, graphql_request, graphql_view, middleware, operations)
    source = "".join(inspect.getsource(module) for module in answering)
    codes = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+|UNAUTHENTICATED|THROTTLED|TIMEOUT)"', source))

    codes |= {refusal.value for refusal in Refusal}
    assert {code for _, code in graphql_errors._CODES} <= codes
    assert {code for code in codes if f"`{code}`" not in GUIDE} == set()


def test_its_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", GUIDE)

    assert [target for target in targets if not (REPOSITORY / "docs" / "guides" / target).exists()] == []


def test_the_budget_is_the_settings_default() -> None:
    shown = json.loads(BLOCKS[3][1])["extensions"]["cost"]["throttleStatus"]
    defaults = Settings.model_fields

    assert shown["maximumAvailable"] == defaults["cost_bucket"].default
    assert shown["restoreRate"] == defaults["cost_restored_address"].default
