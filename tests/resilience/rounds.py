"""What clients do in one round of the kill -9 matrix: fill a cart, pay, go to the bank, cancel, send it all again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
from sqlalchemy import text

from tests.resilience.plant import APIS, Plant
from tests.shopkeeping import Api, Stocked
from tests.waiting import until

ARMED_API, OTHER_API = APIS
STAYS = frozenset({"CheckoutCompleted", "CheckoutFailed", "CheckoutActionRequired"})  # answers that a key keeps


@dataclass(frozen=True, slots=True)
class Round:
    """One killing. client: keeps no connection; random: decides what differs from round to round."""

    plant: Plant
    client: httpx.AsyncClient
    mug: Stocked
    random: Random
    number: str

    @property
    def armed(self) -> Api:
        """The API process that is to end."""
        return self.plant.api(ARMED_API, self.client)

    @property
    def other(self) -> Api:
        """The API process that goes on."""
        return self.plant.api(OTHER_API, self.client)

    async def cart(self) -> Any:
        """A cart whose buyer accepts what it costs."""
        cart = await self.other.ready_cart((self.mug.variant_id, self.random.choice((1, 2))))
        self.plant.accepts(cart)
        return cart

    async def pay(self, api: Api, cart: Any, card: str) -> Any:
        """Check out once; None where the process ended before it answered."""
        try:
            return await api.checkout(cart, key=f"key-{self.number}", pay=card)
        except httpx.TransportError:
            return None

    async def insist(self, cart: Any, card: str) -> None:
        """Send the very same request again, to any process, until it is answered for good; do what the bank asks."""

        async def is_answered() -> bool:
            api = self.random.choice((self.armed, self.other) if ARMED_API in self.plant.processes else (self.other,))
            outcome = await self.pay(api, cart, card)
            if outcome is None or outcome["__typename"] not in STAYS:
                await asyncio.sleep(0.1)
                return False
            if outcome["__typename"] == "CheckoutActionRequired":
                await self.at_the_bank(outcome)
                await until(lambda: self.has_ended(outcome))
            return True

        await until(is_answered)

    async def at_the_bank(self, outcome: Any) -> None:
        """Do what the bank asks for."""
        await self.plant.provider.answer_bank(outcome["clientSecret"], "succeed")

    async def perhaps_at_the_bank(self, outcome: Any) -> None:
        """Do or do not what the bank asks for, or fail there."""
        does = self.random.choice(("succeed", "succeed", "fail", None))
        if does is not None:
            await self.plant.provider.answer_bank(outcome["clientSecret"], does)

    async def cancel(self, api: Api, outcome: Any) -> Any:
        """Cancel the payment of an answer; None where the process ended before it answered."""
        query = "mutation ($i: CheckoutAttemptCancelInput!) { checkoutAttemptCancel(input: $i) { attempt { state } } }"
        try:
            return await api.data(query, i={"attemptId": outcome["attempt"]["id"]})
        except httpx.TransportError:
            return None

    async def cancel_order(self, outcome: Any) -> None:
        """Cancel the order of an answer."""
        query = "query ($t: String!) { order(by: {accessToken: $t}) { id } }"
        token = outcome["orderAccessToken"]
        order = (await self.other.data(query, t=token))["order"]
        query = "mutation ($i: OrderCancelInput!) { orderCancel(input: $i) { userErrors { message } } }"
        payload = await self.other.data(query, i={"orderId": order["id"], "accessToken": token})
        assert payload["orderCancel"]["userErrors"] == []

    async def is_paid(self) -> bool:
        """Whether the latest order is."""
        async with self.plant.shop.database.read_fresh() as connection:
            query = text("SELECT payment_status FROM orders ORDER BY number DESC LIMIT 1")
            return (await connection.execute(query)).scalar_one() == "paid"

    async def has_ended(self, outcome: Any) -> bool:
        """Whether the attempt of an answer has come to its end; it is looked at sooner than it would be."""
        await self.plant.hasten()
        query = "query ($id: ID!) { checkoutAttempt(id: $id) { state } }"
        attempt = (await self.other.data(query, id=outcome["attempt"]["id"]))["checkoutAttempt"]
        return attempt["state"] in ("SUCCEEDED", "FAILED", "CANCELED")
