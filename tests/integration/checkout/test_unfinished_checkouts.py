"""A checkout that ends in the middle is finished by whoever comes next, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.bootstrap import Shop, build_shop
from app.core.errors import Bug, PaymentsUnavailable
from app.core.ids import AttemptId, decode
from app.core.money import Money
from app.payments.domain import AttemptState, PaymentAttempt, PaymentGateway, PaymentOutcome
from app.settings import load_settings
from app.web import build_app
from tests.conftest import Servers
from tests.shopkeeping import USD, Api, ManualClock, Shopkeeper, Stocked

SOON = timedelta(minutes=2)


class Crash(BaseException):
    """The process ends here."""


@dataclass
class ScriptedGateway:
    """A provider that does what it is told for each call, then says `then`; it remembers what it charged."""

    script: list[Any] = field(default_factory=list)
    then: AttemptState = AttemptState.SUCCEEDED
    charged: dict[AttemptId, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    async def charge(self, attempt: PaymentAttempt) -> PaymentOutcome:
        self.calls.append("charge")
        step = self.script.pop(0) if self.script else None
        if isinstance(step, BaseException):
            raise step
        return step(attempt) if step else self._said(attempt)

    async def find(self, attempt: PaymentAttempt) -> PaymentOutcome | None:
        self.calls.append("find")
        return self._said(attempt) if attempt.id in self.charged else None

    async def look_up(self, intent_id: str) -> PaymentOutcome:
        raise NotImplementedError

    async def cancel(self, intent_id: str) -> PaymentOutcome:
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing to close."""

    def _said(self, attempt: PaymentAttempt) -> PaymentOutcome:
        self.charged.setdefault(attempt.id, attempt.amount.minor)
        return PaymentOutcome(self.then, f"pi_{attempt.id.hex}", attempt.amount)


@dataclass(frozen=True, slots=True)
class Scripted:
    """A shop with a database of its own whose provider follows a script."""

    shop: Shop
    api: Api
    gateway: ScriptedGateway


@pytest.fixture(scope="module")
async def database(servers: Servers) -> AsyncIterator[dict[str, str]]:
    """A database in which nobody else has open payments, and settings for it."""
    servers.postgres.create_database("scripted")
    settings = {**servers.environment("scripted"), "REDIS_URL": servers.valkey.url.removesuffix("0") + "1"}
    shop = build_shop(load_settings(settings))
    await shop.migrate()
    await shop.close()
    yield settings
    servers.postgres.drop_database("scripted")


@pytest.fixture
async def scripted(database: dict[str, str], clock: ManualClock) -> AsyncIterator[Scripted]:
    gateway = ScriptedGateway()
    port: PaymentGateway = gateway
    shop = build_shop(load_settings(database), clock=clock, gateway=port)
    transport = httpx.ASGITransport(app=build_app(shop))
    async with httpx.AsyncClient(transport=transport, base_url="http://scripted.test") as client:
        yield Scripted(shop, Api(client), gateway)
    async with shop.transactions.read() as tx:
        left = await tx.attempts.due(before=shop.clock.now() + timedelta(days=30), limit=100)
    await shop.close()
    assert left == []


@pytest.fixture
def keeper(scripted: Scripted) -> Shopkeeper:
    return Shopkeeper(scripted.shop)


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=5, price="18.00")


async def attempts(shop: Shop, cart: dict[str, Any]) -> list[tuple[str, bool]]:
    """The attempts at a cart: their state, and whether they are to be looked at again."""
    async with shop.database.read_fresh() as connection:
        query = text("SELECT state, check_at IS NOT NULL AS open FROM payment_attempt WHERE cart_id = :id")
        return [tuple(row) for row in await connection.execute(query, {"id": decode(cart["id"])[1]})]


async def settle(scripted: Scripted, clock: ManualClock, after: timedelta = SOON) -> None:
    scripted.shop.gateway.breaker.reset()
    with clock.turned(after):
        while await scripted.shop.check_payments():
            pass


