from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.cart.domain import CartState
from app.checkout import check_payments
from app.checkout.check_payments import BATCH
from app.checkout.domain import CHECK_PAYMENT
from app.checkout.place_order import PlaceOrder
from app.core.errors import DatabaseUnavailable, PaymentsUnavailable
from app.core.ids import AttemptId, CartId, VariantId
from app.orders.domain import OrderStatus, PaymentStatus
from app.payments.domain import AttemptState, PaymentAttempt
from tests.unit.fakes import NOON, LogBook, MemoryShop, line, outcome, request, usd

V7 = VariantId(7)
TOTAL = 1_800 + 490
SILENCE = PaymentsUnavailable("no answer")
SUCCEEDED, FAILED, CANCELED = AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.CANCELED
QUEUED, ACTION_REQUIRED, PROCESSING = AttemptState.QUEUED, AttemptState.ACTION_REQUIRED, AttemptState.PROCESSING
PENDING = AttemptState.PENDING
NEVER_SENT = PaymentsUnavailable("nobody there", may_have_run=False)


@pytest.fixture
def shop() -> MemoryShop:
    shop = MemoryShop()
    shop.stock(7, on_hand=100)
    return shop


async def attempt_in(
    shop: MemoryShop, state: AttemptState, *, number: int = 1, intent_id: str | None = "pi_1"
) -> PaymentAttempt:
    """An attempt at an order of one unit for TOTAL, as far as this state; no calls are on record for it."""
    cart = shop.put_cart(line(number, 7, 1), id=CartId(UUID(int=5_000_000 + number)))
    silent = state is QUEUED
    shop.gateway.answers.append(SILENCE if silent else outcome(state, usd(TOTAL), intent_id=intent_id))
    attempt = await shop.place_order(request(cart, TOTAL))
    shop.gateway.calls.clear()
    return attempt


async def checked(shop: MemoryShop, *answers: Any) -> int:
    """Run the check, the provider answering like this. Every answer is asked for."""
    shop.gateway.answers += answers
    due = await shop.check_payments()
    assert shop.gateway.answers == []
    return due


def state_of(shop: MemoryShop, attempt: PaymentAttempt) -> tuple[AttemptState, OrderStatus, PaymentStatus, CartState]:
    order = shop.books.orders[attempt.order_id]
    cart = shop.books.carts[attempt.cart_id]
    return shop.books.attempts[attempt.id].state, order.status, order.payment_status, cart.state


PAID = (SUCCEEDED, OrderStatus.CONFIRMED, PaymentStatus.PAID, CartState.COMPLETED)
OPEN = (QUEUED, OrderStatus.PENDING, PaymentStatus.DELAYED, CartState.IN_CHECKOUT)
GIVEN_UP = (CANCELED, OrderStatus.CANCELED, PaymentStatus.FAILED, CartState.ACTIVE)
REFUSED = (FAILED, OrderStatus.CANCELED, PaymentStatus.FAILED, CartState.ACTIVE)
AT_THE_BANK = (ACTION_REQUIRED, OrderStatus.PENDING, PaymentStatus.ACTION_REQUIRED, CartState.IN_CHECKOUT)


async def test_nothing_is_checked_before_it_is_due(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, QUEUED)

    assert attempt.check_at is not None
    shop.clock.turn(seconds=(attempt.check_at - NOON).total_seconds() - 0.000001)

    assert await checked(shop) == 0
    assert shop.gateway.calls == []
    assert shop.books.attempts == {attempt.id: attempt}


@pytest.mark.parametrize(
    ("state", "expected", "level"),
    [(SUCCEEDED, PAID, (99, 0)), (FAILED, REFUSED, (100, 0)), (CANCELED, GIVEN_UP, (100, 0))],
)
async def test_a_queued_attempt_is_ended_by_repeating_the_very_same_call(
    shop: MemoryShop, state: AttemptState, expected: tuple[Any, ...], level: tuple[int, int]
) -> None:
    attempt = await attempt_in(shop, QUEUED)
    shop.clock.turn(seconds=18)

    assert await checked(shop, None, outcome(state, usd(TOTAL))) == 1

    assert shop.gateway.calls == [("find", attempt.id), ("charge", attempt.id)]
    assert state_of(shop, attempt) == expected
    assert shop.level(V7) == level


