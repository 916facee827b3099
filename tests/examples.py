"""The example documents as a client runs them: in order, each with what those before it found."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

DOCUMENTS = sorted((Path(__file__).resolve().parents[1] / "docs" / "examples").glob("*.graphql"))
# what a client keeps from an answer: a name for it, and how its id begins
KEPT = {"cart": "cartId", "var": "variantId", "ship": "deliveryOptionId", "attempt": "attemptId"}
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
            elif name == "cartTotal" and isinstance(each, dict):
                memory["totalWithDelivery"] = each["amount"]
            remember(each, memory)


def variables_of(document: Path, memory: dict[str, str]) -> dict[str, Any]:
    """A document's variables with every placeholder replaced; one that nothing was kept for is a KeyError."""
    variables = document.with_suffix(".json")
    if not variables.exists():
        return {}
    memory["newKey"] = f"key-of-the-examples-{next(_keys)}"
    filled: dict[str, Any] = json.loads(re.sub(r"<(\w+)>", lambda name: memory[name[1]], variables.read_text()))
    return filled
