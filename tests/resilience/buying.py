"""Buyers of a plant, by HTTP: they send a request again for as long as the shop asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx

from app.core.ids import VariantId
from tests.resilience.plant import APIS, Plant
from tests.shopkeeping import Api

AT_ONCE = 50  # checkouts: more than the processes have connections, so that some are told to come again
CARTS_AT_ONCE = 10
REPEATS = 100  # of a request that was answered with SERVICE_UNAVAILABLE: a busy machine may need some

_CHECKOUT = """mutation ($i: CheckoutCompleteInput!) { checkoutComplete(input: $i) { __typename
  ... on CheckoutCompleted { attempt { id } order { number } }
  ... on CheckoutProcessing { attempt { id } }
  ... on CheckoutPaymentQueued { attempt { id } order { number } }
  ... on CheckoutFailed { userErrors { code } } } }"""


async def carts(plant: Plant, client: httpx.AsyncClient, variant_id: VariantId, count: int) -> list[Any]:
    """So many carts with one unit, made by both processes."""
    turns = asyncio.Semaphore(CARTS_AT_ONCE)

    async def fill(number: int) -> Any:
        async with turns:
            cart = await plant.api(APIS[number % 2], client).ready_cart((variant_id, 1))
        plant.accepts(cart)
        return cart

    return await asyncio.gather(*map(fill, range(count)))


async def buy(api: Api, cart: Any, key: str, pay: str = "pm_card_visa") -> Any:
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
                return answer.data["checkoutComplete"]
        await asyncio.sleep(0.05)
    raise AssertionError("the shop never answered")


async def all_buy(plant: Plant, client: httpx.AsyncClient, everybody: Sequence[Any], key: str) -> list[Any]:
    """Everybody's answer; they come to both processes, AT_ONCE at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, cart: Any) -> Any:
        async with turns:
            return await buy(plant.api(APIS[number % 2], client), cart, key)

    return await asyncio.gather(*(one(number, cart) for number, cart in enumerate(everybody)))
