"""What the worker does, and how often: one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from app.cart.delete_expired import DeleteExpired
from app.catalog.reprice_catalog import RepriceCatalog
from app.checkout.check_payments import CheckPayments
from app.checkout.receive_event import ForgetEvents
from app.checkout.reconcile import Reconcile
from app.checkout.refund_payment import RefundPayment
from app.customers.forget_customers import ForgetCustomers
from app.idempotency.answers import ForgetCalls
from app.mail.send_mail import ForgetMail
from app.worker.recurring import Scheduled

OVERDUE = timedelta(seconds=90)  # longer than a job waits for its turn


def schedule(
    check_payments: CheckPayments,
    refund_payment: RefundPayment,
    delete_expired_carts: DeleteExpired,
    forget_keyed_calls: ForgetCalls,
    reprice_catalog: RepriceCatalog,
    keep_search: Callable[[], Awaitable[int]],
    forget_mail: ForgetMail,
    reconcile: Reconcile,
    forget_events: ForgetEvents,
    forget_customers: ForgetCustomers,
) -> list[Scheduled]:
    """The worker's schedule."""
    return [
        # every open payment has a job of its own; this is for one whose job was lost
        Scheduled("check_payments", every_seconds=30.0, run=partial(check_payments, overdue=OVERDUE)),
        Scheduled("overdue_refunds", every_seconds=600.0, run=refund_payment.overdue),  # likewise
        Scheduled("reprice_catalog", every_seconds=1.0, run=reprice_catalog),
        Scheduled("delete_expired_carts", every_seconds=3_600.0, run=delete_expired_carts),
        Scheduled("forget_keyed_calls", every_seconds=600.0, run=forget_keyed_calls),
        Scheduled("keep_search", every_seconds=3_600.0, run=keep_search),
        Scheduled("reconcile", every_seconds=900.0, run=reconcile.run),
        Scheduled("forget_events", every_seconds=3_600.0, run=forget_events),
        Scheduled("forget_mail", every_seconds=3_600.0, run=forget_mail),
        Scheduled("forget_customers", every_seconds=600.0, run=forget_customers),
    ]