async def test_a_provider_that_stays_silent_is_asked_again_after_twice_the_time_and_after_an_hour_at_most(
    shop: MemoryShop,
) -> None:
    attempt = await attempt_in(shop, QUEUED)
    waits = []
    for _ in range(12):
        check_at = shop.books.attempts[attempt.id].check_at
        assert check_at is not None
        waits.append((check_at - shop.clock.now()).total_seconds())
        shop.clock.turn(seconds=waits[-1])
        assert await checked(shop, SILENCE) == 1
        assert await checked(shop) == 0

    spread = waits[0] / 15
    assert 0.8 <= spread <= 1.2
    expected = [15, 30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600, 3_600]
    assert waits == pytest.approx([seconds * spread for seconds in expected])
    assert (state_of(shop, attempt), shop.level(V7)) == (OPEN, (100, 1))
    assert shop.books.attempts[attempt.id].tries == 13


async def test_silence_about_one_attempt_does_not_hold_up_the_others(shop: MemoryShop) -> None:
    attempts = [await attempt_in(shop, QUEUED, number=number) for number in (1, 2, 3)]
    said = {attempts[0].id: outcome(SUCCEEDED, usd(TOTAL)), attempts[2].id: outcome(FAILED, usd(TOTAL))}
    shop.clock.turn(seconds=18)

    def answer(attempt: PaymentAttempt) -> Any:
        if attempt.id not in said:
            raise SILENCE
        return said[attempt.id]

    assert await checked(shop, None, None, None, answer, answer, answer) == 3

    assert [state_of(shop, attempt) for attempt in attempts] == [PAID, OPEN, REFUSED]


async def test_an_attempt_that_was_surely_never_sent_is_not_looked_for(shop: MemoryShop) -> None:
    cart = shop.put_cart(line(1, 7, 1))
    shop.gateway.answers.append(NEVER_SENT)
    attempt = await shop.place_order(request(cart, TOTAL))
    assert attempt.sent_at is None
    shop.gateway.calls.clear()

    shop.clock.turn(seconds=18)
    await checked(shop, NEVER_SENT)
    still = shop.books.attempts[attempt.id].sent_at
    shop.clock.turn(seconds=36)
    await checked(shop, outcome(SUCCEEDED, usd(TOTAL)))

    assert still is None
    assert shop.gateway.calls == [("charge", attempt.id)] * 2
    assert state_of(shop, attempt) == PAID


async def test_the_first_answer_after_silence_brings_the_whole_queue_back_at_once(shop: MemoryShop) -> None:
    early = [await attempt_in(shop, QUEUED, number=number) for number in (1, 2)]
    for _ in range(9):  # until they are asked about once an hour
        shop.clock.turn(minutes=90)
        assert await checked(shop, *[SILENCE] * 2) == 2
    late = await attempt_in(shop, QUEUED, number=3)
    shop.clock.turn(seconds=18)

    assert await checked(shop, None, outcome(SUCCEEDED, usd(TOTAL))) == 1
    assert await checked(shop, *[outcome(SUCCEEDED, usd(TOTAL))] * 2) == 2

    assert [state_of(shop, attempt) for attempt in (*early, late)] == [PAID] * 3


