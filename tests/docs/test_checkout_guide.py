"""docs/guides/checkout.md: every card of its table leads to the outcome that stands beside it."""

from __future__ import annotations

import re
import uuid
from typing import Any

import httpx
import pytest

from tests.conftest import REPOSITORY, RunningStack
from tests.examples import DOCUMENTS, remember, variables_of

PAGE = (REPOSITORY / "docs/guides/checkout.md").read_text()
CARDS = re.findall(r"^\| `(pm_card_\w+)` \| `(\w+)`(?:: `(\w+)`, `(\w+)`)?", PAGE, re.MULTILINE)
SECONDS = 60
CART, PAY = (next(path for path in DOCUMENTS if path.stem.startswith(number)) for number in ("12", "13"))
VARIANT = """{ products(first: 20) { nodes { variants(first: 1) { nodes { id requiresShipping
  availability { state quantity } } } } } }"""


def ask(stack: RunningStack, query: str, variables: dict[str, Any]) -> Any:
    body = {"query": query, "variables": variables}
    answer = httpx.post(f"{stack.url}/graphql", json=body, headers={"accept": "application/json"}, timeout=SECONDS)
    assert "errors" not in answer.json(), answer.json()["errors"]
    return answer.json()["data"]


@pytest.fixture
def memory(stack: RunningStack) -> dict[str, str]:
    """What a client that has just made a cart remembers."""
    variants = [product["variants"]["nodes"][0] for product in ask(stack, VARIANT, {})["products"]["nodes"]]
    plenty = next(each for each in variants if each["requiresShipping"] and each["availability"]["state"] == "IN_STOCK")
    memory = {"variantId": plenty["id"]}
    remember(ask(stack, CART.read_text(), variables_of(CART, memory)), memory)
    return memory


def pay(stack: RunningStack, memory: dict[str, str], **changes: Any) -> Any:
    variables = variables_of(PAY, memory)
    variables["input"] |= {"idempotencyKey": str(uuid.uuid4()), **changes}
    query = PAY.read_text().replace("userErrors {", "userErrors {\n        ... on UserError { __typename }", 1)
    return ask(stack, query, variables)["checkoutComplete"]


@pytest.mark.parametrize(("card", "outcome", "code", "_reason"), CARDS)
def test_a_card_leads_to_its_outcome(
    stack: RunningStack, memory: dict[str, str], card: str, outcome: str, code: str, _reason: str
) -> None:
    answer = pay(stack, memory, payment={"paymentMethodId": card})

    assert answer["__typename"] == outcome
    assert [error["code"] for error in answer.get("userErrors", [])] == ([code] if code else [])


def test_another_total_is_a_changed_price(stack: RunningStack, memory: dict[str, str]) -> None:
    answer = pay(stack, memory, expectedTotal={"amount": "0.01", "currencyCode": "USD"})

    assert [error["code"] for error in answer["userErrors"]] == ["PRICE_CHANGED"]


def test_the_table_has_every_outcome_but_changes_of_the_cart() -> None:
    outcomes = {outcome for _, outcome, _, _ in CARDS}

    assert outcomes == {
        "CheckoutCompleted",
        "CheckoutActionRequired",
        "CheckoutProcessing",
        "CheckoutPaymentQueued",
        "CheckoutFailed",
    }
