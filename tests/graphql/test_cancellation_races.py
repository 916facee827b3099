"""A buyer gives up while somebody else acts: real concurrency, with the emulator's ledger as the witness.

Whoever wins, there is one end: the goods or the money, never both, never neither.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import stamina

from app.bootstrap import Shop
from app.core.money import Money
from tests.graphql.cancelling import cancel_attempt, cancel_order, read_attempt, read_order
from tests.shopkeeping import Api, ManualClock, Provider, Shopkeeper, Stocked
from tests.waiting import until

NEEDS_BANK = "pm_card_threeDSecure2Required"
ROUNDS = 12
SOON = timedelta(minutes=2)


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Calls are repeated, but without waiting in between."""
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=2 * ROUNDS, price="18.00")


async def end(
    api: Api, keeper: Shopkeeper, clock: ManualClock, provider: Provider, outcome: dict[str, Any]
) -> tuple[str, str, str, int]:
    """Let everything come to its end; how the order, its payment and the cart ended, and what the provider kept."""
    with clock.turned(SOON):
        await keeper.settle_payments()
    await keeper.make_refunds(outcome["attempt"]["id"])
    order, attempt = await read_order(api, outcome), await read_attempt(api, outcome)
    signs = {"charge_succeeded": 1, "refund": -1}
    moved = await provider.ledger(outcome["attempt"]["id"])
    kept = sum(signs.get(movement, 0) * amount for movement, amount in moved)
    assert Counter(event["kind"] for event in order["timeline"])["canceled"] <= 1
    return order["status"], order["paymentStatus"], attempt["cart"]["state"], kept


async def hit(provider: Provider, script: str) -> None:
    """Wait until a request has been hit by this script."""

    async def was_hit() -> bool:
        return await provider.hits(script) > 0

    await until(was_hit)


@pytest.mark.parametrize("cancel", [cancel_attempt, cancel_order])
async def test_giving_up_while_the_bank_says_yes(
    api: Api, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, provider: Provider, cancel: Any
) -> None:
    ends: Counter[tuple[str, str, str, int]] = Counter()
    for round_ in range(ROUNDS):
        waiting = await api.checkout(await api.ready_cart((mug.variant_id, 2)), pay=NEEDS_BANK)

        async def give_up(after: int = round_ % 4, of: dict[str, Any] = waiting) -> None:
            for _ in range(after):
                await asyncio.sleep(0)
            await cancel(api, of)

        async def confirm(of: dict[str, Any] = waiting) -> None:
            intent_id = of["clientSecret"].partition("_secret_")[0]
            await provider.http.post(f"/_emulator/3ds/{intent_id}", params={"outcome": "succeed"})  # or comes too late

        await asyncio.gather(give_up(), confirm())
        ends[await end(api, keeper, clock, provider, waiting)] += 1

    assert set(ends) <= {("CANCELED", "FAILED", "ACTIVE", 0), ("CANCELED", "REFUNDED", "ACTIVE", 0)}
    assert await keeper.level(mug.variant_id) == (2 * ROUNDS, 0)


@pytest.mark.parametrize("mode", ["503", "lost"])
async def test_giving_up_while_the_worker_charges(
    api: Api,
    keeper: Shopkeeper,
    clock: ManualClock,
    mug: Stocked,
    provider: Provider,
    shop: Shop,
    mode: str,
) -> None:
    queued = []
    await provider.fault(mode, times=None)
    for _ in range(ROUNDS):
        queued.append(await api.checkout(await api.ready_cart((mug.variant_id, 2))))
        shop.gateway.breaker.reset()
    assert {outcome["__typename"] for outcome in queued} == {"CheckoutPaymentQueued"}
    await provider.heal()

    with clock.turned(SOON):
        await asyncio.gather(keeper.settle_payments(), *(cancel_attempt(api, outcome) for outcome in queued))
    ends = Counter([await end(api, keeper, clock, provider, outcome) for outcome in queued])

    # the worker may have been first: then the order is paid, and the wish comes too late for the attempt
    kept = ends[("CONFIRMED", "PAID", "COMPLETED", 4_090)]
    given_back = ends[("CANCELED", "REFUNDED", "ACTIVE", 0)] + ends[("CANCELED", "FAILED", "ACTIVE", 0)]
    assert kept + given_back == ROUNDS, ends
    assert await keeper.level(mug.variant_id) == (2 * (ROUNDS - kept), 0)


async def test_the_bank_says_yes_while_the_wish_is_on_its_way(
    api: Api, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, provider: Provider
) -> None:
    waiting = await api.checkout(await api.ready_cart((mug.variant_id, 2)), pay=NEEDS_BANK)
    script = await provider.fault("slow", match="POST /v1/payment_intents/.*/cancel", when="before", seconds=600)

    giving_up = asyncio.create_task(cancel_attempt(api, waiting))
    await hit(provider, script)
    await provider.answer_bank(waiting["clientSecret"], "succeed")
    await provider.heal()
    payload = await giving_up

    assert payload["userErrors"] == []
    assert await end(api, keeper, clock, provider, waiting) == ("CANCELED", "REFUNDED", "ACTIVE", 0)
    assert await keeper.level(mug.variant_id) == (2 * ROUNDS, 0)


