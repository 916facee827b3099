"""A buyer who sends a checkout again for as long as the shop asks for it."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.shopkeeping import Api

REPEATS = 100  # of a request that was answered with SERVICE_UNAVAILABLE: a busy machine may need some

_CHECKOUT = """mutation ($i: CheckoutCompleteInput!) { checkoutComplete(input: $i) { __typename
  ... on CheckoutCompleted { attempt { id } order { number } }
  ... on CheckoutProcessing { attempt { id } }
  ... on CheckoutPaymentQueued { attempt { id } order { number } }
  ... on CheckoutFailed { userErrors { code ... on InsufficientStockError { requested available } } } } }"""


async def buy(api: Api, cart: dict[str, Any], key: str, pay: str = "pm_card_visa") -> dict[str, Any]:
    """The answer to a checkout, once the shop has one."""
    values = {
        "cartId": cart["id"],
        "idempotencyKey": key,
        "expectedTotal": {name: cart["cost"]["total"][name] for name in ("amount", "currencyCode")},
        "payment": {"paymentMethodId": pay},
    }
    for _ in range(REPEATS):
        answer = await api(_CHECKOUT, i=values)
        if answer.codes() != ["SERVICE_UNAVAILABLE"]:
            assert answer.errors == []
            if answer.data["checkoutComplete"]["__typename"] != "CheckoutProcessing":
                found: dict[str, Any] = answer.data["checkoutComplete"]
                return found
        await asyncio.sleep(0.05)
    raise AssertionError("the shop never answered")