async def test_a_queued_payment_that_the_bank_asks_about_gives_the_buyer_a_day(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, QUEUED, intent_id=None)
    shop.clock.turn(hours=3)

    await checked(shop, None, outcome(ACTION_REQUIRED, usd(TOTAL), intent_id="pi_7"))
    asked_at = shop.clock.now()
    shop.clock.turn(hours=24, seconds=-1)
    await checked(shop, outcome(ACTION_REQUIRED, usd(TOTAL), intent_id="pi_7"))
    held = state_of(shop, attempt), shop.level(V7)
    shop.clock.turn(seconds=1)
    await checked(shop, outcome(CANCELED, usd(TOTAL), intent_id="pi_7"))

    assert shop.books.attempts[attempt.id].expires_at == asked_at + timedelta(hours=24)
    assert held == (AT_THE_BANK, (100, 1))
    assert shop.gateway.calls[-1] == ("cancel", "pi_7")
    assert (state_of(shop, attempt), shop.level(V7)) == (GIVEN_UP, (100, 0))


async def test_an_attempt_whose_request_died_is_ended_by_the_worker(shop: MemoryShop) -> None:
    cart = shop.put_cart(line(1, 7, 1))
    shop.gateway.answers.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        await shop.place_order(request(cart, TOTAL))
    shop.clock.turn(seconds=18)

    assert await checked(shop, None, outcome(SUCCEEDED, usd(TOTAL))) == 1

    (attempt,) = shop.books.attempts.values()
    assert state_of(shop, attempt) == PAID


async def test_a_finished_attempt_is_never_checked_again(shop: MemoryShop) -> None:
    for number, state in enumerate([SUCCEEDED, FAILED, CANCELED]):
        await attempt_in(shop, state, number=number)
    shop.clock.turn(days=365)

    assert await checked(shop) == 0
    assert shop.gateway.calls == []


@pytest.mark.parametrize("state", [ACTION_REQUIRED, PROCESSING])
async def test_an_attempt_that_the_provider_knows_is_looked_up(shop: MemoryShop, state: AttemptState) -> None:
    attempt = await attempt_in(shop, state, intent_id="pi_7")
    shop.clock.turn(seconds=2)

    assert await checked(shop, outcome(SUCCEEDED, usd(TOTAL), intent_id="pi_7")) == 1

    assert shop.gateway.calls == [("look_up", "pi_7")]
    assert state_of(shop, attempt) == PAID


async def test_no_news_is_looked_up_again_after_a_tenth_of_the_attempts_age(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, ACTION_REQUIRED)
    shop.clock.turn(minutes=5)

    assert await checked(shop, outcome(ACTION_REQUIRED, usd(TOTAL))) == 1

    assert shop.books.attempts[attempt.id].check_at == NOON + timedelta(minutes=5, seconds=30)
    assert state_of(shop, attempt) == AT_THE_BANK


async def test_jobs_alone_bring_every_attempt_to_its_end(shop: MemoryShop) -> None:
    attempts = [await attempt_in(shop, QUEUED, number=number) for number in (1, 2)]
    shop.gateway.answers += [SILENCE] * 2 + [None, SILENCE] * 4 + [outcome(SUCCEEDED, usd(TOTAL))] * 2
    for _ in range(500):
        for job in shop.books.take_due_jobs(shop.clock.now()):
            if job.kind == CHECK_PAYMENT:
                await shop.check_payments.run(job.payload)
        shop.clock.turn(seconds=5)

    assert [state_of(shop, attempt) for attempt in attempts] == [PAID] * 2
    assert shop.books.jobs == []
    assert (
        sorted(key.partition(":")[0] for key in shop.books.mail) == ["payment_delayed"] * 2 + ["payment_succeeded"] * 2
    )
    assert shop.gateway.answers == []


# ------------------------------------------------------------------------------------------------ buyers who went away


