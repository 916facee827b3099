"""Buyers of a run: they press twice, lose patience, come back with the same key, fail at the bank, or go away."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app.cart.domain import CartState
from app.checkout.domain import CheckoutRequest
from app.core.errors import ClientError, OperationalError, Rejected
from app.core.ids import CartId, VariantId
from app.core.stock import StockPolicy
from app.inventory.domain import StockLevel
from app.payments.domain import AttemptState, PaymentAttempt, PaymentMethod
from tests.resilience.simulation.shop import SimulatedShop
from tests.resilience.simulation.world import World, died
from tests.unit.fakes import ADDRESS, cart, line, offer, usd

CARDS = (
    *("pm_card_visa",) * 5,
    *("pm_card_visa_chargeDeclined", "pm_card_visa_chargeDeclinedInsufficientFunds"),
    *("pm_card_threeDSecure2Required",) * 3,
    "pm_card_threeDSecureRequiredChargeDeclined",
    "pm_card_nobody_has",
)
CLIENT_SECONDS = 15.0  # before a client takes its request for lost and sends it again
PRICE, SHIPPING = 1_800, 490
VARIANTS = (VariantId(7), VariantId(8))


@dataclass(frozen=True, slots=True)
class Answered:
    """What a call came to: an attempt, or why there is none."""

    attempt: PaymentAttempt | None = None
    error: Exception | None = None


class Crowd:
    """All buyers of a run. accepted: the totals that each cart's buyer accepted; initial: units on the shelf."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.accepted: defaultdict[CartId, set[int]] = defaultdict(set)
        self.initial: dict[VariantId, int] = {}
        self._random = world.random
        for variant_id in VARIANTS:
            units = world.plan.units
            self.initial[variant_id] = units
            world.database.books.offers[variant_id] = offer(variant_id, price=PRICE)
            world.database.books.levels[variant_id] = StockLevel(variant_id, StockPolicy.DENY, units, 0)

    async def buy(self) -> None:
        """Everybody buys; returns when all have what they wanted, or have gone away."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(self.world.plan.buyers):
                tasks.create_task(self._shop(number + 1))

    async def _shop(self, number: int) -> None:
        cart_id = self.fill_cart(number)
        await asyncio.sleep(self._random.choice((0.0, 0.0, self._random.uniform(0, 30))))
        for visit in range(self._random.choice((1, 2, 3))):
            total = await self._look_at_cart(cart_id)
            if total is None:
                return
            self.accepted[cart_id].add(total)
            method = PaymentMethod(payment_method_id=self._random.choice(CARDS))
            request = CheckoutRequest(cart_id, f"visit-{visit}", usd(total), method)
            attempt = await self._submit(request)
            if attempt is None:
                continue
            if self._random.random() < 0.2:
                await self._give_up(attempt)
            attempt = await self._follow(attempt)
            self._hit(f"left with {attempt.state.value}")
            if attempt.state is AttemptState.SUCCEEDED:
                await self._regret(attempt)
            if attempt.state is AttemptState.SUCCEEDED or self._random.random() < 0.3:
                return

    def fill_cart(self, number: int) -> CartId:
        lines = [line(10 * number, VARIANTS[0], self._random.choice((1, 1, 2)), price=PRICE)]
        if self._random.random() < 0.3:
            lines.append(line(10 * number + 1, VARIANTS[1], 1, price=PRICE))
        stored = cart(*lines, now=self.world.clock.now(), email="ada@example.com", shipping_address=ADDRESS)
        cart_id = CartId(self.world.ids.new_uuid())
        self.world.database.books.carts[cart_id] = replace(stored, id=cart_id, delivery_option_id=1)
        return cart_id

    async def _look_at_cart(self, cart_id: CartId) -> int | None:
        """What it costs now; None where it cannot be bought."""
        answer: Any = await self._ask(lambda shop: shop.read_cart(cart_id, caller=None))
        if answer is None or answer.state is not CartState.ACTIVE:
            return None
        if self._random.random() < 0.1:  # the price goes up after the buyer has seen it
            self._raise_price()
        total: int = answer.cost.total.minor
        return total

    def _raise_price(self) -> None:
        offers = self.world.database.books.offers
        before = offers[VARIANTS[0]]
        assert before.price is not None
        offers[VARIANTS[0]] = replace(before, price=before.price + usd(100))
        self.world.note("the price goes up")

    async def _submit(self, request: CheckoutRequest) -> PaymentAttempt | None:
        """Send it once or several times at once; every answer has to be about the same order."""
        times = self._random.choice((1, 1, 1, 2, 5))
        answers = await asyncio.gather(*(self._insist(request) for _ in range(times)))
        attempts = [answer.attempt for answer in answers if answer.attempt is not None]
        for answer in answers:
            if answer.error is not None:
                self._note_refusal(answer.error)
        if len({(attempt.id, attempt.order_id) for attempt in attempts}) > 1:
            self.world.faults.append(f"callers of {request.idempotency_key} were told of several orders")
        self._hit(f"sent {times} at once", bool(attempts))
        return max(attempts, key=lambda attempt: attempt.updated_at, default=None)

    async def _insist(self, request: CheckoutRequest) -> Answered:
        """Send the same request again until it is answered, or patience ends."""
        for _ in range(self._random.choice((1, 3, 10))):
            try:
                attempt: PaymentAttempt = await self._call(lambda shop: shop.place_order(request))
            except ClientError as error:
                return Answered(error=error)
            except (ConnectionError, TimeoutError, OperationalError) as error:
                self.world.note(f"client  {request.idempotency_key}: {error!r}")
                await asyncio.sleep(self._random.uniform(0.1, 5))
                continue
            except Exception as error:  # noqa: BLE001  the world has noted it as a fault
                return Answered(error=error)
            self._hit(f"answered {attempt.state.value}")
            self.world.note(f"client  {request.idempotency_key}: {attempt.state.value} {attempt.id}")
            return Answered(attempt=attempt)
        self._hit("went away without an answer")
        return Answered()

    async def _ask(self, work: Any) -> Any:
        """The answer of a read, however long it takes."""
        while True:
            try:
                return await self._call(work)
            except (ConnectionError, TimeoutError, OperationalError):
                await asyncio.sleep(1)

    async def _call(self, work: Any) -> Any:
        """One request to one of the API processes, as its client sees it."""
        apis: Sequence[str] = list(self.world.apis)
        if not apis:
            raise ConnectionError("nobody listens")
        task = self.world.watched_call(self._random.choice(apis), work)
        await asyncio.wait([task], timeout=CLIENT_SECONDS)
        if not task.done():
            raise TimeoutError  # the server goes on: it does not know
        if task.cancelled():
            raise ConnectionError("the connection was closed")
        error = task.exception()
        if error is not None and died(error):
            raise ConnectionError("the connection was closed")
        return task.result()

    async def _follow(self, attempt: PaymentAttempt) -> PaymentAttempt:
        """Look again and again, and do what the bank asks, until the payment has ended or the buyer has gone."""
        asked = False
        for look in range(40):
            if attempt.state.is_final or self._random.random() < 0.03:
                break
            if attempt.state is AttemptState.ACTION_REQUIRED and not asked:
                asked = True
                if not await self._at_the_bank(attempt):
                    break
            await asyncio.sleep(2.0 * (look + 1))
            attempt = await self._ask(partial(self._find, attempt))
        return attempt

    async def _give_up(self, attempt: PaymentAttempt) -> None:
        """Cancel the payment while nobody may know yet what has become of it, perhaps twice at once."""
        await asyncio.sleep(self._random.choice((0.0, self._random.uniform(0, 2), self._random.uniform(0, 60))))
        times = self._random.choice((1, 1, 2))
        answers = await asyncio.gather(
            *(self._say("cancel the payment", lambda shop: shop.cancel_attempt(attempt.id)) for _ in range(times))
        )
        self._hit("canceled a payment", any(answers))

    async def _regret(self, attempt: PaymentAttempt) -> None:
        """Cancel the order, or have some of the money back, or keep it."""
        choice = self._random.random()
        await asyncio.sleep(self._random.uniform(0, 5))
        if choice < 0.15:
            done = await self._say(
                "cancel the order", lambda shop: shop.cancel_order(attempt.order_id, caller=None, is_proven=True)
            )
            self._hit("canceled an order", done)
        elif choice < 0.3:
            amount = usd(self._random.randint(1, attempt.amount.minor))
            restock = self._random.random() < 0.5
            done = await self._say(
                "refund", lambda shop: shop.refund_order(attempt.order_id, amount, reason="late", restock=restock)
            )
            self._hit("refunded a part", done)

    async def _say(self, what: str, work: Any) -> bool:
        """Ask for something once or again; whether it was taken."""
        for _ in range(3):
            try:
                await self._call(work)
            except ClientError as error:
                self._note_refusal(error)
                return False
            except (ConnectionError, TimeoutError, OperationalError) as error:
                self.world.note(f"client  {what}: {error!r}")
                await asyncio.sleep(1)
                continue
            self.world.note(f"client  {what}: done")
            return True
        return False

    @staticmethod
    async def _find(attempt: PaymentAttempt, shop: SimulatedShop) -> PaymentAttempt:
        async with shop.transactions.read() as tx:
            found: PaymentAttempt | None = await tx.attempts.find(attempt.id)
        return found or attempt

    async def _at_the_bank(self, attempt: PaymentAttempt) -> bool:
        """What the buyer does at the bank's page; False for going away."""
        does = self._random.choice(("succeed", "succeed", "fail", "nothing", "late"))
        self._hit(f"at the bank: {does}")
        if does == "nothing":
            return False
        await asyncio.sleep(self._random.uniform(1, 60) if does != "late" else self._random.uniform(1_700, 1_900))
        if attempt.intent_id is not None:
            status = await self.world.provider.answer_bank(attempt.intent_id, "fail" if does == "fail" else "succeed")
            self.world.note(f"bank    {attempt.intent_id}: {does} → {status}")
        return True

    def _note_refusal(self, error: Exception) -> None:
        errors = error.faults if isinstance(error, Rejected) else [error]
        for each in errors:
            self._hit(f"refused {type(each).__name__}")

    def _hit(self, what: str, took_place: bool = True) -> None:
        self.world.hit[what] += took_place
