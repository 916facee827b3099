"""Receive an event of the payment provider: store it once, with its effect, in one transaction.

event row -> lock the cart -> effect -> commit -> the provider is told that it has arrived

What the event's own snapshot cannot decide is asked of the provider by the worker. An event about a payment that the
shop does not know is parked: tried again with longer and longer pauses, in the end for a person to look at. Its body is
not kept: the provider has it. See ADR-0029.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app import telemetry
from app.checkout.compare_payment import Step, as_settled, next_step
from app.checkout.domain import CheckoutTransaction, CheckoutTransactions, check_job
from app.checkout.settle_payment import SettlePayment, locked_attempt
from app.checkout.settle_refund import RefundTooEarly, SettleRefund
from app.core.clock import Clock
from app.core.fault_points import FaultPoint, reached
from app.core.ids import AttemptId
from app.jobs.domain import Job
from app.payments.disputes import Dispute
from app.payments.domain import PaymentAttempt, PaymentOutcome
from app.payments.events import (
    CardNews,
    DisputeNews,
    EventState,
    PaymentEvent,
    PaymentNews,
    RefundNews,
    StoredEvent,
)
from app.payments.findings import Finding
from app.payments.records import PaymentRecords

APPLY_EVENT = "apply_payment_event"  # the kind of job; its payload: {"event": id}
TRIES = 12  # of a parked event: for a day and a half
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=6)
_KEPT = timedelta(days=30)  # for as long the provider sends an event again when it is told to
_DELETED_AT_ONCE = 1_000
_REPEATED = "repeated"  # in metrics: the event had come before

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class ReceiveEvent:
    """Take in what the payment provider tells by itself."""

    transactions: CheckoutTransactions
    settle: SettlePayment
    settle_refund: SettleRefund
    clock: Clock

    async def __call__(self, event: PaymentEvent) -> EventState | None:
        """What became of the event, committed; None where it had come before.

        Concurrency: any number of copies at once; one of them has an effect.
        """
        async with self.transactions.begin() as tx:
            state = None
            if await tx.payment_events.insert(event, EventState.IGNORED, now=self.clock.now()):
                reached(FaultPoint.EVENT_STORED)
                state = await self.apply(tx, event)
                await tx.payment_events.move(event.id, state)
                if state is EventState.PARKED:
                    await tx.jobs.enqueue(_next_try(event.id, self.clock.now() + _FIRST_PAUSE))
        count_event(event.type if event.news else "other", state)
        if state is EventState.PARKED:
            _log.warning("payment_event_parked", id=event.id, type=event.type, intent=event.intent_id)
        return state

    async def apply(self, tx: CheckoutTransaction, event: PaymentEvent) -> EventState:
        """The effect of an event, in a transaction that is open; nothing changes where it has had it already."""
        match event.news:
            case PaymentNews(outcome):
                attempt_id = await find_attempt(tx, event)
                if attempt_id is None:
                    return EventState.PARKED
                return await self.hear(tx, await locked_attempt(tx, attempt_id), outcome)
            case CardNews(brand, last4):
                return await _note_card(tx, event, brand, last4)
            case RefundNews(refund):
                try:
                    await self.settle_refund.of_provider(tx, refund)
                except RefundTooEarly:
                    return EventState.PARKED
                return EventState.APPLIED
            case DisputeNews(dispute):
                return await _record_dispute(tx, dispute)
            case _:
                return EventState.IGNORED

    async def hear(self, tx: CheckoutTransaction, attempt: PaymentAttempt, outcome: PaymentOutcome) -> EventState:
        """What the provider says of the attempt's payment, under the lock of its cart."""
        match next_step(attempt, outcome):
            case Finding() as finding:
                await record_finding(tx, finding, self.clock)
                return EventState.DEAD
            case Step.SETTLE:
                await self.settle.within(tx, attempt.id, as_settled(outcome))
                return EventState.APPLIED
            case Step.ASK:
                now = self.clock.now()
                await tx.attempts.save(replace(attempt, intent_id=outcome.intent_id, check_at=now, updated_at=now))
                await tx.jobs.enqueue(check_job(attempt.id, now))
                return EventState.APPLIED
            case _:
                return EventState.IGNORED


