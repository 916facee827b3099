"""The windows of the kill -9 matrix: which process ends where, and what a client does to bring it there.

Each is played against a plant whose other processes run, and leaves it to the caller to judge what has become of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
from sqlalchemy import text

from app.core.fault_points import FaultPoint
from tests.resilience.plant import APIS, WORKER, Plant
from tests.shopkeeping import Api, Stocked
from tests.waiting import until

ARMED_API, OTHER_API = APIS
STAYS = frozenset({"CheckoutCompleted", "CheckoutFailed", "CheckoutActionRequired"})  # answers that a key keeps
CARDS = (*("pm_card_visa",) * 4, "pm_card_visa_chargeDeclined", "pm_card_threeDSecure2Required")


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
            api = self.random.choice((self.armed, self.other))
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

    async def has_ended(self, outcome: Any) -> bool:
        """Whether the attempt of an answer has come to its end; it is looked at sooner than it would be."""
        await self.plant.hasten()
        query = "query ($id: ID!) { checkoutAttempt(id: $id) { state } }"
        attempt = (await self.other.data(query, id=outcome["attempt"]["id"]))["checkoutAttempt"]
        return attempt["state"] in ("SUCCEEDED", "FAILED", "CANCELED")


@dataclass(frozen=True, slots=True)
class Window:
    """Where a process ends, and how it comes there."""

    point: FaultPoint
    process: str
    play: Callable[[Round, FaultPoint], Awaitable[None]]

    @property
    def name(self) -> str:
        """What it is called in a table."""
        return f"{self.process} {self.point.value}"


async def end_the_api(round_: Round, point: FaultPoint) -> None:
    """A checkout ends its API process; the client sends it again."""
    plant, cart, card = round_.plant, await round_.cart(), round_.random.choice(CARDS)
    await plant.start(ARMED_API, at=point.value)
    answer, _ = await asyncio.gather(round_.pay(round_.armed, cart, card), plant.ended_at(ARMED_API, point))
    assert answer is None
    await plant.start(ARMED_API)
    await asyncio.gather(round_.insist(cart, card), plant.settle())
    await plant.stop(ARMED_API)


async def end_the_worker(round_: Round, point: FaultPoint) -> None:
    """A payment that got no answer waits for the worker, which ends."""
    plant, cart, card = round_.plant, await round_.cart(), round_.random.choice(CARDS)
    mode, when = round_.random.choice((("503", "before"), ("lost", "after"), ("500", "after"), ("429", "before")))
    await plant.stop(WORKER)
    await plant.provider.fault(mode, when=when, times=None)
    queued = await round_.pay(round_.other, cart, card)
    await plant.note_alerts()
    await plant.provider.heal()
    assert queued["__typename"] in ("CheckoutPaymentQueued", "CheckoutFailed", "CheckoutActionRequired"), queued
    await plant.start(WORKER, at=point.value)
    await asyncio.gather(plant.hasten(), plant.ended_at(WORKER, point))
    await plant.start(WORKER)
    await asyncio.gather(round_.insist(cart, card), plant.settle())


async def expire(round_: Round, point: FaultPoint) -> None:
    """The buyer's time at the bank is up; they succeed there while the worker that gives the order up has ended."""
    plant, cart, card = round_.plant, await round_.cart(), "pm_card_threeDSecure2Required"
    await plant.stop(WORKER)
    asked = await round_.pay(round_.other, cart, card)
    async with plant.shop.database.write() as connection:
        await connection.execute(text("UPDATE payment_attempt SET expires_at = now() WHERE state = 'action_required'"))
    await plant.start(WORKER, at=point.value)
    await asyncio.gather(plant.hasten(), plant.ended_at(WORKER, point))
    if round_.random.random() < 0.7:
        await plant.provider.answer_bank(asked["clientSecret"], round_.random.choice(("succeed", "fail")))
    await plant.start(WORKER)
    await plant.settle()


WINDOWS = (
    *(
        Window(point, ARMED_API, end_the_api)
        for point in (
            FaultPoint.KEY_CLAIMED,
            FaultPoint.BEFORE_RESERVATION,
            FaultPoint.AFTER_RESERVATION,
            FaultPoint.ORDER_COMMITTED,
            FaultPoint.BYTES_SENT,
            FaultPoint.ANSWER_RECEIVED,
            FaultPoint.OUTCOME_RECORDED,
        )
    ),
    *(
        Window(point, WORKER, end_the_worker)
        for point in (
            FaultPoint.CHECK_CLAIMED,
            FaultPoint.BYTES_SENT,
            FaultPoint.CHECK_ANSWERED,
            FaultPoint.CHECK_RECORDED,
        )
    ),
    Window(FaultPoint.EXPIRY_DECIDED, WORKER, expire),
)