async def test_a_buyer_has_half_an_hour_at_the_bank_and_then_the_units_are_free_again(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, ACTION_REQUIRED, intent_id="pi_7")

    shop.clock.turn(minutes=30, microseconds=-1)
    await checked(shop, outcome(ACTION_REQUIRED, usd(TOTAL), intent_id="pi_7"))
    assert shop.gateway.calls == [("look_up", "pi_7")]
    assert (state_of(shop, attempt), shop.level(V7)) == (AT_THE_BANK, (100, 1))
    shop.clock.turn(seconds=1)
    await checked(shop, outcome(CANCELED, usd(TOTAL), intent_id="pi_7"))

    assert shop.gateway.calls == [("look_up", "pi_7"), ("cancel", "pi_7")]
    assert (state_of(shop, attempt), shop.level(V7)) == (GIVEN_UP, (100, 0))
    assert [event.kind for event in shop.books.events][-1] == "payment_canceled"


async def test_the_half_hour_ends_at_the_exact_moment(shop: MemoryShop) -> None:
    await attempt_in(shop, ACTION_REQUIRED, intent_id="pi_7")
    shop.clock.turn(minutes=30)

    await checked(shop, outcome(CANCELED, usd(TOTAL), intent_id="pi_7"))

    assert shop.gateway.calls == [("cancel", "pi_7")]


async def test_a_buyer_who_confirms_in_the_last_moment_has_paid(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, ACTION_REQUIRED)
    shop.clock.turn(minutes=31)

    await checked(shop, outcome(SUCCEEDED, usd(TOTAL)))

    assert shop.gateway.calls == [("cancel", "pi_1")]
    assert (state_of(shop, attempt), shop.level(V7)) == (PAID, (99, 0))


async def test_a_cancellation_without_an_answer_is_tried_again_and_the_units_stay_held(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, ACTION_REQUIRED)
    shop.clock.turn(minutes=31)

    await checked(shop, SILENCE)
    assert (state_of(shop, attempt), shop.level(V7)) == (AT_THE_BANK, (100, 1))
    shop.clock.turn(minutes=4)
    await checked(shop, outcome(CANCELED, usd(TOTAL)))

    assert shop.gateway.calls == [("cancel", "pi_1"), ("cancel", "pi_1")]
    assert (state_of(shop, attempt), shop.level(V7)) == (GIVEN_UP, (100, 0))


async def test_a_payment_that_the_bank_is_processing_is_not_canceled_however_long_it_takes(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, PROCESSING)
    shop.clock.turn(days=5)

    await checked(shop, outcome(PROCESSING, usd(TOTAL)))

    assert shop.gateway.calls == [("look_up", "pi_1")]
    assert shop.books.attempts[attempt.id].state is PROCESSING
    assert shop.level(V7) == (100, 1)


# ------------------------------------------------------------------------------------------------ old keys


async def test_a_lost_answer_is_looked_for_before_the_call_is_repeated(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, QUEUED)
    shop.clock.turn(minutes=2)

    await checked(shop, None, outcome(SUCCEEDED, usd(TOTAL)))

    assert shop.gateway.calls == [("find", attempt.id), ("charge", attempt.id)]
    assert state_of(shop, attempt) == PAID


async def test_a_charge_whose_answer_was_lost_is_found_and_not_repeated(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, QUEUED)
    shop.clock.turn(minutes=2)

    await checked(shop, outcome(SUCCEEDED, usd(TOTAL), intent_id="pi_lost"))

    assert shop.gateway.calls == [("find", attempt.id)]
    assert state_of(shop, attempt) == PAID
    assert shop.books.attempts[attempt.id].intent_id == "pi_lost"


