"""The example documents, run in order over HTTP as the explorer's tabs are: each uses what those before it found."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

from tests.conftest import RunningStack
from tests.examples import DOCUMENTS, remember, variables_of

SECONDS = 30


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

    for path in DOCUMENTS:
        body = {"query": path.read_text(), "variables": variables_of(path, memory)}
        answer = ask(f"{stack.url}/graphql", body)
        assert "errors" not in answer, (path.name, answer["errors"])
        outcomes[path.stem] = answer["data"]
        remember(answer["data"], memory)

    assert outcomes["06-card-declined"]["checkoutComplete"]["__typename"] == "CheckoutFailed"
    assert outcomes["07-pay"]["checkoutComplete"]["__typename"] == "CheckoutCompleted"
    assert outcomes["08-order"]["order"]["paymentStatus"] == "PAID"
    assert outcomes["10-card-approval"]["checkoutComplete"]["__typename"] == "CheckoutActionRequired"
    assert outcomes["11-wait-for-approval"]["checkoutAttemptUpdated"]["state"] == "ACTION_REQUIRED"
    assert outcomes["12-whole-cart"]["cartCreate"]["cart"]["readiness"]["missing"] == ["DELIVERY_OPTION"]
    assert outcomes["13-pay-whole-cart"]["checkoutComplete"]["__typename"] == "CheckoutCompleted"