@pytest.mark.parametrize("charged", [False, True], ids=["before the call", "after the call"])
async def test_a_process_that_ends_while_it_charges_leaves_an_attempt_that_the_worker_finishes(
    scripted: Scripted, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, charged: bool
) -> None:
    def charge_and_crash(attempt: PaymentAttempt) -> PaymentOutcome:
        if charged:
            scripted.gateway.charged[attempt.id] = attempt.amount.minor
        raise Crash

    scripted.gateway.script = [charge_and_crash]
    cart = await scripted.api.ready_cart((mug.variant_id, 2))

    with pytest.raises(Crash):
        await scripted.api.checkout(cart)
    left = await attempts(scripted.shop, cart), await keeper.level(mug.variant_id)
    await settle(scripted, clock)

    assert left == ([("pending", True)], (5, 2))
    assert await attempts(scripted.shop, cart) == [("succeeded", False)]
    assert await keeper.level(mug.variant_id) == (3, 0)
    assert list(scripted.gateway.charged.values()) == [4_090]
    assert (await scripted.api.cart(cart["id"]))["state"] == "COMPLETED"


async def test_the_buyer_who_comes_back_with_the_same_key_finds_what_the_worker_has_finished(
    scripted: Scripted, keeper: Shopkeeper, clock: ManualClock, mug: Stocked
) -> None:
    scripted.gateway.script = [Crash()]
    cart = await scripted.api.ready_cart((mug.variant_id, 2))
    with pytest.raises(Crash):
        await scripted.api.checkout(cart, key="again")
    await settle(scripted, clock)

    outcome = await scripted.api.checkout(cart, key="again")

    assert outcome["__typename"] == "CheckoutCompleted"
    assert await attempts(scripted.shop, cart) == [("succeeded", False)]
    assert list(scripted.gateway.charged.values()) == [4_090]
    assert await keeper.level(mug.variant_id) == (3, 0)


async def test_an_answer_for_another_amount_is_a_bug_and_the_order_is_not_paid(
    scripted: Scripted, keeper: Shopkeeper, mug: Stocked
) -> None:
    scripted.gateway.script = [lambda _: PaymentOutcome(AttemptState.SUCCEEDED, "pi_other", Money(1, USD))]
    cart = await scripted.api.ready_cart((mug.variant_id, 2))

    answer = await scripted.api(
        "mutation ($i: CheckoutCompleteInput!) { checkoutComplete(input: $i) { __typename } }",
        i={
            "cartId": cart["id"],
            "idempotencyKey": "wrong amount",
            "expectedTotal": {"amount": "40.90", "currencyCode": "USD"},
            "payment": {"paymentMethodId": "pm_card_visa"},
        },
    )

    assert answer.codes() == ["INTERNAL_SERVER_ERROR"]
    assert await attempts(scripted.shop, cart) == [("pending", True)]
    assert await keeper.level(mug.variant_id) == (5, 2)
    await _give_up(scripted, cart)


async def _give_up(scripted: Scripted, cart: dict[str, Any]) -> None:
    """End a cart's attempt, so that it does not meet other tests."""
    async with scripted.shop.transactions.begin() as tx:
        attempt = await tx.attempts.find_by_key(decode(cart["id"])[1], "wrong amount")
    assert attempt is not None
    await scripted.shop.check_payments.settle(attempt.id, PaymentOutcome(AttemptState.CANCELED, None, attempt.amount))