async def test_giving_up_while_the_workers_call_is_on_its_way(
    api: Api, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, provider: Provider, shop: Shop
) -> None:
    await provider.fault("503", times=None)
    queued = await api.checkout(await api.ready_cart((mug.variant_id, 2)))
    await provider.heal()
    shop.gateway.breaker.reset()
    script = await provider.fault("slow", when="before", seconds=600)

    with clock.turned(SOON):
        working = asyncio.create_task(keeper.settle_payments())
        await hit(provider, script)
        payload = await cancel_attempt(api, queued)
        await provider.heal()
        await working

    assert payload["attempt"]["state"] == "QUEUED"
    assert await end(api, keeper, clock, provider, queued) == ("CANCELED", "REFUNDED", "ACTIVE", 0)
    assert await keeper.level(mug.variant_id) == (2 * ROUNDS, 0)


async def test_giving_up_while_the_buyers_own_call_is_on_its_way(
    api: Api, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, provider: Provider, shop: Shop
) -> None:
    cart = await api.ready_cart((mug.variant_id, 2))
    script = await provider.fault("slow", when="before", seconds=600)

    paying = asyncio.create_task(api.checkout(cart))
    await hit(provider, script)
    query = "query ($id: ID!) { cart(id: $id) { activeAttempt { id } } }"
    attempt = (await api.data(query, id=cart["id"]))["cart"]["activeAttempt"]
    payload = await cancel_attempt(api, {"attempt": attempt})
    await provider.heal()
    outcome = await paying

    assert (payload["attempt"]["state"], outcome["__typename"]) == ("PENDING", "CheckoutFailed")
    order_id = (await keeper.attempt(attempt["id"])).order_id
    opened = {"attempt": attempt, "orderAccessToken": shop.services.order_tokens.issue(order_id)}
    assert await end(api, keeper, clock, provider, opened) == ("CANCELED", "REFUNDED", "ACTIVE", 0)
    assert await keeper.level(mug.variant_id) == (2 * ROUNDS, 0)


async def test_many_who_cancel_one_paid_order_at_once_cancel_it_once(
    api: Api, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, provider: Provider
) -> None:
    paid = await api.checkout(await api.ready_cart((mug.variant_id, 2)))

    payloads = await asyncio.gather(*(cancel_order(api, paid) for _ in range(10)))
    ended = await end(api, keeper, clock, provider, paid)

    assert [payload["userErrors"] for payload in payloads] == [[]] * 10
    assert ended == ("CANCELED", "REFUNDED", "COMPLETED", 0)
    assert await provider.ledger(paid["attempt"]["id"]) == [("charge_succeeded", 4_090), ("refund", 4_090)]
    assert await keeper.level(mug.variant_id) == (2 * ROUNDS, 0)


async def test_two_processes_cancel_one_order_once(
    two_processes: tuple[Api, Api],
    api: Api,
    keeper: Shopkeeper,
    clock: ManualClock,
    mug: Stocked,
    provider: Provider,
) -> None:
    paid = await api.checkout(await api.ready_cart((mug.variant_id, 2)))
    waiting = await api.checkout(await api.ready_cart((mug.variant_id, 2)), pay=NEEDS_BANK)

    for outcome in (paid, waiting):
        payloads = await asyncio.gather(*(cancel_order(two_processes[each % 2], outcome) for each in range(6)))
        assert [payload["userErrors"] for payload in payloads] == [[]] * 6

    assert await end(api, keeper, clock, provider, paid) == ("CANCELED", "REFUNDED", "COMPLETED", 0)
    assert await end(api, keeper, clock, provider, waiting) == ("CANCELED", "FAILED", "ACTIVE", 0)
    assert await keeper.level(mug.variant_id) == (2 * ROUNDS, 0)


async def test_refunds_and_a_cancellation_at_once_give_back_what_was_paid(
    api: Api, shop: Shop, keeper: Shopkeeper, clock: ManualClock, mug: Stocked, provider: Provider
) -> None:
    paid = await api.checkout(await api.ready_cart((mug.variant_id, 2)))
    attempt = await keeper.attempt(paid["attempt"]["id"])

    async def refund(minor: int) -> object:
        return await shop.refund_order(attempt.order_id, Money(minor, attempt.amount.currency), reason="late")

    await asyncio.gather(*(refund(700) for _ in range(4)), cancel_order(api, paid), return_exceptions=True)
    ended = await end(api, keeper, clock, provider, paid)

    assert ended == ("CANCELED", "REFUNDED", "COMPLETED", 0)
    assert await keeper.level(mug.variant_id) == (2 * ROUNDS, 0)


async def test_many_workers_make_one_refund_once(
    api: Api, keeper: Shopkeeper, mug: Stocked, provider: Provider
) -> None:
    paid = await api.checkout(await api.ready_cart((mug.variant_id, 2)))
    await cancel_order(api, paid)
    await provider.fault("lost", match="POST /v1/refunds")

    await asyncio.gather(*(keeper.make_refunds(paid["attempt"]["id"]) for _ in range(6)), return_exceptions=True)
    await keeper.make_refunds(paid["attempt"]["id"])

    assert await provider.ledger(paid["attempt"]["id"]) == [("charge_succeeded", 4_090), ("refund", 4_090)]
    assert (await read_order(api, paid))["paymentStatus"] == "REFUNDED"
