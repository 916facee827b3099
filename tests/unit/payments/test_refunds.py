"""What is left of a payment, through any sequence of refunds and failures."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as some

from app.core.ids import AttemptId, OrderId, RefundId
from app.orders.domain import ORDER_PAYMENT, PaymentStatus, status_of_paid
from app.payments.refunds import REFUND_LIFE, Refund, RefundState, given_back, left_of, refund_of_the_rest
from tests.unit.fakes import NOON, usd

PAID = 4_090
# of a life: what is asked for, or what becomes of which of the refunds so far
STEPS = some.lists(
    some.one_of(
        some.integers(1, PAID),
        some.tuples(some.integers(0, 9), some.sampled_from([RefundState.SUCCEEDED, RefundState.FAILED])),
    ),
    max_size=30,
)


def refund(number: int, minor: int, state: RefundState = RefundState.PENDING) -> Refund:
    key = UUID(int=number)
    return Refund(
        RefundId(key),
        OrderId(key),
        AttemptId(key),
        "pi_1",
        usd(minor),
        state,
        "because",
        created_at=NOON,
        updated_at=NOON,
    )


@given(STEPS)
def test_never_more_is_given_back_than_was_paid_and_nothing_is_lost(steps: list[int | tuple[int, RefundState]]) -> None:
    refunds: list[Refund] = []
    for step in steps:
        if isinstance(step, int):
            if step <= left_of(usd(PAID), refunds).minor:
                refunds.append(refund(len(refunds), step))
        elif step[0] < len(refunds) and REFUND_LIFE.allows(refunds[step[0]].state, step[1]):
            refunds[step[0]] = replace(refunds[step[0]], state=step[1])
        left, back = left_of(usd(PAID), refunds).minor, given_back(refunds, usd(0)).minor
        under_way = sum(each.amount.minor for each in refunds if each.state is RefundState.PENDING)
        assert left + back + under_way == PAID
        assert min(left, back, under_way) >= 0


@given(STEPS)
def test_a_payments_status_follows_its_refunds_along_drawn_edges(steps: list[int | tuple[int, RefundState]]) -> None:
    refunds: list[Refund] = []
    status = PaymentStatus.PAID
    for step in steps:
        if isinstance(step, int):
            if step <= left_of(usd(PAID), refunds).minor:
                refunds.append(refund(len(refunds), step))
        elif step[0] < len(refunds) and REFUND_LIFE.allows(refunds[step[0]].state, step[1]):
            refunds[step[0]] = replace(refunds[step[0]], state=step[1])
        after = status_of_paid(usd(PAID), given_back(refunds, usd(0)))
        assert after is status or ORDER_PAYMENT.allows(status, after)
        status = after


def test_the_status_says_how_much_has_been_given_back() -> None:
    said = [status_of_paid(usd(PAID), usd(minor)) for minor in (0, 1, PAID - 1, PAID)]

    assert said == [
        PaymentStatus.PAID,
        PaymentStatus.PARTIALLY_REFUNDED,
        PaymentStatus.PARTIALLY_REFUNDED,
        PaymentStatus.REFUNDED,
    ]


def test_an_order_that_cost_nothing_stays_paid() -> None:
    assert status_of_paid(usd(0), usd(0)) is PaymentStatus.PAID


def test_the_refund_of_the_rest_is_one_for_each_payment() -> None:
    one, two = (refund_of_the_rest(AttemptId(UUID(int=number))) for number in (1, 2))

    assert one == refund_of_the_rest(AttemptId(UUID(int=1)))
    assert one != two
