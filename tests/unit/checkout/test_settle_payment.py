from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from app.cart.domain import Cart, CartState
from app.checkout import settle_payment
from app.checkout.domain import next_check
from app.core.errors import Bug
from app.core.ids import AttemptId, VariantId
from app.core.money import Currency, Money
from app.orders.domain import OrderStatus, PaymentStatus
from app.payments.domain import ATTEMPT_LIFE, AttemptState, PaymentAttempt
from app.payments.refunds import RefundState
from tests.unit.fakes import NOON, LogBook, MemoryShop, line, outcome, request, usd

V7 = VariantId(7)
TOTAL = 2 * 1_800 + 490
SUCCEEDED, FAILED, CANCELED = AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.CANCELED
QUEUED = AttemptState.QUEUED
PENDING, ACTION_REQUIRED, PROCESSING = AttemptState.PENDING, AttemptState.ACTION_REQUIRED, AttemptState.PROCESSING

# what follows from a state: order, payment, cart, units on hand and held, event
FOLLOWS = {
    QUEUED: (OrderStatus.PENDING, PaymentStatus.DELAYED, CartState.IN_CHECKOUT, (10, 2), "payment_delayed"),
    SUCCEEDED: (OrderStatus.CONFIRMED, PaymentStatus.PAID, CartState.COMPLETED, (8, 0), "paid"),
    ACTION_REQUIRED: (
        OrderStatus.PENDING,
        PaymentStatus.ACTION_REQUIRED,
        CartState.IN_CHECKOUT,
        (10, 2),
        "payment_action_required",
    ),
    PROCESSING: (OrderStatus.PENDING, PaymentStatus.PENDING, CartState.IN_CHECKOUT, (10, 2), "payment_processing"),
    FAILED: (OrderStatus.CANCELED, PaymentStatus.FAILED, CartState.ACTIVE, (10, 0), "payment_failed"),
    CANCELED: (OrderStatus.CANCELED, PaymentStatus.FAILED, CartState.ACTIVE, (10, 0), "payment_canceled"),
}


@pytest.fixture
def shop() -> MemoryShop:
    shop = MemoryShop()
    shop.stock(7, on_hand=10)
    return shop


async def attempt_in(shop: MemoryShop, state: AttemptState, **values: Any) -> PaymentAttempt:
    """An attempt at an order of two units for TOTAL, as far as this state; an hour later."""
    cart = shop.put_cart(line(1, 7, 2))
    shop.gateway.answers.append(outcome(state, usd(TOTAL), **values))
    attempt = await shop.place_order(request(cart, TOTAL))
    assert attempt.state is state
    shop.clock.turn(hours=1)
    return attempt


def the_cart(shop: MemoryShop) -> Cart:
    (cart,) = shop.books.carts.values()
    return cart


@pytest.mark.parametrize(
    ("before", "after"), [pair for pair in product(AttemptState, AttemptState) if ATTEMPT_LIFE.allows(*pair)]
)
async def test_an_outcome_moves_attempt_order_stock_and_cart_together(
    shop: MemoryShop, before: AttemptState, after: AttemptState
) -> None:
    attempt = await attempt_in(shop, before)
    version = the_cart(shop).version

    if after is QUEUED:
        settled = await shop.settle.unanswered(attempt.id, sent_at=NOON)
    else:
        settled = await shop.settle(attempt.id, outcome(after, usd(TOTAL)))

    order_status, payment_status, cart_state, level, kind = FOLLOWS[after]
    now = NOON + timedelta(hours=1)
    assert (settled.state, settled.updated_at, settled.id) == (after, now, attempt.id)
    assert settled.check_at == (None if after.is_final else next_check(settled, now))
    assert shop.books.attempts == {attempt.id: settled}
    order = shop.books.orders[attempt.order_id]
    assert (order.status, order.payment_status) == (order_status, payment_status)
    assert (the_cart(shop).state, shop.level(V7)) == (cart_state, level)
    assert the_cart(shop).version == version + (1 if after.is_final else 0)
    last = shop.books.events[-1]
    assert (last.order_id, last.at, last.kind) == (attempt.order_id, now, kind)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (before, after)
        for before, after in product(AttemptState, AttemptState)
        if before.is_final and after not in (before, SUCCEEDED)
    ],
)
async def test_an_outcome_after_the_end_changes_nothing_and_is_reported(
    shop: MemoryShop, monkeypatch: pytest.MonkeyPatch, before: AttemptState, after: AttemptState
) -> None:
    attempt = await attempt_in(shop, before)
    stored = shop.books.copied()
    log = LogBook()
    monkeypatch.setattr(settle_payment, "_log", log)

    settled = await shop.settle(attempt.id, outcome(after, usd(TOTAL)))

    assert settled == attempt
    assert shop.books == stored
    assert log.events("error") == ([] if after is PENDING else ["payment_outcome_after_the_end"])


@pytest.mark.parametrize("end", [FAILED, CANCELED])
async def test_money_that_comes_after_the_end_is_given_back_once(shop: MemoryShop, end: AttemptState) -> None:
    attempt = await attempt_in(shop, end)
    said = outcome(SUCCEEDED, usd(TOTAL), intent_id="pi_late")

    settled = [await shop.settle(attempt.id, said) for _ in range(3)]

    assert {each.state for each in settled} == {end}
    assert {each.intent_id for each in settled} == {"pi_late"}
    (refund,) = shop.books.refunds.values()
    assert (refund.amount, refund.intent_id, refund.state) == (usd(TOTAL), "pi_late", RefundState.PENDING)
    assert [job.payload for job in shop.books.jobs if job.kind == "refund_payment"] == [{"refund": str(refund.id)}]
    order = shop.books.orders[attempt.order_id]
    assert (order.status, order.payment_status) == (OrderStatus.CANCELED, PaymentStatus.FAILED)
    assert [event.kind for event in shop.books.events][2:] == ["paid_after_the_end"]
    assert (the_cart(shop).state, shop.level(V7)) == (CartState.ACTIVE, (10, 0))


