"""Attempts that are given up and orders that are canceled, at any point of a payment's life: each has one end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from app.cart.domain import CartState
from app.checkout.cancel_order import may_cancel
from app.core.errors import ErrorCode, InvalidInput, NotFound, PaymentsUnavailable
from app.core.ids import AttemptId, CustomerId, OrderId, PromotionId, VariantId
from app.idempotency.domain import KeyedCall
from app.inventory.domain import ReservationState
from app.orders.domain import FulfillmentStatus, Order, OrderStatus, PaymentStatus
from app.payments.domain import AttemptState, PaymentAttempt
from app.payments.refunds import RefundState
from app.promotions.domain import CartPromotion, Percent
from tests.unit.fakes import NOON, MemoryShop, line, outcome, request, usd

V7 = VariantId(7)
TOTAL = 2 * 1_800 + 490
SUCCEEDED, FAILED, CANCELED = AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.CANCELED
PENDING, QUEUED = AttemptState.PENDING, AttemptState.QUEUED
ACTION_REQUIRED, PROCESSING = AttemptState.ACTION_REQUIRED, AttemptState.PROCESSING
SILENCE = PaymentsUnavailable("silence")
AWAY = PaymentsUnavailable("away", may_have_run=False)
ADA, BOB = CustomerId(UUID(int=501)), CustomerId(UUID(int=502))


@pytest.fixture
def shop() -> MemoryShop:
    shop = MemoryShop()
    shop.stock(7, on_hand=10)
    return shop


async def attempt_with(shop: MemoryShop, *answers: Any, **values: Any) -> PaymentAttempt:
    """An attempt at an order of two units for TOTAL, as far as these answers of the provider bring it."""
    cart = shop.put_cart(line(1, 7, 2), **values)
    shop.gateway.answers += answers
    return await shop.place_order(request(cart, TOTAL))


def says(state: AttemptState, **values: Any) -> Any:
    return outcome(state, usd(TOTAL), **values)


def order_of(shop: MemoryShop, attempt: PaymentAttempt) -> Order:
    return shop.books.orders[attempt.order_id]


def look(shop: MemoryShop, attempt: PaymentAttempt) -> tuple[object, ...]:
    """All that cancelling may change: attempt, order, payment, cart, stock, and what is given back."""
    order, (cart,) = order_of(shop, attempt), shop.books.carts.values()
    refunds = [each.amount.minor for each in shop.books.refunds.values()]
    state = shop.books.attempts[attempt.id].state
    return state, order.status, order.payment_status, cart.state, shop.level(V7), refunds


def kinds(shop: MemoryShop) -> list[str]:
    return [event.kind for event in shop.books.events]


async def cancel_order(shop: MemoryShop, attempt: PaymentAttempt, **values: Any) -> None:
    plain: dict[str, Any] = {"caller": None, "is_proven": True}
    await shop.cancel_order(attempt.order_id, **(plain | values))


def keyed(**values: Any) -> KeyedCall:
    return KeyedCall(**({"scope": b"s", "key": "k", "input_digest": b"i", "answer_digest": b"a"} | values))


NOTHING_PAID = (CANCELED, OrderStatus.CANCELED, PaymentStatus.FAILED, CartState.ACTIVE, (10, 0), [])
GIVEN_BACK = (SUCCEEDED, OrderStatus.CANCELED, PaymentStatus.PAID, CartState.ACTIVE, (10, 0), [TOTAL])

# ------------------------------------------------------------------------------------------------ the rule


@pytest.mark.parametrize(
    ("status", "fulfillment", "state", "is_asked_for"),
    list(product(OrderStatus, FulfillmentStatus, [None, *AttemptState], [False, True])),
)
async def test_an_order_may_be_canceled_while_nothing_was_sent_and_it_has_not_ended(
    shop: MemoryShop,
    status: OrderStatus,
    fulfillment: FulfillmentStatus,
    state: AttemptState | None,
    is_asked_for: bool,
) -> None:
    attempt = await attempt_with(shop, says(PROCESSING))
    order = replace(order_of(shop, attempt), status=status, fulfillment_status=fulfillment)
    asked_at = NOON if is_asked_for else None
    latest = None if state is None else replace(attempt, state=state, cancel_requested_at=asked_at)

    allowed = may_cancel(order, latest)

    is_open = latest is not None and not latest.state.is_final and not is_asked_for
    assert allowed == (
        fulfillment is FulfillmentStatus.UNFULFILLED
        and (status is OrderStatus.CONFIRMED or (status is OrderStatus.PENDING and is_open))
    )


# ------------------------------------------------------------------------------------------------ attempts


async def test_what_was_surely_never_sent_ends_at_once(shop: MemoryShop) -> None:
    attempt = await attempt_with(shop, AWAY)
    assert (attempt.state, attempt.sent_at) == (QUEUED, None)

    canceled = await shop.cancel_attempt(attempt.id)

    assert canceled.state is CANCELED
    assert look(shop, attempt) == NOTHING_PAID
    assert kinds(shop) == ["placed", "payment_delayed", "cancel_requested", "canceled"]
    assert shop.gateway.calls == [("charge", attempt.id)]


@pytest.mark.parametrize("state", [ACTION_REQUIRED, PROCESSING])
@pytest.mark.parametrize(
    ("answer", "end"),
    [(CANCELED, NOTHING_PAID), (FAILED, (FAILED, *NOTHING_PAID[1:])), (SUCCEEDED, GIVEN_BACK)],
)
async def test_what_waits_at_the_provider_ends_as_the_provider_says(
    shop: MemoryShop, state: AttemptState, answer: AttemptState, end: tuple[object, ...]
) -> None:
    attempt = await attempt_with(shop, says(state))
    shop.gateway.answers.append(says(answer))

    await shop.cancel_attempt(attempt.id)

    assert look(shop, attempt) == end
    assert shop.gateway.calls[1:] == [("cancel", "pi_1")]
    assert kinds(shop)[-2:] == ["cancel_requested", "canceled"]


@pytest.mark.parametrize("silence", [SILENCE, AWAY])
async def test_when_the_provider_is_silent_the_worker_goes_on(shop: MemoryShop, silence: Exception) -> None:
    attempt = await attempt_with(shop, says(ACTION_REQUIRED))
    shop.gateway.answers += [silence, says(CANCELED)]

    waiting = await shop.cancel_attempt(attempt.id)
    held = look(shop, attempt)
    shop.clock.turn(seconds=10)
    await shop.check_payments()

    assert (waiting.state, waiting.cancel_requested_at) == (ACTION_REQUIRED, NOON)
    assert held[1:5] == (OrderStatus.PENDING, PaymentStatus.ACTION_REQUIRED, CartState.IN_CHECKOUT, (10, 2))
    assert look(shop, attempt) == NOTHING_PAID


@pytest.mark.parametrize(
    ("answers", "end", "calls"),
    [
        ([None], NOTHING_PAID, ["find"]),
        ([says(ACTION_REQUIRED), says(CANCELED)], NOTHING_PAID, ["find", "cancel"]),
        ([says(SUCCEEDED)], GIVEN_BACK, ["find"]),
        ([says(FAILED), says(CANCELED)], (FAILED, *NOTHING_PAID[1:]), ["find", "cancel"]),
    ],
)
async def test_what_may_be_on_its_way_keeps_its_order_until_the_worker_knows(
    shop: MemoryShop, answers: list[Any], end: tuple[object, ...], calls: list[str]
) -> None:
    attempt = await attempt_with(shop, SILENCE)
    shop.clock.turn(minutes=2)
    shop.gateway.answers += answers

    waiting = await shop.cancel_attempt(attempt.id)
    held = look(shop, attempt)
    await shop.check_payments()

    assert (waiting.state, waiting.check_at) == (QUEUED, shop.clock.now())
    assert held == (QUEUED, OrderStatus.PENDING, PaymentStatus.DELAYED, CartState.IN_CHECKOUT, (10, 2), [])
    assert look(shop, attempt) == end
    assert [name for name, _ in shop.gateway.calls[1:]] == calls


async def test_while_the_provider_stays_away_the_wish_is_kept(shop: MemoryShop) -> None:
    attempt = await attempt_with(shop, SILENCE)
    shop.clock.turn(minutes=2)
    await shop.cancel_attempt(attempt.id)
    checks = []
    for _ in range(20):
        shop.gateway.answers.append(SILENCE)
        due = shop.books.attempts[attempt.id].check_at
        assert due is not None
        checks.append((due - shop.clock.now()).total_seconds())
        shop.clock.turn(seconds=checks[-1])
        await shop.check_payments()

    assert look(shop, attempt)[:2] == (QUEUED, OrderStatus.PENDING)
    assert checks[0] == 0
    assert checks[1:] == sorted(checks[1:])
    assert (checks[1], max(checks) <= 3_600) == (20, True)


async def test_a_wish_that_meets_the_call_on_its_way_is_granted_with_its_answer(shop: MemoryShop) -> None:
    """The buyer gives up while this very process asks the provider."""
    cart = shop.put_cart(line(1, 7, 2))

    class GiveUp:
        attempt: PaymentAttempt | None = None

    charge = shop.gateway.charge

    async def slow_charge(attempt: PaymentAttempt) -> Any:
        GiveUp.attempt = await shop.cancel_attempt(attempt.id)
        return await charge(attempt)

    shop.gateway.charge = slow_charge  # type: ignore[method-assign]
    shop.gateway.answers.append(says(SUCCEEDED))

    attempt = await shop.place_order(request(cart, TOTAL))

    assert GiveUp.attempt is not None
    assert GiveUp.attempt.state is PENDING
    assert look(shop, attempt) == GIVEN_BACK
    assert kinds(shop) == ["placed", "cancel_requested", "canceled"]


async def test_a_payment_that_turns_out_to_need_the_bank_after_it_was_given_up_is_ended_soon(
    shop: MemoryShop,
) -> None:
    attempt = await attempt_with(shop, SILENCE)
    async with shop.transactions.begin() as tx:
        await tx.carts.hold(attempt.cart_id)
        await shop.cancel_attempt.within(tx, attempt)
    await shop.settle(attempt.id, says(ACTION_REQUIRED))
    shop.gateway.answers.append(says(CANCELED))

    shop.clock.turn(seconds=20)
    await shop.check_payments()

    assert look(shop, attempt) == NOTHING_PAID


@pytest.mark.parametrize("state", [FAILED, CANCELED])
async def test_what_came_to_nothing_stays_as_it_is(shop: MemoryShop, state: AttemptState) -> None:
    attempt = await attempt_with(shop, says(state))
    stored = shop.books.copied()

    assert await shop.cancel_attempt(attempt.id) == attempt
    assert shop.books == stored


async def test_what_has_been_paid_is_not_given_up(shop: MemoryShop) -> None:
    attempt = await attempt_with(shop, says(SUCCEEDED))
    stored = shop.books.copied()

    with pytest.raises(InvalidInput) as caught:
        await shop.cancel_attempt(attempt.id)

    assert caught.value.code is ErrorCode.NOT_CANCELABLE
    assert shop.books == stored


async def test_nobodys_attempt_is_not_found(shop: MemoryShop) -> None:
    with pytest.raises(NotFound):
        await shop.cancel_attempt(AttemptId(UUID(int=404)))


async def test_many_wishes_are_one(shop: MemoryShop) -> None:
    attempt = await attempt_with(shop, says(ACTION_REQUIRED))
    shop.gateway.answers += [says(CANCELED)] * 5

    ended = await asyncio.gather(*(shop.cancel_attempt(attempt.id) for _ in range(5)))

    assert {each.state for each in ended} == {CANCELED}
    assert look(shop, attempt) == NOTHING_PAID
    assert kinds(shop).count("canceled") == kinds(shop).count("cancel_requested") == 1


async def test_a_keyed_wish_is_answered_from_its_effect(shop: MemoryShop) -> None:
    attempt = await attempt_with(shop, says(ACTION_REQUIRED))
    shop.gateway.answers += [says(CANCELED)]
    first = await shop.cancel_attempt(attempt.id, keyed=keyed())

    again = await shop.cancel_attempt(attempt.id, keyed=keyed())

    assert again == first
    with pytest.raises(InvalidInput, match="another request"):
        await shop.cancel_attempt(attempt.id, keyed=keyed(input_digest=b"other"))


async def test_the_cart_can_be_paid_again(shop: MemoryShop) -> None:
    attempt = await attempt_with(shop, says(ACTION_REQUIRED))
    shop.gateway.answers += [says(CANCELED), says(SUCCEEDED, intent_id="pi_2")]
    await shop.cancel_attempt(attempt.id)
    (cart,) = shop.books.carts.values()

    paid = await shop.place_order(request(cart, TOTAL, key="key-2"))

    assert paid.state is SUCCEEDED
    assert shop.level(V7) == (8, 0)


# ------------------------------------------------------------------------------------------------ orders


async def test_a_paid_order_is_undone_in_one_step(shop: MemoryShop) -> None:
    attempt = await attempt_with(shop, says(SUCCEEDED))
    ten = CartPromotion(PromotionId(1), "Ten", Percent(100_000), code="TEN", usage_limit=1, used=1)
    shop.books.promotions[ten.id] = ten
    shop.books.uses.append((attempt.order_id, ten.id))
    shop.clock.turn(hours=1)

    await cancel_order(shop, attempt, reason="too big")

    assert look(shop, attempt) == (
        SUCCEEDED,
        OrderStatus.CANCELED,
        PaymentStatus.PAID,
        CartState.COMPLETED,
        (10, 0),
        [TOTAL],
    )
    (refund,) = shop.books.refunds.values()
    assert (refund.state, refund.reason) == (RefundState.PENDING, "too big")
    assert set(shop.books.reservations.values()) == {(2, ReservationState.RETURNED)}
    assert (shop.books.uses, shop.books.promotions[ten.id].used) == ([], 0)
    last = shop.books.events[-1]
    assert (last.kind, last.message, last.at) == (
        "canceled",
        "The order was canceled (“too big”). 40.90 USD will be given back.",
        NOON + timedelta(hours=1),
    )
    assert shop.gateway.calls == [("charge", attempt.id)]
    assert set(shop.books.mail) == {f"order_confirmed:{attempt.id}", f"order_canceled:{attempt.order_id}"}


async def test_only_what_is_left_of_the_payment_is_given_back(shop: MemoryShop) -> None:
    attempt = await attempt_with(shop, says(SUCCEEDED))
    await shop.refund_order(attempt.order_id, usd(1_000), reason="late")

    await cancel_order(shop, attempt)

    assert [each.amount.minor for each in shop.books.refunds.values()] == [1_000, TOTAL - 1_000]


async def test_an_order_whose_money_has_gone_back_is_canceled_without_a_refund(shop: MemoryShop) -> None:
    attempt = await attempt_with(shop, says(SUCCEEDED))
    await shop.refund_order(attempt.order_id, None, reason="late")

    await cancel_order(shop, attempt)

    assert len(shop.books.refunds) == 1
    assert order_of(shop, attempt).status is OrderStatus.CANCELED
    assert shop.books.events[-1].message == "The order was canceled."


async def test_an_order_that_is_not_paid_yet_is_given_up_with_its_payment(shop: MemoryShop) -> None:
    attempt = await attempt_with(shop, says(ACTION_REQUIRED))
    shop.gateway.answers.append(says(CANCELED))

    await cancel_order(shop, attempt, reason="changed my mind")

    assert look(shop, attempt) == NOTHING_PAID
    assert shop.books.events[-2].message == "It is to be canceled (“changed my mind”)."


async def test_canceling_twice_is_canceling_once(shop: MemoryShop) -> None:
    attempt = await attempt_with(shop, says(SUCCEEDED))

    await asyncio.gather(*(cancel_order(shop, attempt) for _ in range(5)))

    assert len(shop.books.refunds) == 1
    assert kinds(shop) == ["placed", "paid", "canceled"]
    assert shop.level(V7) == (10, 0)


async def test_asking_again_while_the_provider_has_not_answered_changes_nothing(shop: MemoryShop) -> None:
    attempt = await attempt_with(shop, SILENCE)
    await cancel_order(shop, attempt)
    stored = shop.books.copied()

    await cancel_order(shop, attempt)

    assert shop.books == stored


@pytest.mark.parametrize(
    "values", [{"status": OrderStatus.COMPLETED}, {"fulfillment_status": FulfillmentStatus.PARTIALLY_FULFILLED}]
)
async def test_what_has_been_sent_is_not_canceled(shop: MemoryShop, values: dict[str, Any]) -> None:
    attempt = await attempt_with(shop, says(SUCCEEDED))
    shop.books.orders[attempt.order_id] = replace(order_of(shop, attempt), **values)
    stored = shop.books.copied()

    with pytest.raises(InvalidInput) as caught:
        await cancel_order(shop, attempt)

    assert caught.value.code is ErrorCode.NOT_CANCELABLE
    assert shop.books == stored


@pytest.mark.parametrize(
    ("owner", "caller", "is_proven", "is_allowed"),
    [
        (None, None, False, False),
        (None, ADA, False, False),
        (ADA, None, False, False),
        (ADA, BOB, False, False),
        (ADA, ADA, False, True),
        (None, None, True, True),
        (ADA, BOB, True, True),
    ],
)
async def test_an_order_is_canceled_by_whoever_shows_its_token_or_whose_it_is(
    shop: MemoryShop, owner: CustomerId | None, caller: CustomerId | None, is_proven: bool, is_allowed: bool
) -> None:
    attempt = await attempt_with(shop, says(SUCCEEDED))
    shop.books.orders[attempt.order_id] = replace(order_of(shop, attempt), customer_id=owner)

    if is_allowed:
        await cancel_order(shop, attempt, caller=caller, is_proven=is_proven)
    else:
        with pytest.raises(NotFound):
            await cancel_order(shop, attempt, caller=caller, is_proven=is_proven)

    assert (order_of(shop, attempt).status is OrderStatus.CANCELED) is is_allowed


async def test_an_order_that_does_not_exist_is_not_found(shop: MemoryShop) -> None:
    with pytest.raises(NotFound):
        await shop.cancel_order(OrderId(UUID(int=404)), caller=None, is_proven=True)


@pytest.mark.parametrize(("length", "is_taken"), [(500, True), (501, False)])
async def test_a_reason_is_short(shop: MemoryShop, length: int, is_taken: bool) -> None:
    attempt = await attempt_with(shop, says(SUCCEEDED))

    if is_taken:
        await cancel_order(shop, attempt, reason="x" * length)
    else:
        with pytest.raises(InvalidInput, match="500"):
            await cancel_order(shop, attempt, reason="x" * length)

    assert (order_of(shop, attempt).status is OrderStatus.CANCELED) is is_taken
