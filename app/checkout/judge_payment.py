"""The reconciler's judgement: what is wrong between the shop's books and the provider's record of one payment.

Pure. What follows from the provider's word by the rules of settling is repaired; where the books contradict themselves,
or money would have to move, a person decides. See ADR-0029.
"""

from __future__ import annotations

from enum import Enum

from app.cart.domain import CartState
from app.checkout.books import BookedOrder, BookedPayment
from app.checkout.compare_payment import Step, as_settled, next_step
from app.inventory.domain import ReservationState
from app.orders.domain import ORDER_LIFE, ORDER_PAYMENT, OrderStatus, PaymentStatus
from app.payments.domain import AttemptState, PaymentOutcome
from app.payments.findings import Finding, FindingKind
from app.payments.records import RecordedPayment

_PAID = frozenset({PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED})
_SOLD = frozenset({OrderStatus.CONFIRMED, OrderStatus.COMPLETED})
_OPEN_CARTS = frozenset({CartState.ACTIVE, CartState.IN_CHECKOUT})


class Repair(Enum):
    """What the reconciler does by itself."""

    SETTLE = "settled"  # record what the provider says
    ASK = "asked"  # have the worker look at it now
    FOLLOW = "followed"  # bring order, stock and cart to where the attempt is
    END = "ended"  # end a payment at the provider that nobody waits for any more
    READ_REFUNDS = "refunds read"  # record the provider's refunds


def judge(booked: BookedPayment, payment: RecordedPayment | None) -> Repair | Finding | None:
    """What is wrong; None where nothing is. payment: None where the provider knows nothing of it."""
    if payment is None:
        return _without_payment(booked)
    step = next_step(booked.attempt, payment.outcome)
    if isinstance(step, Finding):
        return step
    if step is Step.ASK:
        return Repair.ASK
    if payment.outcome.state is AttemptState.SUCCEEDED:
        return _of_paid(booked, payment)
    order = booked.around.order
    if step is Step.SETTLE:
        return _doubt(booked, order, as_settled(payment.outcome)) or Repair.SETTLE
    match booked.attempt.state:
        case AttemptState.SUCCEEDED:
            detail = f"the attempt has succeeded, and the provider says {_word(payment.outcome)}"
            return finding(booked, FindingKind.NOT_PAID, detail)
        case AttemptState.FAILED | AttemptState.CANCELED:
            is_payable = payment.outcome.state is AttemptState.ACTION_REQUIRED
            return Repair.END if is_payable else _of_end(booked, order)
        case _:
            return _of_open(booked, order)


def finding(booked: BookedPayment, kind: FindingKind, detail: str) -> Finding:
    """A finding about an attempt."""
    attempt = booked.attempt
    return Finding(kind, str(attempt.id), detail, attempt.order_id, attempt.intent_id)


def _without_payment(booked: BookedPayment) -> Repair | Finding | None:
    if booked.attempt.state is not AttemptState.SUCCEEDED:
        return _of_end(booked, booked.around.order) if booked.attempt.state.is_final else None
    if booked.attempt.amount.minor:
        return finding(booked, FindingKind.NOT_PAID, "the attempt has succeeded, the provider knows no such payment")
    return _consequences(booked, booked.around.order)


def _doubt(booked: BookedPayment, order: BookedOrder | None, outcome: PaymentOutcome) -> Finding | None:
    """Why the outcome must not be recorded: the order has gone another way."""
    broken = _order_fault(booked, order)
    if broken is not None or order is None:
        return broken
    if outcome.state is not AttemptState.SUCCEEDED:
        if order.status is OrderStatus.PENDING:
            return None
        return finding(booked, FindingKind.NOT_PAID, f"{_said(order)}, and the provider says {_word(outcome)}")
    may_be_paid = {OrderStatus.CANCELED} if booked.attempt.state.is_final else {OrderStatus.PENDING, *_SOLD}
    if order.status in may_be_paid:
        return None
    detail = f"{_said(order)}, its attempt {booked.attempt.state.value.lower()}, and the provider says succeeded"
    return finding(booked, FindingKind.ORDER_STATE, detail)


