"""Buyers of a plant, by HTTP: they send a request again for as long as the shop asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx

from app.core.ids import VariantId
from tests.buying import buy
from tests.resilience.plant import APIS, Plant

AT_ONCE = 50  # checkouts: more than the processes have connections, so that some are told to come again
CARTS_AT_ONCE = 10


async def carts(plant: Plant, client: httpx.AsyncClient, variant_id: VariantId, count: int) -> list[Any]:
    """So many carts with one unit, made by both processes."""
    turns = asyncio.Semaphore(CARTS_AT_ONCE)

    async def fill(number: int) -> Any:
        async with turns:
            cart = await plant.api(APIS[number % 2], client).ready_cart((variant_id, 1))
        plant.accepts(cart)
        return cart

    return await asyncio.gather(*map(fill, range(count)))


async def all_buy(plant: Plant, client: httpx.AsyncClient, everybody: Sequence[Any], key: str) -> list[Any]:
    """Everybody's answer; they come to both processes, AT_ONCE at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, cart: Any) -> Any:
        async with turns:
            return await buy(plant.api(APIS[number % 2], client), cart, key)

    return await asyncio.gather(*(one(number, cart) for number, cart in enumerate(everybody)))