async def test_a_key_is_repeated_for_23_hours_and_never_after(
    shop: MemoryShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = await attempt_in(shop, QUEUED)
    log = LogBook()
    monkeypatch.setattr(check_payments, "_log", log)

    shop.clock.turn(hours=23, microseconds=-1)
    assert await checked(shop, None, SILENCE) == 1
    assert (log.events("error"), state_of(shop, attempt)) == ([], OPEN)
    shop.clock.turn(minutes=1)
    assert await checked(shop, None) == 1

    assert [name for name, _ in shop.gateway.calls] == ["find", "charge", "find"]
    assert log.events("error") == ["payment_never_arrived"]
    assert (state_of(shop, attempt), shop.level(V7)) == (GIVEN_UP, (100, 0))


async def test_a_last_call_that_may_be_under_way_is_waited_for_before_the_payment_is_given_up(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, QUEUED)

    shop.clock.turn(hours=23, microseconds=-1)
    await checked(shop, None, SILENCE)
    shop.clock.turn(seconds=50)
    await checked(shop, None)
    waits = state_of(shop, attempt)
    shop.clock.turn(minutes=2)
    await checked(shop, outcome(SUCCEEDED, usd(TOTAL), intent_id="pi_late"))

    assert waits == OPEN
    assert [name for name, _ in shop.gateway.calls] == ["find", "charge", "find", "find"]
    assert state_of(shop, attempt) == PAID


async def test_a_payment_that_the_provider_made_and_never_began_is_ended_when_its_time_is_up(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, QUEUED)
    begun = outcome(PENDING, usd(TOTAL), intent_id="pi_7")

    shop.clock.turn(minutes=29)
    await checked(shop, begun)
    shop.clock.turn(minutes=2)
    await checked(shop, begun, outcome(CANCELED, usd(TOTAL), intent_id="pi_7"))

    assert shop.gateway.calls == [("find", attempt.id), ("look_up", "pi_7"), ("cancel", "pi_7")]
    assert (state_of(shop, attempt), shop.level(V7)) == (GIVEN_UP, (100, 0))


async def test_one_attempt_that_breaks_does_not_keep_the_others_from_being_checked(
    shop: MemoryShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = [await attempt_in(shop, QUEUED, number=number) for number in (1, 2, 3)]
    log = LogBook()
    monkeypatch.setattr(check_payments, "_log", log)
    shop.clock.turn(seconds=18)

    paid, broken = outcome(SUCCEEDED, usd(TOTAL)), attempts[1].id

    def answer(attempt: PaymentAttempt) -> Any:
        if attempt.id == broken:
            raise KeyError("a status nobody knows")
        return paid

    assert await checked(shop, answer, answer, answer) == 2

    assert [state_of(shop, attempt) for attempt in attempts] == [PAID, OPEN, PAID]
    assert log.events("error") == ["payment_check_failed"]


async def test_a_payment_that_the_provider_knows_is_looked_up_at_any_age(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, PROCESSING)
    shop.clock.turn(days=30)

    await checked(shop, outcome(SUCCEEDED, usd(TOTAL)))

    assert shop.gateway.calls == [("look_up", "pi_1")]
    assert state_of(shop, attempt) == PAID


@pytest.mark.parametrize("hours", [1, 24, 24 * 30])
async def test_what_costs_nothing_is_settled_at_any_age_without_the_provider(shop: MemoryShop, hours: int) -> None:
    free = shop.stock(9, price=0, requires_shipping=False)
    cart = shop.put_cart(line(1, 9, 1), delivery_option_id=None)

    async def unreachable(*_: object) -> PaymentAttempt:
        raise DatabaseUnavailable

    with pytest.raises(DatabaseUnavailable):
        await PlaceOrder(shop.desk, shop.transactions, shop.gateway, unreachable)(request(cart, 0, method=None))
    shop.clock.turn(hours=hours)

    assert await checked(shop) == 1

    (attempt,) = shop.books.attempts.values()
    assert state_of(shop, attempt) == PAID
    assert shop.gateway.calls == []
    assert shop.level(free) == (9, 0)


# ------------------------------------------------------------------------------------------------ batches and workers


async def test_a_batch_is_20_attempts_the_longest_waiting_first(shop: MemoryShop) -> None:
    attempts = []
    for number in range(25):
        attempts.append(await attempt_in(shop, QUEUED, number=number))
        shop.clock.turn(seconds=1)
    shop.clock.turn(seconds=40)

    assert BATCH == 20
    due = sorted(attempts, key=lambda attempt: str(attempt.check_at))
    assert await checked(shop, *[SILENCE] * 20) == 20
    assert {by for _, by in shop.gateway.calls} == {attempt.id for attempt in due[:20]}
    assert await checked(shop, *[SILENCE] * 5) == 5
    assert {by for _, by in shop.gateway.calls[20:]} == {attempt.id for attempt in due[20:]}


async def test_two_workers_check_each_attempt_once(shop: MemoryShop) -> None:
    attempts = [await attempt_in(shop, QUEUED, number=number) for number in range(15)]
    shop.clock.turn(minutes=1)
    shop.gateway.answers += [outcome(SUCCEEDED, usd(TOTAL))] * 15

    await asyncio.gather(shop.check_payments(), shop.check_payments())

    asked: list[AttemptId] = [by for _, by in shop.gateway.calls]
    assert sorted(asked) == sorted(attempt.id for attempt in attempts)
    assert {state_of(shop, attempt) for attempt in attempts} == {PAID}
    assert shop.level(V7) == (85, 0)


# ------------------------------------------------------------------------------------------------ refused at the bank


async def test_a_payment_that_failed_at_the_bank_is_ended_at_the_provider_too(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, ACTION_REQUIRED, intent_id="pi_7")
    shop.clock.turn(seconds=2)
    failed = outcome(FAILED, usd(TOTAL), intent_id="pi_7", decline_code="card_declined")

    await checked(shop, failed, outcome(CANCELED, usd(TOTAL), intent_id="pi_7"))

    assert shop.gateway.calls == [("look_up", "pi_7"), ("cancel", "pi_7")]
    assert (state_of(shop, attempt), shop.level(V7)) == (REFUSED, (100, 0))
    assert shop.books.attempts[attempt.id].decline_code == "card_declined"


async def test_a_payment_that_another_card_has_paid_in_between_is_paid(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, ACTION_REQUIRED)
    shop.clock.turn(seconds=2)

    await checked(shop, outcome(FAILED, usd(TOTAL)), outcome(SUCCEEDED, usd(TOTAL)))

    assert (state_of(shop, attempt), shop.level(V7)) == (PAID, (99, 0))


async def test_nothing_is_given_up_until_the_provider_has_ended_it(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, ACTION_REQUIRED)
    shop.clock.turn(seconds=2)

    await checked(shop, outcome(FAILED, usd(TOTAL)), SILENCE)

    assert (state_of(shop, attempt), shop.level(V7)) == (AT_THE_BANK, (100, 1))


# ------------------------------------------------------------------------------------------------ lost answers


async def test_a_refusal_whose_answer_was_lost_is_ended_at_the_provider_too(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, QUEUED)
    shop.clock.turn(minutes=2)

    await checked(shop, outcome(FAILED, usd(TOTAL), intent_id="pi_7"), outcome(CANCELED, usd(TOTAL), intent_id="pi_7"))

    assert shop.gateway.calls == [("find", attempt.id), ("cancel", "pi_7")]
    assert (state_of(shop, attempt), shop.level(V7)) == (REFUSED, (100, 0))


async def test_a_search_without_an_answer_repeats_nothing_and_gives_nothing_up(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, QUEUED)
    shop.clock.turn(hours=24)

    await checked(shop, SILENCE)

    assert shop.gateway.calls == [("find", attempt.id)]
    assert (state_of(shop, attempt), shop.level(V7)) == (OPEN, (100, 1))


async def test_a_payment_whose_id_is_known_but_nothing_else_is_looked_up(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, QUEUED)
    shop.clock.turn(seconds=18)

    await checked(shop, None, outcome(PENDING, usd(TOTAL), intent_id="pi_7"))
    shop.clock.turn(minutes=1)
    await checked(shop, outcome(SUCCEEDED, usd(TOTAL), intent_id="pi_7"))

    assert shop.gateway.calls == [("find", attempt.id), ("charge", attempt.id), ("look_up", "pi_7")]
    assert state_of(shop, attempt) == PAID
