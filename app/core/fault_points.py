"""Named points at which a fault test ends the process, as a power failure would. See ADR-0035.

Use cases pass a point with `reached(FaultPoint.X)`; while nothing is armed, that is one comparison. The entry points
arm what CARTOGRAPH_FAULT_POINT names, `order_committed` or `order_committed:2` to let the first two pass: the process
then writes a line that says where it ended, and kills itself with SIGKILL. Tests in one process arm an action of their
own.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

WITNESS = "fault point reached: "  # how the last line of a process begins that has ended at its point


class FaultPoint(Enum):
    """Where a process may be ended: a name, and what has and has not happened there."""

    KEY_CLAIMED = "key_claimed", "Checkout: the client's key is written; nothing is committed."
    BEFORE_RESERVATION = "before_reservation", "Checkout: the cart is priced; no unit is held; nothing is committed."
    AFTER_RESERVATION = "after_reservation", "Checkout: the units are held; there is no order; nothing is committed."
    ORDER_COMMITTED = "order_committed", "Checkout: order and attempt are committed; the provider was not called."
    BYTES_SENT = "bytes_sent", "A call to the provider has left this process; its answer has not come."
    ANSWER_RECEIVED = "answer_received", "Checkout: the provider has answered; nothing of it is recorded."
    OUTCOME_RECORDED = "outcome_recorded", "Checkout: the outcome is committed; the client has no answer."
    WEBHOOK_VERIFIED = "webhook_verified", "Webhook: the event is signed; nothing is written."
    EVENT_STORED = "event_stored", "Webhook: the event's row is written; its effect is not; nothing is committed."
    EVENT_APPLIED = "event_applied", "Webhook: event and effect are committed; the provider has no answer."
    CANCEL_COMMITTED = "cancel_committed", "The buyer's wish to cancel is committed; the provider was not asked."
    JOB_CLAIMED = "job_claimed", "Worker: a job is this worker's; nothing of it is done."
    CHECK_CLAIMED = "check_claimed", "Worker: the attempt to check is taken; the provider was not asked."
    CHECK_ANSWERED = "check_answered", "Worker: the provider has answered; nothing of it is recorded."
    CHECK_RECORDED = "check_recorded", "Worker: the outcome is committed; the job is not done yet."
    EXPIRY_DECIDED = (
        "expiry_decided",
        "Worker: the buyer's time is up; the payment can still succeed until it is canceled.",
    )
    CANCEL_DECIDED = (
        "cancel_decided",
        "Worker: the buyer wants out; the payment can still succeed until it is canceled.",
    )
    REFUND_ANSWERED = "refund_answered", "Worker: the provider has given money back; nothing of it is recorded."
    MAIL_SENT = "mail_sent", "Worker: an e-mail was handed over; that is not recorded."
    RECONCILING = "reconciling", "Worker: one of many payments was compared again; its repair is not begun."
    DRAINING = "draining", "The process was told to stop; requests or jobs are under way."

    sentence: str

    def __new__(cls, name: str, sentence: str) -> FaultPoint:
        """A point whose value is its name."""
        point = object.__new__(cls)
        point._value_ = name
        point.sentence = sentence
        return point


@dataclass(frozen=True, slots=True)
class Armed:
    """A point, and how many times it is passed unharmed before it acts."""

    point: FaultPoint
    skip: int = 0

    @classmethod
    def parse(cls, text: str) -> Armed:
        """Read `name` or `name:skip`; raises ValueError that says which names there are."""
        name, _, skip = text.partition(":")
        points = {point.value: point for point in FaultPoint}
        if name not in points or not (skip or "0").isdecimal():
            raise ValueError(f"{text!r} is no fault point; set one of {', '.join(points)}, with :N to pass it N times")
        return cls(points[name], int(skip or "0"))


_action: Callable[[FaultPoint], None] | None = None


def reached(point: FaultPoint) -> None:
    """Do what is armed, if anything is."""
    if _action is not None:
        _action(point)


def arm(action: Callable[[FaultPoint], None] | None) -> None:
    """Call `action` at every point from now on, or nothing with None. For the whole process."""
    global _action
    _action = action


def arm_to_kill(armed: Armed) -> None:
    """End this process at the point, without any of the clean-up that an exception would have."""
    passes = armed.skip

    def action(point: FaultPoint) -> None:
        nonlocal passes
        if point is not armed.point:
            return
        if passes:
            passes -= 1
            return
        os.write(2, f"{WITNESS}{point.value}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)

    arm(action)
