"""Refunds as use cases: begun, made at the provider, settled; also those that somebody made at the provider."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.checkout import refund_payment, settle_refund
from app.checkout.settle_refund import AT_THE_PROVIDER, RefundTooEarly
from app.core.errors import Bug, InvalidInput, NotFound, PaymentsUnavailable
from app.core.ids import OrderId, RefundId, VariantId
from app.core.money import Currency, Money
from app.inventory.domain import ReservationState
from app.orders.domain import Order, OrderStatus, PaymentStatus
from app.payments.domain import AttemptState, PaymentAttempt
from app.payments.refunds import Refund, RefundOutcome, RefundState
from tests.unit.fakes import NOON, LogBook, MemoryShop, line, outcome, request, usd

V7 = VariantId(7)
TOTAL = 2 * 1_800 + 490
SUCCEEDED, FAILED, PENDING = RefundState.SUCCEEDED, RefundState.FAILED, RefundState.PENDING


@pytest.fixture
def shop() -> MemoryShop:
    shop = MemoryShop()
    shop.stock(7, on_hand=10)
    return shop


@pytest.fixture
async def paid(shop: MemoryShop) -> PaymentAttempt:
    return await attempt_in(shop, AttemptState.SUCCEEDED)


async def attempt_in(shop: MemoryShop, state: AttemptState) -> PaymentAttempt:
    cart = shop.put_cart(line(1, 7, 2))
    shop.gateway.answers.append(outcome(state, usd(TOTAL)))
    return await shop.place_order(request(cart, TOTAL))


async def begin(shop: MemoryShop, attempt: PaymentAttempt, minor: int | None = None, **values: Any) -> Refund:
    amount = None if minor is None else usd(minor)
    return await shop.refund_order(attempt.order_id, amount, reason="too big", **values)


def says(refund: Refund, state: RefundState = SUCCEEDED, **values: Any) -> RefundOutcome:
    """What the provider says of a refund of ours."""
    plain = {"provider_id": f"re_{refund.id.int}", "intent_id": refund.intent_id, "refund_id": refund.id}
    return RefundOutcome(state, refund.amount, **(plain | values))


def made_there(minor: int, state: RefundState = SUCCEEDED, name: str = "re_there", **values: Any) -> RefundOutcome:
    """What the provider says of a refund that somebody made there."""
    return RefundOutcome(state, usd(minor), name, **({"intent_id": "pi_1"} | values))


def order_of(shop: MemoryShop, attempt: PaymentAttempt) -> Order:
    return shop.books.orders[attempt.order_id]


async def from_there(shop: MemoryShop, told: RefundOutcome) -> Refund:
    async with shop.transactions.begin() as tx:
        return await shop.settle_refund.of_provider(tx, told)


# ------------------------------------------------------------------------------------------------ begun


async def test_a_refund_is_written_down_with_its_job_and_nothing_else_changes(
    shop: MemoryShop, paid: PaymentAttempt
) -> None:
    shop.clock.turn(hours=1)

    refund = await begin(shop, paid, 1_000)

    assert shop.books.refunds == {refund.id: refund}
    assert refund == Refund(
        id=refund.id,
        order_id=paid.order_id,
        attempt_id=paid.id,
        intent_id="pi_1",
        amount=usd(1_000),
        state=PENDING,
        reason="too big",
        created_at=NOON + timedelta(hours=1),
        updated_at=NOON + timedelta(hours=1),
    )
    assert [job.payload for job in shop.books.jobs if job.kind == "refund_payment"] == [{"refund": str(refund.id)}]
    assert order_of(shop, paid).payment_status is PaymentStatus.PAID
    assert shop.level(V7) == (8, 0)
    assert shop.gateway.calls == [("charge", paid.id)]


async def test_without_an_amount_it_is_all_that_is_left(shop: MemoryShop, paid: PaymentAttempt) -> None:
    first, rest = await begin(shop, paid, 1_000), await begin(shop, paid)

    assert (first.amount, rest.amount) == (usd(1_000), usd(TOTAL - 1_000))


@pytest.mark.parametrize("amount", [usd(0), usd(-1), usd(TOTAL + 1), Money(1_000, Currency("EUR"))])
async def test_what_cannot_be_given_back_is_refused(shop: MemoryShop, paid: PaymentAttempt, amount: Money) -> None:
    with pytest.raises(InvalidInput):
        await shop.refund_order(paid.order_id, amount, reason="x")

    assert shop.books.refunds == {}


async def test_refunds_at_the_same_time_never_come_to_more_than_was_paid(
    shop: MemoryShop, paid: PaymentAttempt
) -> None:
    begun = await asyncio.gather(*(begin(shop, paid, 1_500) for _ in range(5)), return_exceptions=True)

    assert [isinstance(each, Refund) for each in begun] == [True, True, False, False, False]
    assert all(isinstance(each, Refund | InvalidInput) for each in begun)


async def test_a_refund_that_came_to_nothing_can_be_made_anew(shop: MemoryShop, paid: PaymentAttempt) -> None:
    refund = await begin(shop, paid)
    with pytest.raises(InvalidInput, match="Nothing of the payment is left"):
        await begin(shop, paid)

    await shop.settle_refund(refund.id, says(refund, FAILED, provider_id=None))

    assert (await begin(shop, paid)).amount == usd(TOTAL)


@pytest.mark.parametrize("state", [AttemptState.PROCESSING, AttemptState.FAILED, AttemptState.CANCELED])
async def test_an_order_that_was_not_paid_has_nothing_to_give_back(shop: MemoryShop, state: AttemptState) -> None:
    attempt = await attempt_in(shop, state)

    with pytest.raises(InvalidInput, match="was not paid"):
        await begin(shop, attempt)


async def test_money_that_came_late_can_be_given_back_again_after_a_failure(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, AttemptState.CANCELED)
    await shop.settle(attempt.id, outcome(AttemptState.SUCCEEDED, usd(TOTAL)))
    (late,) = shop.books.refunds.values()
    await shop.settle_refund(late.id, says(late, FAILED, provider_id=None))

    again = await begin(shop, attempt)

    assert (again.amount, again.id == late.id) == (usd(TOTAL), False)


async def test_there_is_nothing_to_give_back_of_an_order_that_does_not_exist(shop: MemoryShop) -> None:
    with pytest.raises(NotFound):
        await shop.refund_order(OrderId(UUID(int=404)), None, reason="x")


async def test_units_that_came_back_are_on_the_shelf_once(shop: MemoryShop, paid: PaymentAttempt) -> None:
    for _ in range(2):
        await begin(shop, paid, 100, restock=True)

    assert shop.level(V7) == (10, 0)
    assert set(shop.books.reservations.values()) == {(2, ReservationState.RETURNED)}
    assert order_of(shop, paid).status is OrderStatus.CONFIRMED
    assert shop.books.events[-1].kind == "returned"


# ------------------------------------------------------------------------------------------------ made


async def test_a_refund_is_made_outside_any_transaction_and_settled(shop: MemoryShop, paid: PaymentAttempt) -> None:
    refund = await begin(shop, paid)
    shop.gateway.answers.append(says)

    await shop.refund_payment.run({"refund": str(refund.id)})

    assert shop.gateway.calls[1:] == [("refund", refund.id)]
    assert shop.books.refunds[refund.id].state is SUCCEEDED
    assert shop.books.refunds[refund.id].provider_id == f"re_{refund.id.int}"
    assert order_of(shop, paid).payment_status is PaymentStatus.REFUNDED


async def test_what_has_ended_is_not_made_again(shop: MemoryShop, paid: PaymentAttempt) -> None:
    refund = await begin(shop, paid)
    shop.gateway.answers.append(says)
    first = await shop.refund_payment(refund.id)

    again = await shop.refund_payment(refund.id)

    assert again == first
    assert shop.gateway.calls[1:] == [("refund", refund.id)]


async def test_a_lost_answer_is_looked_for_before_the_call_is_repeated(shop: MemoryShop, paid: PaymentAttempt) -> None:
    refund = await begin(shop, paid)
    shop.gateway.answers += [PaymentsUnavailable("silence"), None, says]

    with pytest.raises(PaymentsUnavailable):
        await shop.refund_payment(refund.id)
    waiting = shop.books.refunds[refund.id]
    await shop.refund_payment(refund.id)

    assert (waiting.state, waiting.sent_at) == (PENDING, NOON)
    assert [name for name, _ in shop.gateway.calls[1:]] == ["refund", "find_refund", "refund"]
    assert shop.books.refunds[refund.id].state is SUCCEEDED


async def test_what_is_found_is_not_repeated(shop: MemoryShop, paid: PaymentAttempt) -> None:
    refund = await begin(shop, paid)
    shop.gateway.answers += [PaymentsUnavailable("silence"), says]
    with pytest.raises(PaymentsUnavailable):
        await shop.refund_payment(refund.id)

    await shop.refund_payment(refund.id)

    assert [name for name, _ in shop.gateway.calls[1:]] == ["refund", "find_refund"]
    assert shop.books.refunds[refund.id].state is SUCCEEDED


async def test_a_call_that_surely_was_not_sent_is_simply_repeated_however_late(
    shop: MemoryShop, paid: PaymentAttempt
) -> None:
    refund = await begin(shop, paid)
    shop.gateway.answers += [PaymentsUnavailable("away", may_have_run=False), says]
    with pytest.raises(PaymentsUnavailable):
        await shop.refund_payment(refund.id)
    unsent = shop.books.refunds[refund.id].sent_at
    shop.clock.turn(days=3)

    await shop.refund_payment(refund.id)

    assert unsent is None
    assert [name for name, _ in shop.gateway.calls[1:]] == ["refund", "refund"]


async def test_silence_of_one_does_not_make_unsent_what_another_has_sent(
    shop: MemoryShop, paid: PaymentAttempt
) -> None:
    refund = await begin(shop, paid)

    async def rival() -> None:
        shop.gateway.answers[:0] = [None, PaymentsUnavailable("silence")]
        shop.clock.turn(seconds=1)
        with pytest.raises(PaymentsUnavailable):
            await shop.refund_payment(refund.id)

    class Away(PaymentsUnavailable):
        pass

    refuse = shop.gateway.refund

    async def slow_refusal(of: Refund) -> RefundOutcome:
        shop.gateway.refund = refuse  # type: ignore[method-assign]
        await rival()
        raise Away("away", may_have_run=False)

    shop.gateway.refund = slow_refusal  # type: ignore[method-assign]
    with pytest.raises(Away):
        await shop.refund_payment(refund.id)

    assert shop.books.refunds[refund.id].sent_at == NOON


@pytest.mark.parametrize(
    ("age", "answers", "calls", "state"),
    [
        (timedelta(hours=22, minutes=59), [None, says], ["find_refund", "refund"], SUCCEEDED),
        (timedelta(hours=23), [None], ["find_refund"], PENDING),
        (timedelta(hours=23, minutes=9), [None], ["find_refund"], PENDING),
        (timedelta(hours=23, minutes=10), [None], ["find_refund"], FAILED),
        (timedelta(days=9), [says], ["find_refund"], SUCCEEDED),
    ],
)
async def test_a_key_is_repeated_for_23_hours_and_what_never_arrived_has_failed(
    shop: MemoryShop,
    paid: PaymentAttempt,
    monkeypatch: pytest.MonkeyPatch,
    age: timedelta,
    answers: list[Any],
    calls: list[str],
    state: RefundState,
) -> None:
    log = LogBook()
    monkeypatch.setattr(refund_payment, "_log", log)
    refund = await begin(shop, paid)
    shop.gateway.answers += [PaymentsUnavailable("silence"), *answers]
    with pytest.raises(PaymentsUnavailable):
        await shop.refund_payment(refund.id)
    shop.clock.turn(seconds=age.total_seconds())

    if state is PENDING:
        with pytest.raises(PaymentsUnavailable):
            await shop.refund_payment(refund.id)
    else:
        await shop.refund_payment(refund.id)

    assert [name for name, _ in shop.gateway.calls[2:]] == calls
    assert shop.books.refunds[refund.id].state is state
    assert log.events("error") == (["refund_never_arrived"] if state is FAILED else [])


async def test_what_the_provider_is_still_at_work_on_is_looked_at_an_hour_later(
    shop: MemoryShop, paid: PaymentAttempt
) -> None:
    refund = await begin(shop, paid)
    shop.books.take_due_jobs(shop.clock.now())
    shop.gateway.answers.append(lambda asked: says(asked, PENDING))

    waiting = await shop.refund_payment(refund.id)

    (job,) = [job for job in shop.books.jobs if job.kind == "refund_payment"]
    assert (waiting.state, waiting.provider_id) == (PENDING, f"re_{refund.id.int}")
    assert job.not_before == NOON + timedelta(hours=1)
    assert order_of(shop, paid).payment_status is PaymentStatus.PAID


async def test_a_refund_whose_job_was_lost_gets_a_new_one(shop: MemoryShop, paid: PaymentAttempt) -> None:
    lost, ended = await begin(shop, paid, 1_000), await begin(shop, paid, 500)
    await shop.settle_refund(ended.id, says(ended))
    shop.clock.turn(hours=1)
    recent = await begin(shop, paid, 700)
    shop.clock.turn(hours=1)
    shop.books.take_due_jobs(shop.clock.now())

    await shop.refund_payment.overdue()

    jobs = [job.payload["refund"] for job in shop.books.jobs if job.kind == "refund_payment"]
    assert jobs == [str(lost.id)]
    assert recent.id != lost.id


# ------------------------------------------------------------------------------------------------ settled


async def test_an_order_is_partially_refunded_then_refunded_and_steps_back_when_one_fails(
    shop: MemoryShop, paid: PaymentAttempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogBook()
    monkeypatch.setattr(settle_refund, "_log", log)
    first, rest = await begin(shop, paid, 1_000), await begin(shop, paid)
    seen = []
    for refund, state in ((first, SUCCEEDED), (rest, SUCCEEDED), (first, FAILED), (rest, FAILED)):
        await shop.settle_refund(refund.id, says(refund, state, failure="lost" if state is FAILED else None))
        seen.append(order_of(shop, paid).payment_status)

    assert seen == [
        PaymentStatus.PARTIALLY_REFUNDED,
        PaymentStatus.REFUNDED,
        PaymentStatus.PARTIALLY_REFUNDED,
        PaymentStatus.PAID,
    ]
    assert [event.kind for event in shop.books.events][2:] == ["refunded"] * 2 + ["refund_failed"] * 2
    assert shop.books.events[2].message == "10.00 USD were given back."
    assert log.events("error") == ["refund_failed"] * 2
    assert [key for key in shop.books.mail if key.startswith("refunded")] == [
        f"refunded:{first.id}",
        f"refunded:{rest.id}",
    ]
    assert shop.books.refunds[first.id].failure == "lost"


@pytest.mark.parametrize("state", [SUCCEEDED, FAILED])
async def test_the_same_outcome_again_changes_nothing(
    shop: MemoryShop, paid: PaymentAttempt, state: RefundState
) -> None:
    refund = await begin(shop, paid)
    await shop.settle_refund(refund.id, says(refund, state))
    stored = shop.books.copied()

    for again in (state, PENDING):
        await shop.settle_refund(refund.id, says(refund, again))

    assert shop.books == stored


async def test_a_failed_refund_does_not_succeed_later(
    shop: MemoryShop, paid: PaymentAttempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogBook()
    monkeypatch.setattr(settle_refund, "_log", log)
    refund = await begin(shop, paid)
    await shop.settle_refund(refund.id, says(refund, FAILED))
    stored = shop.books.copied()

    await shop.settle_refund(refund.id, says(refund, SUCCEEDED))

    assert shop.books == stored
    assert log.events("error") == ["refund_failed", "refund_outcome_after_the_end"]


async def test_another_amount_than_was_asked_for_is_a_bug(shop: MemoryShop, paid: PaymentAttempt) -> None:
    refund = await begin(shop, paid, 1_000)

    with pytest.raises(Bug, match=r"10\.00 USD, the provider says 9\.99 USD"):
        await shop.settle_refund(refund.id, RefundOutcome(SUCCEEDED, usd(999), "re_1", "pi_1", refund.id))
    with pytest.raises(Bug, match="there is no refund"):
        await shop.settle_refund(RefundId(UUID(int=404)), says(refund))


async def test_money_that_came_late_leaves_the_order_failed_when_it_has_been_given_back(shop: MemoryShop) -> None:
    attempt = await attempt_in(shop, AttemptState.CANCELED)
    await shop.settle(attempt.id, outcome(AttemptState.SUCCEEDED, usd(TOTAL)))
    (late,) = shop.books.refunds.values()

    await shop.settle_refund(late.id, says(late))

    order = order_of(shop, attempt)
    assert (order.status, order.payment_status) == (OrderStatus.CANCELED, PaymentStatus.FAILED)
    assert [event.kind for event in shop.books.events][-2:] == ["paid_after_the_end", "refunded"]


# ------------------------------------------------------------------------------------------------ made at the provider


async def test_a_refund_made_at_the_provider_is_recorded_as_one_of_the_order(
    shop: MemoryShop, paid: PaymentAttempt
) -> None:
    recorded = [await from_there(shop, made_there(1_000)) for _ in range(3)]

    (refund,) = shop.books.refunds.values()
    assert recorded == [refund] * 3
    assert (refund.state, refund.provider_id, refund.reason) == (SUCCEEDED, "re_there", AT_THE_PROVIDER)
    assert order_of(shop, paid).payment_status is PaymentStatus.PARTIALLY_REFUNDED
    assert (await begin(shop, paid)).amount == usd(TOTAL - 1_000)


async def test_what_the_provider_tells_of_our_own_refund_settles_it(shop: MemoryShop, paid: PaymentAttempt) -> None:
    refund = await begin(shop, paid)

    before_the_answer = await from_there(shop, says(refund))
    later = await from_there(shop, says(refund, FAILED, refund_id=None))

    assert before_the_answer is not None
    assert later is not None
    assert (before_the_answer.id, before_the_answer.state) == (refund.id, SUCCEEDED)
    assert (later.id, later.state) == (refund.id, FAILED)
    assert len(shop.books.refunds) == 1


async def test_a_refund_that_copies_our_refunds_name_is_another_one(shop: MemoryShop, paid: PaymentAttempt) -> None:
    refund = await begin(shop, paid, 1_000)
    await shop.settle_refund(refund.id, says(refund))

    other = await from_there(shop, made_there(500, refund_id=refund.id))

    assert other is not None
    assert other.id != refund.id
    assert len(shop.books.refunds) == 2


async def test_a_refund_of_a_payment_that_is_not_known_so_far_comes_too_early(
    shop: MemoryShop, paid: PaymentAttempt
) -> None:
    with pytest.raises(RefundTooEarly):
        await from_there(shop, made_there(1_000, intent_id="pi_unknown"))

    assert shop.books.refunds == {}


async def test_a_refund_made_there_waits_until_ours_that_leaves_no_room_has_been_refused(
    shop: MemoryShop, paid: PaymentAttempt
) -> None:
    ours = await begin(shop, paid)
    with pytest.raises(RefundTooEarly):
        await from_there(shop, made_there(TOTAL))
    shop.gateway.answers.append(lambda asked: says(asked, FAILED, provider_id=None, failure="charge_already_refunded"))
    await shop.refund_payment(ours.id)

    theirs = await from_there(shop, made_there(TOTAL))

    assert theirs is not None
    assert theirs.state is SUCCEEDED
    assert order_of(shop, paid).payment_status is PaymentStatus.REFUNDED


async def test_a_refund_made_there_has_failed_also_where_its_success_is_told_later(
    shop: MemoryShop, paid: PaymentAttempt
) -> None:
    failed = await from_there(shop, made_there(1_000, FAILED))
    late = await from_there(shop, made_there(1_000, SUCCEEDED))

    assert failed.state is late.state is FAILED
    assert list(shop.books.refunds) == [failed.id]
    assert order_of(shop, paid).payment_status is PaymentStatus.PAID