async def test_one_attempt_that_cannot_be_checked_does_not_keep_the_others_waiting(
    scripted: Scripted, clock: ManualClock, mug: Stocked
) -> None:
    silence = PaymentsUnavailable("away")
    scripted.gateway.script = [silence, silence, silence]
    carts = [await scripted.api.ready_cart((mug.variant_id, 1)) for _ in range(3)]
    for cart in carts:
        await scripted.api.checkout(cart)
    before = [await attempts(scripted.shop, cart) for cart in carts]

    scripted.gateway.script = [Bug("this one is broken")]
    await settle(scripted, clock)

    after = [await attempts(scripted.shop, cart) for cart in carts]
    assert before == [[("queued", True)]] * 3
    assert sorted(after) == [[("queued", True)], [("succeeded", False)], [("succeeded", False)]]
    assert len(scripted.gateway.charged) == 2
    await settle(scripted, clock, SOON * 5)
    assert [await attempts(scripted.shop, cart) for cart in carts] == [[("succeeded", False)]] * 3


async def test_outcomes_that_arrive_together_are_recorded_once(
    scripted: Scripted, keeper: Shopkeeper, mug: Stocked
) -> None:
    scripted.gateway.script = [PaymentsUnavailable("away")]
    cart = await scripted.api.ready_cart((mug.variant_id, 2))
    outcome = await scripted.api.checkout(cart)
    attempt_id = AttemptId(decode(outcome["attempt"]["id"])[1])
    paid = PaymentOutcome(AttemptState.SUCCEEDED, "pi_1" + attempt_id.hex, Money(4_090, USD))

    settled = await asyncio.gather(*(scripted.shop.check_payments.settle(attempt_id, paid) for _ in range(8)))

    assert {attempt.state for attempt in settled} == {AttemptState.SUCCEEDED}
    assert await keeper.level(mug.variant_id) == (3, 0)
    assert (await scripted.api.cart(cart["id"]))["version"] == cart["version"] + 2
    query = "query ($t: String!) { order(by: {accessToken: $t}) { timeline { kind } } }"
    order = await scripted.api.data(query, t=outcome["orderAccessToken"])
    assert [event["kind"] for event in order["order"]["timeline"]] == ["placed", "payment_delayed", "paid"]


@pytest.mark.parametrize("late", [AttemptState.FAILED, AttemptState.CANCELED, AttemptState.ACTION_REQUIRED])
async def test_an_outcome_after_the_end_changes_nothing(
    scripted: Scripted, keeper: Shopkeeper, mug: Stocked, late: AttemptState
) -> None:
    cart = await scripted.api.ready_cart((mug.variant_id, 2))
    outcome = await scripted.api.checkout(cart)
    attempt_id = AttemptId(decode(outcome["attempt"]["id"])[1])

    settled = await scripted.shop.check_payments.settle(attempt_id, PaymentOutcome(late, None, Money(4_090, USD)))

    assert settled.state is AttemptState.SUCCEEDED
    assert await keeper.level(mug.variant_id) == (3, 0)
    assert (await scripted.api.cart(cart["id"]))["state"] == "COMPLETED"


async def test_workers_at_once_check_every_attempt_once(
    scripted: Scripted, clock: ManualClock, mug: Stocked, keeper: Shopkeeper
) -> None:
    plenty = await keeper.stock("Plenty", on_hand=100)
    scripted.gateway.script = [PaymentsUnavailable("away") for _ in range(3)]  # after which nobody asks
    carts = [await scripted.api.ready_cart((plenty.variant_id, 1)) for _ in range(12)]
    for cart in carts:
        await scripted.api.checkout(cart)
    with clock.turned(timedelta(seconds=30)):
        scripted.gateway.calls.clear()
        scripted.shop.gateway.breaker.reset()
        await asyncio.gather(*(scripted.shop.check_payments() for _ in range(4)))

    assert scripted.gateway.calls.count("charge") == 12
    assert await keeper.level(plenty.variant_id) == (88, 0)


async def test_a_checkout_that_is_refused_never_reaches_the_provider(scripted: Scripted, mug: Stocked) -> None:
    cart = await scripted.api.ready_cart((mug.variant_id, 2))

    outcome = await scripted.api.checkout(cart, expectedTotal={"amount": "1.00", "currencyCode": "USD"})

    assert outcome["__typename"] == "CheckoutFailed"
    assert scripted.gateway.calls == []
    assert await attempts(scripted.shop, cart) == []
