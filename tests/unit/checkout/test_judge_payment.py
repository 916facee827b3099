"""The reconciler's judgement of every combination that matters: what is repaired, and what a person is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.cart.domain import CartState
from app.checkout.books import BookedOrder, BookedPayment, Surroundings
from app.checkout.judge_payment import Repair, judge, refunds_differ
from app.inventory.domain import ReservationState
from app.orders.domain import OrderStatus, PaymentStatus
from app.payments.domain import AttemptState, PaymentOutcome
from app.payments.findings import Finding, FindingKind
from app.payments.records import RecordedPayment
from tests.unit.checkout.test_compare_payment import attempt
from tests.unit.fakes import NOON, usd

A, O, P, R, K = AttemptState, OrderStatus, PaymentStatus, ReservationState, FindingKind  # noqa: E741
TOTAL = usd(4_090)
SETTLED = {  # where order, units and cart are when an attempt is in this state
    A.SUCCEEDED: (O.CONFIRMED, P.PAID, R.SOLD, CartState.COMPLETED),
    A.FAILED: (O.CANCELED, P.FAILED, R.RELEASED, CartState.ACTIVE),
    A.CANCELED: (O.CANCELED, P.FAILED, R.RELEASED, CartState.ACTIVE),
    A.PENDING: (O.PENDING, P.PENDING, R.HELD, CartState.IN_CHECKOUT),
    A.QUEUED: (O.PENDING, P.DELAYED, R.HELD, CartState.IN_CHECKOUT),
    A.ACTION_REQUIRED: (O.PENDING, P.ACTION_REQUIRED, R.HELD, CartState.IN_CHECKOUT),
    A.PROCESSING: (O.PENDING, P.PENDING, R.HELD, CartState.IN_CHECKOUT),
}


def booked(state: AttemptState, **changes: Any) -> BookedPayment:
    """An attempt in good order, but for the changes: of its order (status, payment, total) or surroundings."""
    ours = attempt(state, changes.pop("intent_id", "pi_1"))
    status, payment_status, units, cart = SETTLED[state]
    order = BookedOrder(
        changes.pop("status", status), changes.pop("payment", payment_status), changes.pop("total", TOTAL)
    )
    around = Surroundings(order, frozenset({units}), cart, True, False, usd(0), usd(0), has_failed_refund=False)
    return BookedPayment(ours, replace(around, **changes))


def said(state: AttemptState, *, refunded: int = 0, **changes: Any) -> RecordedPayment:
    outcome = PaymentOutcome(state, changes.pop("intent_id", "pi_1"), changes.pop("amount", TOTAL), **changes)
    return RecordedPayment(outcome, None, NOON, usd(refunded))


def kind_of(verdict: Repair | Finding | None) -> Repair | FindingKind | None:
    return verdict.kind if isinstance(verdict, Finding) else verdict


@pytest.mark.parametrize(
    ("state", "payment"),
    [
        (A.SUCCEEDED, said(A.SUCCEEDED)),
        (A.FAILED, said(A.CANCELED)),
        (A.FAILED, said(A.FAILED)),
        (A.CANCELED, said(A.CANCELED)),
        (A.FAILED, None),
        (A.CANCELED, None),
        (A.PENDING, said(A.FAILED)),
        (A.ACTION_REQUIRED, said(A.ACTION_REQUIRED)),
        (A.PROCESSING, said(A.PROCESSING)),
        (A.QUEUED, None),
    ],
)
def test_books_in_order_are_left_alone(state: AttemptState, payment: RecordedPayment | None) -> None:
    assert judge(booked(state), payment) is None


@pytest.mark.parametrize("state", [A.PENDING, A.QUEUED, A.ACTION_REQUIRED, A.PROCESSING])
def test_what_the_provider_has_ended_is_settled(state: AttemptState) -> None:
    assert judge(booked(state), said(A.SUCCEEDED)) is Repair.SETTLE
    assert judge(booked(state), said(A.CANCELED)) is Repair.SETTLE


@pytest.mark.parametrize(
    ("ours", "payment", "verdict"),
    [
        (booked(A.QUEUED), said(A.FAILED), Repair.ASK),
        (booked(A.PROCESSING), said(A.ACTION_REQUIRED), Repair.ASK),
        (booked(A.QUEUED), said(A.ACTION_REQUIRED), Repair.SETTLE),
        # after a success
        (booked(A.SUCCEEDED, status=O.PENDING, payment=P.PENDING), said(A.SUCCEEDED), Repair.FOLLOW),
        (booked(A.SUCCEEDED, payment=P.ACTION_REQUIRED), said(A.SUCCEEDED), Repair.FOLLOW),
        (booked(A.SUCCEEDED, status=O.PENDING), said(A.SUCCEEDED), Repair.FOLLOW),
        (booked(A.SUCCEEDED, payment=P.FAILED), said(A.SUCCEEDED), K.ORDER_STATE),
        (booked(A.SUCCEEDED, reservations=frozenset({R.HELD})), said(A.SUCCEEDED), Repair.FOLLOW),
        (booked(A.SUCCEEDED, reservations=frozenset({R.SOLD, R.RELEASED})), said(A.SUCCEEDED), K.STOCK_DIFFERS),
        (booked(A.SUCCEEDED, cart_state=CartState.ACTIVE), said(A.SUCCEEDED), Repair.FOLLOW),
        (booked(A.SUCCEEDED, cart_state=None), said(A.SUCCEEDED), None),
        (booked(A.SUCCEEDED, status=O.COMPLETED), said(A.SUCCEEDED), None),
        (booked(A.SUCCEEDED, order=None), said(A.SUCCEEDED), K.ORDER_MISSING),
        (booked(A.SUCCEEDED, total=usd(4_091)), said(A.SUCCEEDED), K.TOTAL_DIFFERS),
        (booked(A.SUCCEEDED, status=O.CANCELED, payment=P.FAILED), said(A.SUCCEEDED), K.CANCELED_BUT_PAID),
        (booked(A.SUCCEEDED, status=O.CANCELED, under_way=TOTAL), said(A.SUCCEEDED), None),
        (booked(A.SUCCEEDED), said(A.CANCELED), K.NOT_PAID),
        (booked(A.SUCCEEDED), said(A.FAILED), K.NOT_PAID),
        (booked(A.SUCCEEDED), None, K.NOT_PAID),
        # refunds
        (booked(A.SUCCEEDED), said(A.SUCCEEDED, refunded=5), Repair.READ_REFUNDS),
        (booked(A.SUCCEEDED, given_back=usd(5), payment=P.PARTIALLY_REFUNDED), said(A.SUCCEEDED, refunded=5), None),
        (booked(A.SUCCEEDED, under_way=usd(5)), said(A.SUCCEEDED, refunded=0), None),
        (booked(A.SUCCEEDED, under_way=usd(5)), said(A.SUCCEEDED, refunded=5), None),
        (booked(A.SUCCEEDED, given_back=usd(5)), said(A.SUCCEEDED, refunded=0), Repair.READ_REFUNDS),
        # after an end without money
        (booked(A.CANCELED), said(A.SUCCEEDED), Repair.SETTLE),
        (booked(A.CANCELED, under_way=TOTAL), said(A.SUCCEEDED), None),
        (booked(A.CANCELED, has_failed_refund=True), said(A.SUCCEEDED), K.CANCELED_BUT_PAID),
        (booked(A.CANCELED, has_failed_refund=True, under_way=TOTAL), said(A.SUCCEEDED), None),
        (booked(A.CANCELED), said(A.SUCCEEDED, refunded=4_090), Repair.READ_REFUNDS),
        (booked(A.CANCELED, status=O.CONFIRMED, payment=P.PAID), said(A.SUCCEEDED), K.ORDER_STATE),
        (booked(A.CANCELED), said(A.ACTION_REQUIRED), Repair.END),
        (booked(A.FAILED, status=O.PENDING, payment=P.PENDING), said(A.CANCELED), Repair.FOLLOW),
        (booked(A.FAILED, reservations=frozenset({R.HELD})), said(A.CANCELED), Repair.FOLLOW),
        (booked(A.FAILED, status=O.PENDING, payment=P.PENDING, has_sibling=True), said(A.CANCELED), None),
        (booked(A.FAILED, status=O.CONFIRMED, payment=P.PAID), said(A.CANCELED), K.NOT_PAID),
        (booked(A.FAILED, status=O.CONFIRMED, payment=P.PAID), None, K.NOT_PAID),
        (booked(A.FAILED, status=O.PENDING, payment=P.REFUNDED), said(A.CANCELED), K.ORDER_STATE),
        # while it is open
        (booked(A.PENDING, status=O.CONFIRMED, payment=P.PAID), said(A.PROCESSING), K.NOT_PAID),
        (booked(A.PROCESSING, status=O.CONFIRMED, payment=P.PAID), said(A.PROCESSING), K.NOT_PAID),
        (booked(A.PROCESSING, status=O.CANCELED, payment=P.FAILED), said(A.PROCESSING), K.ORDER_STATE),
        (booked(A.PROCESSING, status=O.CANCELED, payment=P.FAILED), said(A.SUCCEEDED), K.ORDER_STATE),
        (booked(A.PENDING, status=O.CONFIRMED, payment=P.PAID), said(A.SUCCEEDED), Repair.SETTLE),
        (booked(A.PENDING, status=O.CONFIRMED, payment=P.PAID), said(A.CANCELED), K.NOT_PAID),
        (booked(A.PENDING, order=None), said(A.SUCCEEDED), K.ORDER_MISSING),
        (booked(A.PENDING, total=usd(1)), said(A.SUCCEEDED), K.TOTAL_DIFFERS),
        # whose payment is it?
        (booked(A.PENDING), said(A.SUCCEEDED, amount=usd(1)), K.AMOUNT_DIFFERS),
        (booked(A.SUCCEEDED), said(A.SUCCEEDED, intent_id="pi_2"), K.SECOND_PAYMENT),
        (booked(A.PENDING, intent_id=None), said(A.SUCCEEDED), Repair.SETTLE),
    ],
)
def test_every_contradiction_has_its_end(
    ours: BookedPayment, payment: RecordedPayment | None, verdict: Repair | FindingKind | None
) -> None:
    assert kind_of(judge(ours, payment)) is verdict


def test_an_order_that_costs_nothing_needs_no_payment() -> None:
    ours = booked(A.SUCCEEDED, intent_id=None, total=usd(0))
    free = BookedPayment(replace(ours.attempt, amount=usd(0)), ours.around)

    assert judge(free, None) is None
    held = BookedPayment(free.attempt, replace(free.around, reservations=frozenset({R.HELD})))
    assert judge(held, None) is Repair.FOLLOW


def test_refunds_that_still_differ_are_told_in_amounts() -> None:
    ours = booked(A.SUCCEEDED, given_back=usd(100), under_way=usd(50))

    assert refunds_differ(ours, said(A.SUCCEEDED, refunded=150)) is None
    told = refunds_differ(ours, said(A.SUCCEEDED, refunded=200))
    assert told is not None
    assert told.detail == "1.00 USD given back and 0.50 USD under way, and the provider says 2.00 USD"
    because = refunds_differ(ours, said(A.SUCCEEDED, refunded=150), because="(no room)")
    assert because is not None
    assert because.detail.endswith("(no room)")
