"""The kinds of jobs that the worker runs: one table. A kind that is not in it is left for a worker that knows it."""

from __future__ import annotations

from app.checkout.check_payments import CheckPayments
from app.checkout.domain import CHECK_PAYMENT
from app.checkout.receive_event import APPLY_EVENT, RetryEvent
from app.checkout.refund_order import REFUND_PAYMENT
from app.checkout.refund_payment import RefundPayment
from app.jobs.domain import JobKind, RetryPolicy
from app.mail.domain import SEND_MAIL
from app.mail.send_mail import SendMail

_FOR_EVER = RetryPolicy(tries=None, first_pause_seconds=5.0, longest_pause_seconds=300.0)
FOR_A_DAY = RetryPolicy(tries=42, first_pause_seconds=15.0)  # about: the pauses are spread


def job_kinds(
    check_payments: CheckPayments, refund_payment: RefundPayment, retry_event: RetryEvent, send_mail: SendMail
) -> list[JobKind]:
    """Every kind: its handler, how often it is tried, how many of it run at once."""
    return [
        JobKind(CHECK_PAYMENT, check_payments.run, _FOR_EVER, at_once=8),
        JobKind(REFUND_PAYMENT, refund_payment.run, _FOR_EVER, at_once=2),
        JobKind(APPLY_EVENT, retry_event.run, _FOR_EVER, at_once=2),
        JobKind(SEND_MAIL, send_mail, FOR_A_DAY),
    ]