def _of_paid(booked: BookedPayment, payment: RecordedPayment) -> Repair | Finding | None:
    state, order = booked.attempt.state, booked.around.order
    if state.is_final and not _agree(booked, payment):
        return Repair.READ_REFUNDS
    if state is AttemptState.SUCCEEDED:
        return _consequences(booked, order)
    if state.is_final and booked.is_given_back:  # it was paid after the end
        return None
    if state.is_final and booked.around.has_failed_refund:  # giving it back is begun once
        detail = "it was paid after its end, and giving the money back has failed"
        return finding(booked, FindingKind.CANCELED_BUT_PAID, detail)
    return _doubt(booked, order, payment.outcome) or Repair.SETTLE


def _agree(booked: BookedPayment, payment: RecordedPayment) -> bool:
    """Whether both say the same of refunds; the provider counts one from its beginning."""
    around = booked.around
    return around.given_back.minor <= payment.refunded.minor <= (around.given_back + around.under_way).minor


def refunds_differ(booked: BookedPayment, payment: RecordedPayment, *, because: str = "") -> Finding | None:
    """What is left to a person once the provider's refunds have been read. because: why one could not be recorded."""
    if not because and _agree(booked, payment):
        return None
    ours = f"{booked.around.given_back} given back and {booked.around.under_way} under way"
    return finding(
        booked, FindingKind.REFUNDS_DIFFER, f"{ours}, and the provider says {payment.refunded} {because}".rstrip()
    )


def _consequences(booked: BookedPayment, order: BookedOrder | None) -> Repair | Finding | None:
    """What has to be so after a success."""
    broken = _order_fault(booked, order)
    if broken is not None or order is None:
        return broken
    around = booked.around
    if order.status is OrderStatus.CANCELED:
        if booked.is_given_back:
            return None
        return finding(booked, FindingKind.CANCELED_BUT_PAID, f"{_said(order)}, and its payment was not given back")
    if order.status is OrderStatus.PENDING or order.payment_status not in _PAID:
        if _may_become(order, OrderStatus.CONFIRMED, PaymentStatus.PAID):
            return Repair.FOLLOW
        return finding(booked, FindingKind.ORDER_STATE, f"{_said(order)}, and its payment succeeded")
    if ReservationState.RELEASED in around.reservations:
        return finding(booked, FindingKind.STOCK_DIFFERS, "the order is paid, and units of it were released")
    if ReservationState.HELD in around.reservations or around.cart_state in _OPEN_CARTS:
        return Repair.FOLLOW
    return None


def _of_end(booked: BookedPayment, order: BookedOrder | None) -> Repair | Finding | None:
    """What has to be so after a failure."""
    around = booked.around
    if around.has_sibling or order is None:
        return None
    if order.status in _SOLD or order.payment_status in _PAID - {PaymentStatus.REFUNDED}:
        detail = f"{_said(order)}, and its only payment {booked.attempt.state.value.lower()}"
        return finding(booked, FindingKind.NOT_PAID, detail)
    if order.status is OrderStatus.PENDING or ReservationState.HELD in around.reservations:
        if order.status is OrderStatus.CANCELED or _may_become(order, OrderStatus.CANCELED, PaymentStatus.FAILED):
            return Repair.FOLLOW
        return finding(booked, FindingKind.ORDER_STATE, f"{_said(order)}, and its payment has ended")
    return None


def _of_open(booked: BookedPayment, order: BookedOrder | None) -> Finding | None:
    broken = _order_fault(booked, order)
    if broken is not None or order is None or order.status is OrderStatus.PENDING:
        return broken
    kind = FindingKind.ORDER_STATE if order.status is OrderStatus.CANCELED else FindingKind.NOT_PAID
    return finding(booked, kind, f"{_said(order)}, and its payment is {booked.attempt.state.value.lower()}")


def _order_fault(booked: BookedPayment, order: BookedOrder | None) -> Finding | None:
    if order is None:
        return finding(booked, FindingKind.ORDER_MISSING, f"there is an attempt over {booked.attempt.amount}, no order")
    if order.total != booked.attempt.amount:
        detail = f"the order's total is {order.total}, its attempt is for {booked.attempt.amount}"
        return finding(booked, FindingKind.TOTAL_DIFFERS, detail)
    return None


def _may_become(order: BookedOrder, status: OrderStatus, payment: PaymentStatus) -> bool:
    is_status = order.status is status or ORDER_LIFE.allows(order.status, status)
    return is_status and (order.payment_status is payment or ORDER_PAYMENT.allows(order.payment_status, payment))


def _said(order: BookedOrder) -> str:
    return f"the order is {order.status.value.lower()} and {order.payment_status.value.lower()}"


def _word(outcome: PaymentOutcome) -> str:
    return outcome.state.value.lower()
