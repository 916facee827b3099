"""The windows of the kill -9 matrix: which process ends where, and what a client does to bring it there.

Each is played against a plant whose other processes run, and leaves it to the caller to judge what has become of it.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from app.core.fault_points import FaultPoint
from tests.resilience.plant import WORKER, Plant
from tests.resilience.rounds import ARMED_API, OTHER_API, Round
from tests.waiting import until

APPROVED_CARD = "pm_card_threeDSecure2Required"
CARDS = (*("pm_card_visa",) * 4, "pm_card_visa_chargeDeclined", "pm_card_threeDSecure2Required")


@dataclass(frozen=True, slots=True)
class Window:
    """Where a process ends, and how it comes there."""

    process: str
    point: FaultPoint
    play: Callable[[Round, FaultPoint], Awaitable[None]]
    after: str = ""

    @property
    def name(self) -> str:
        """What it is called in a table."""
        return f"{self.process} {self.point.value}{' after ' * bool(self.after)}{self.after}"


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
    await _queue(round_, cart, card)
    await _end_worker(round_, point)
    await asyncio.gather(round_.insist(cart, card), plant.settle())


async def expire(round_: Round, point: FaultPoint) -> None:
    """The buyer's time at the bank is up; they succeed there while the worker that gives the order up has ended."""
    plant = round_.plant
    await plant.stop(WORKER)
    asked = await round_.pay(round_.other, await round_.cart(), APPROVED_CARD)
    async with plant.shop.database.write() as connection:
        await connection.execute(text("UPDATE payment_attempt SET expires_at = now() WHERE state = 'action_required'"))
    await _end_worker(round_, point, between=lambda: round_.perhaps_at_the_bank(asked))
    await plant.settle()


async def cancel_at_the_api(round_: Round, point: FaultPoint) -> None:
    """The buyer cancels a payment that waits at the bank, and succeeds there once the API process has ended."""
    plant = round_.plant
    asked = await round_.pay(round_.other, await round_.cart(), APPROVED_CARD)
    await plant.start(ARMED_API, at=point.value)
    answer, _ = await asyncio.gather(round_.cancel(round_.armed, asked), plant.ended_at(ARMED_API, point))
    assert answer is None
    await round_.perhaps_at_the_bank(asked)
    if round_.random.random() < 0.5:
        await round_.cancel(round_.other, asked)
    await plant.settle()


async def cancel_by_the_worker(round_: Round, point: FaultPoint) -> None:
    """The provider does not take a cancellation; the worker that goes on with it ends."""
    plant = round_.plant
    await plant.stop(WORKER)
    asked = await round_.pay(round_.other, await round_.cart(), APPROVED_CARD)
    await plant.provider.fault("503", match="POST /v1/payment_intents/.*/cancel", times=None)
    await round_.cancel(round_.other, asked)
    await plant.provider.heal()
    await _end_worker(round_, point, between=lambda: round_.perhaps_at_the_bank(asked))
    await plant.settle()


async def refund(round_: Round, point: FaultPoint) -> None:
    """A paid order is canceled; the worker that gives the money back ends after it did."""
    plant = round_.plant
    paid = await round_.pay(round_.other, await round_.cart(), "pm_card_visa")
    await plant.settle()
    await plant.stop(WORKER)
    await round_.cancel_order(paid)
    await _end_worker(round_, point)
    await plant.settle()


async def confirm(round_: Round, point: FaultPoint) -> None:
    """An order is paid; the worker that sends the e-mail ends after it did."""
    plant = round_.plant
    await plant.stop(WORKER)
    await round_.pay(round_.other, await round_.cart(), "pm_card_visa")
    await _end_worker(round_, point)
    await plant.settle()


async def kill_a_draining_worker(round_: Round, point: FaultPoint) -> None:
    """A worker is told to stop while it asks the provider, and killed before the answer comes."""
    plant, cart, card = round_.plant, await round_.cart(), "pm_card_visa"
    await _queue(round_, cart, card)
    slow = await plant.provider.fault("hang", when="after", match=".*", seconds=60)
    await plant.start(WORKER, at=point.value)
    await plant.hasten()
    await until(lambda: _is_hit(round_, slow))
    plant.processes[WORKER].send(signal.SIGTERM)
    await plant.ended_at(WORKER, point)
    await plant.provider.heal()
    plant.relay.send_to(plant.ports[OTHER_API])
    await plant.start(WORKER)
    await asyncio.gather(round_.insist(cart, card), plant.settle())


async def kill_a_draining_api(round_: Round, point: FaultPoint) -> None:
    """An API process is told to stop while it asks the provider, takes no more requests, and is killed."""
    plant, cart, card = round_.plant, await round_.cart(), "pm_card_visa"
    await plant.start(ARMED_API, at=point.value)
    slow = await plant.provider.fault("hang", when="after", seconds=60)
    asking = asyncio.create_task(round_.pay(round_.armed, cart, card))
    await until(lambda: _is_hit(round_, slow))
    plant.processes[ARMED_API].send(signal.SIGTERM)
    await plant.ended_at(ARMED_API, point)
    assert await asking is None
    await plant.provider.heal()
    await plant.start(ARMED_API)
    await asyncio.gather(round_.insist(cart, card), plant.settle())
    await plant.stop(ARMED_API)


async def end_a_webhook(round_: Round, point: FaultPoint) -> None:
    """The bank's word comes by a webhook only; the process that takes it in ends. The provider sends it again."""
    plant = round_.plant
    await plant.stop(WORKER)
    asked = await round_.pay(round_.other, await round_.cart(), APPROVED_CARD)
    await plant.start(ARMED_API, at=point.value)
    plant.relay.send_to(plant.ports[ARMED_API])
    await plant.provider.answer_bank(asked["clientSecret"], round_.random.choice(("succeed", "fail")))
    await plant.ended_at(ARMED_API, point)
    plant.relay.send_to(plant.ports[OTHER_API])
    await plant.start(WORKER)
    await until(lambda: round_.has_ended(asked))
    await plant.settle()


