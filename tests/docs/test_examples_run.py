"""The example documents, run in order over HTTP as the explorer's tabs are: each uses what those before it found."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import httpx

from tests.conftest import REPOSITORY, RunningStack

EXAMPLES = sorted((REPOSITORY / "docs" / "examples").glob("*.graphql"))
# what a client keeps from an answer: a name for it, and how its id begins
KEPT = {"cart": "cartId", "var": "variantId", "ship": "deliveryOptionId", "attempt": "attemptId"}
SECONDS = 30
_keys = itertools.count(1)


def remember(value: Any, memory: dict[str, str]) -> None:
    """Keep the ids, the access token and the cart's total that an answer shows."""
    if isinstance(value, list):
        for each in value:
            remember(each, memory)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name == "id" and isinstance(each, str) and (kept := KEPT.get(each.partition("_")[0])):
                memory[kept] = each
            elif name == "orderAccessToken":
                memory[name] = each
            elif name == "cost" and isinstance(each, dict) and "amount" in each.get("total", {}):
                memory["total"] = each["total"]["amount"]
            remember(each, memory)


def filled(variables: str, memory: dict[str, str]) -> Any:
    """The variables with every placeholder replaced; one that nothing was kept for is a KeyError."""
    memory["newKey"] = f"example-{next(_keys)}"
    return json.loads(re.sub(r"<(\w+)>", lambda name: memory[name[1]], variables))


def ask(url: str, body: dict[str, Any]) -> Any:
    """The answer to a query or mutation, or the first one to a subscription."""
    if not re.search(r"^subscription ", body["query"], re.MULTILINE):
        return httpx.post(url, json=body, headers={"accept": "application/json"}, timeout=SECONDS).json()
    headers = {"accept": "text/event-stream"}
    with httpx.stream("POST", url, json=body, headers=headers, timeout=SECONDS) as response:
        lines = response.iter_lines()
        assert next(lines) == "event: next", response.status_code
        return json.loads(next(lines).removeprefix("data: "))


def test_they_lead_from_a_search_to_a_paid_order(stack: RunningStack) -> None:
    memory: dict[str, str] = {}
    outcomes: dict[str, Any] = {}

    for path in EXAMPLES:
        variables = path.with_suffix(".json")
        body = {
            "query": path.read_text(),
            "variables": filled(variables.read_text(), memory) if variables.exists() else {},
        }
        answer = ask(f"{stack.url}/graphql", body)
        assert "errors" not in answer, (path.name, answer["errors"])
        outcomes[path.stem] = answer["data"]
        remember(answer["data"], memory)

    assert outcomes["06-card-declined"]["checkoutComplete"]["__typename"] == "CheckoutFailed"
    assert outcomes["07-pay"]["checkoutComplete"]["__typename"] == "CheckoutCompleted"
    assert outcomes["08-order"]["order"]["paymentStatus"] == "PAID"
    assert outcomes["10-card-approval"]["checkoutComplete"]["__typename"] == "CheckoutActionRequired"
    assert outcomes["11-wait-for-approval"]["checkoutAttemptUpdated"]["state"] == "ACTION_REQUIRED"
