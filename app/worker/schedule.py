"""What the worker does, and how often: one table."""

from __future__ import annotations

from app.checkout.check_payments import CheckPayments
from app.worker.runner import Scheduled


def schedule(check_payments: CheckPayments) -> list[Scheduled]:
    """The worker's schedule."""
    return [Scheduled("check_payments", every_seconds=1.0, run=check_payments)]