@dataclass(frozen=True, slots=True)
class RetryEvent:
    """Try an event again that was parked, or that somebody has looked at."""

    transactions: CheckoutTransactions
    receive: ReceiveEvent
    records: PaymentRecords
    clock: Clock

    async def run(self, payload: Mapping[str, str]) -> None:
        """Try the event of a job."""
        await self(payload["event"])

    async def __call__(self, event_id: str) -> EventState | None:
        """What has become of it; None where nothing waits under this id.

        Raises PaymentsUnavailable when the provider, who has the event, does not answer.
        Concurrency: any number of workers; one of them has an effect.
        """
        async with self.transactions.begin() as tx:
            stored = await _held(tx, event_id)
            if stored is None:
                return None
            if await find_attempt(tx, stored) is None:
                return await self._wait(tx, stored)
        event = await self.records.event(event_id)  # no transaction is open
        async with self.transactions.begin() as tx:
            stored = await _held(tx, event_id)
            if stored is None:
                return None
            state = EventState.DEAD if event is None else await self.receive.apply(tx, event)
            if state is EventState.PARKED:
                return await self._wait(tx, stored)
            await tx.payment_events.move(event_id, state, tries=stored.tries + 1)
        count_event(stored.type, state)
        return state

    async def _wait(self, tx: CheckoutTransaction, stored: StoredEvent) -> EventState:
        tries = stored.tries + 1
        is_over = tries >= TRIES or stored.state is EventState.DEAD
        state = EventState.DEAD if is_over else EventState.PARKED
        await tx.payment_events.move(stored.id, state, tries=tries)
        if not is_over:
            pause = min(_FIRST_PAUSE * 2**tries, _LONGEST_PAUSE)
            await tx.jobs.enqueue(_next_try(stored.id, self.clock.now() + pause))
        elif stored.state is not EventState.DEAD:
            count_event(stored.type, state)
            _log.error("payment_event_dead", id=stored.id, type=stored.type, intent=stored.intent_id)
        return state


@dataclass(frozen=True, slots=True)
class ForgetEvents:
    """Delete events that have had their effect long ago."""

    transactions: CheckoutTransactions
    clock: Clock

    async def __call__(self) -> int:
        """Delete one batch; returns how many there were."""
        async with self.transactions.begin() as tx:
            return await tx.payment_events.delete_before(self.clock.now() - _KEPT, limit=_DELETED_AT_ONCE)


async def find_attempt(tx: CheckoutTransaction, event: PaymentEvent | StoredEvent) -> AttemptId | None:
    """The attempt that an event is about: by its payment, or by what the payment's metadata names."""
    if event.intent_id is not None:
        by_intent = await tx.attempts.find_by_intent(event.intent_id)
        if by_intent is not None:
            return by_intent.id
    by_name = None if event.attempt_id is None else await tx.attempts.find(event.attempt_id)
    return None if by_name is None else by_name.id


async def record_finding(tx: CheckoutTransaction, finding: Finding, clock: Clock) -> bool:
    """Keep a finding for a person to look at; alerts and returns True where it is new."""
    is_new = await tx.findings.record(finding, now=clock.now())
    if is_new:
        _log.error("payment_finding", kind=finding.kind.value, subject=finding.subject, detail=finding.detail)
    return is_new


def count_event(event_type: str, state: EventState | None) -> None:
    """Count what became of an event. state: None for one that had come before."""
    telemetry.PAYMENT_EVENTS.labels(event_type, _REPEATED if state is None else state.value).inc()


async def _held(tx: CheckoutTransaction, event_id: str) -> StoredEvent | None:
    stored = await tx.payment_events.hold(event_id)
    return stored if stored is not None and stored.state in (EventState.PARKED, EventState.DEAD) else None


async def _note_card(tx: CheckoutTransaction, event: PaymentEvent, brand: str, last4: str) -> EventState:
    attempt_id = await find_attempt(tx, event)
    if attempt_id is None:
        return EventState.IGNORED  # what is said of the payment itself is parked
    attempt = await locked_attempt(tx, attempt_id)
    if attempt.card_last4 is not None or attempt.intent_id not in (None, event.intent_id):
        return EventState.IGNORED
    await tx.attempts.save(replace(attempt, card_brand=brand, card_last4=last4))
    return EventState.APPLIED


async def _record_dispute(tx: CheckoutTransaction, dispute: Dispute) -> EventState:
    if not await tx.disputes.record(dispute):
        return EventState.IGNORED
    _log.warning("payment_disputed", dispute=dispute.id, intent=dispute.intent_id, status=dispute.status)
    return EventState.APPLIED


def _next_try(event_id: str, at: datetime) -> Job:
    return Job(APPLY_EVENT, {"event": event_id}, at, key=event_id)