async def webhook_first(round_: Round, point: FaultPoint) -> None:
    """The webhook is taken in before the answer to the call comes; then the process that called ends."""
    plant, cart = round_.plant, await round_.cart()
    await plant.start(ARMED_API, at=point.value)
    slow = await plant.provider.fault("slow", when="after", seconds=2.0)
    asking = asyncio.create_task(round_.pay(round_.armed, cart, "pm_card_visa"))
    await until(lambda: _is_hit(round_, slow))
    await until(round_.is_paid)
    await plant.provider.heal()
    await plant.ended_at(ARMED_API, point)
    assert await asking is None
    await plant.start(ARMED_API)
    await asyncio.gather(round_.insist(cart, "pm_card_visa"), plant.settle())
    await plant.stop(ARMED_API)


async def reconcile(round_: Round, point: FaultPoint) -> None:
    """The provider's word was lost, and the job that would ask for it; the worker that compares ends in the middle."""
    plant = round_.plant
    await plant.stop(WORKER)
    asked = [await round_.pay(round_.other, await round_.cart(), APPROVED_CARD) for _ in range(3)]
    plant.relay.send_nowhere()
    for each in asked:
        await plant.provider.answer_bank(each["clientSecret"], "succeed")
    await plant.forget_jobs()
    await plant.start(WORKER, at=point.value)
    await plant.ended_at(WORKER, point)
    plant.relay.send_to(plant.ports[OTHER_API])
    await plant.start(WORKER)
    await plant.settle()


async def _queue(round_: Round, cart: Any, card: str) -> None:
    """Have a payment wait for the worker, which does not run: its request died, or its calls had no answer."""
    plant = round_.plant
    await plant.stop(WORKER)
    plant.relay.send_nowhere()  # a webhook would tell what the worker is to find out
    if round_.random.random() < 0.5:
        point = round_.random.choice((FaultPoint.ORDER_COMMITTED, FaultPoint.BYTES_SENT, FaultPoint.ANSWER_RECEIVED))
        await plant.start(ARMED_API, at=point.value)
        await asyncio.gather(round_.pay(round_.armed, cart, card), plant.ended_at(ARMED_API, point))
        return
    mode, when = round_.random.choice((("503", "before"), ("lost", "after"), ("500", "after"), ("429", "before")))
    await plant.provider.fault(mode, when=when, times=None)
    queued = await round_.pay(round_.other, cart, card)
    await plant.note_alerts()
    await plant.provider.heal()
    await plant.renew(OTHER_API)
    assert queued["__typename"] == "CheckoutPaymentQueued", queued


async def _end_worker(round_: Round, point: FaultPoint, between: Callable[[], Awaitable[None]] | None = None) -> None:
    """Have a worker end at the point, and start another one. between: what happens while none runs."""
    plant = round_.plant
    await plant.start(WORKER, at=point.value)
    hastening = asyncio.create_task(_hasten_for_ever(plant))
    try:
        await plant.ended_at(WORKER, point)
    finally:
        hastening.cancel()
    plant.relay.send_to(plant.ports[OTHER_API])
    if between is not None:
        await between()
    await plant.start(WORKER)


async def _hasten_for_ever(plant: Plant) -> None:
    while True:
        await plant.hasten()
        await asyncio.sleep(0.2)


async def _is_hit(round_: Round, fault_id: str) -> bool:
    return await round_.plant.provider.hits(fault_id) > 0


CHECKOUT_POINTS = (
    FaultPoint.KEY_CLAIMED,
    FaultPoint.BEFORE_RESERVATION,
    FaultPoint.AFTER_RESERVATION,
    FaultPoint.ORDER_COMMITTED,
    FaultPoint.BYTES_SENT,
    FaultPoint.ANSWER_RECEIVED,
    FaultPoint.OUTCOME_RECORDED,
)
CHECK_POINTS = (
    FaultPoint.JOB_CLAIMED,
    FaultPoint.CHECK_CLAIMED,
    FaultPoint.BYTES_SENT,
    FaultPoint.CHECK_ANSWERED,
    FaultPoint.CHECK_RECORDED,
)
WEBHOOK_POINTS = (FaultPoint.WEBHOOK_VERIFIED, FaultPoint.EVENT_STORED, FaultPoint.EVENT_APPLIED)
WINDOWS = (
    *(Window(ARMED_API, point, end_the_api) for point in CHECKOUT_POINTS),
    *(Window(WORKER, point, end_the_worker) for point in CHECK_POINTS),
    Window(WORKER, FaultPoint.EXPIRY_DECIDED, expire),
    Window(ARMED_API, FaultPoint.CANCEL_COMMITTED, cancel_at_the_api),
    Window(WORKER, FaultPoint.CANCEL_DECIDED, cancel_by_the_worker),
    Window(WORKER, FaultPoint.REFUND_ANSWERED, refund),
    Window(WORKER, FaultPoint.MAIL_SENT, confirm),
    Window(WORKER, FaultPoint.DRAINING, kill_a_draining_worker),
    Window(ARMED_API, FaultPoint.DRAINING, kill_a_draining_api),
    *(Window(ARMED_API, point, end_a_webhook) for point in WEBHOOK_POINTS),
    Window(ARMED_API, FaultPoint.ANSWER_RECEIVED, webhook_first, after="a_webhook"),
    Window(WORKER, FaultPoint.RECONCILING, reconcile),
)