@pytest.mark.parametrize("state", [SUCCEEDED, FAILED, CANCELED])
async def test_a_final_outcome_twice_is_recorded_once(shop: MemoryShop, state: AttemptState) -> None:
    attempt = await attempt_in(shop, PENDING)
    first = await shop.settle(attempt.id, outcome(state, usd(TOTAL)))
    stored = shop.books.copied()
    shop.clock.turn(minutes=1)

    again = await shop.settle(attempt.id, outcome(state, usd(TOTAL)))

    assert again == first
    assert shop.books == stored


async def test_the_same_outcome_at_the_same_time_is_recorded_once(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, PENDING)

    settled = await asyncio.gather(
        *(shop.settle(attempt.id, outcome(SUCCEEDED, usd(TOTAL))) for _ in range(5)),
    )

    assert {each.state for each in settled} == {SUCCEEDED}
    assert [event.kind for event in shop.books.events] == ["placed", "paid"]
    assert shop.level(V7) == (8, 0)
    assert the_cart(shop).version == 3


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (PENDING, PENDING),
        (ACTION_REQUIRED, ACTION_REQUIRED),
        (ACTION_REQUIRED, PENDING),
        (PROCESSING, PROCESSING),
        (PROCESSING, PENDING),
    ],
)
async def test_no_news_only_moves_the_next_check(shop: MemoryShop, state: AttemptState, said: AttemptState) -> None:
    attempt = await attempt_in(shop, state)
    stored = shop.books.copied()

    settled = await shop.settle(attempt.id, outcome(said, usd(TOTAL)))

    assert settled == replace(attempt, check_at=NOON + timedelta(hours=1, minutes=6))
    stored.attempts[attempt.id] = settled
    assert shop.books == stored


@pytest.mark.parametrize(
    "amount", [usd(TOTAL - 1), usd(TOTAL + 1), usd(0), usd(-TOTAL), Money(TOTAL, Currency("EUR"))], ids=str
)
@pytest.mark.parametrize("state", AttemptState)
async def test_another_amount_than_the_orders_is_a_bug_that_changes_nothing(
    shop: MemoryShop, state: AttemptState, amount: Money
) -> None:
    attempt = await attempt_in(shop, PENDING)
    stored = shop.books.copied()

    with pytest.raises(Bug, match=f"order {attempt.order_id}: it is for 40.90 USD, the provider says {amount}"):
        await shop.settle(attempt.id, outcome(state, amount))

    assert shop.books == stored


async def test_an_attempt_that_does_not_exist_is_a_bug(shop: MemoryShop) -> None:
    await attempt_in(shop, PENDING)
    stored = shop.books.copied()

    with pytest.raises(Bug, match="there is no attempt"):
        await shop.settle(AttemptId(UUID(int=404)), outcome(SUCCEEDED, usd(TOTAL)))

    assert shop.books == stored


async def test_what_is_known_of_a_payment_is_kept_when_the_next_outcome_leaves_it_out(shop: MemoryShop) -> None:
    attempt = await attempt_in(
        shop, ACTION_REQUIRED, intent_id="pi_7", client_secret="secret", card_brand="visa", card_last4="4242"
    )

    settled = await shop.settle(attempt.id, outcome(PROCESSING, usd(TOTAL), intent_id=None))

    assert (settled.intent_id, settled.client_secret) == ("pi_7", "secret")
    assert (settled.card_brand, settled.card_last4) == ("visa", "4242")


async def test_what_the_provider_says_anew_replaces_what_was_known(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, PROCESSING, card_brand="visa", card_last4="4242")

    settled = await shop.settle(
        attempt.id,
        outcome(
            FAILED,
            usd(TOTAL),
            intent_id="pi_8",
            client_secret="other",
            card_brand="mastercard",
            card_last4="4444",
            decline_code="expired_card",
            failure_message="Your card has expired.",
        ),
    )

    assert (settled.intent_id, settled.client_secret) == ("pi_8", "other")
    assert (settled.card_brand, settled.card_last4) == ("mastercard", "4444")
    assert (settled.decline_code, settled.failure_message) == ("expired_card", "Your card has expired.")


async def test_a_refusal_that_came_to_nothing_is_forgotten(shop: MemoryShop) -> None:
    attempt = await attempt_in(
        shop, ACTION_REQUIRED, decline_code="authentication_required", failure_message="Confirm."
    )
    assert attempt.decline_code == "authentication_required"

    settled = await shop.settle(attempt.id, outcome(SUCCEEDED, usd(TOTAL)))

    assert (settled.decline_code, settled.failure_message) == (None, None)


async def test_only_the_orders_own_units_are_sold_or_given_back(shop: MemoryShop) -> None:
    paid = await attempt_in(shop, PENDING)
    other = shop.put_cart(line(2, 7, 3), id=UUID(int=5))
    shop.gateway.answers.append(outcome(PENDING, usd(3 * 1_800 + 490)))
    open_still = await shop.place_order(request(other, 3 * 1_800 + 490))

    await shop.settle(paid.id, outcome(SUCCEEDED, usd(TOTAL)))

    assert shop.level(V7) == (8, 3)
    assert shop.books.attempts[open_still.id] == open_still
    assert shop.books.carts[other.id].state is CartState.IN_CHECKOUT
