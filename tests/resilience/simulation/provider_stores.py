"""What is kept of the provider's own words, over the simulated books: events, disputes, findings, comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.checkout.books import BookedOrder, BookedPayment, Surroundings
from app.checkout.judge_payment import judge
from app.core.ids import AttemptId, OrderId
from app.core.money import Money
from app.payments.disputes import Dispute
from app.payments.domain import AttemptState, PaymentAttempt
from app.payments.events import EventState, PaymentEvent, StoredEvent
from app.payments.findings import Finding, StoredFinding
from app.payments.refunds import RefundState, given_back
from tests.unit.fakes import NOON, Books

_ENDED = (AttemptState.FAILED, AttemptState.CANCELED)


class MemoryEvents:
    """The part of `EventStore` that use cases call."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def insert(self, event: PaymentEvent, state: EventState, *, now: datetime) -> bool:
        """Store a new event; False where it is there already."""
        if event.id in self._books.payment_events:
            return False
        self._books.payment_events[event.id] = StoredEvent(
            event.id, event.type, event.intent_id, event.attempt_id, event.created, now, state, tries=0
        )
        return True

    async def move(self, event_id: str, state: EventState, *, tries: int | None = None) -> None:
        """Record what became of an event."""
        stored = self._books.payment_events[event_id]
        tries = stored.tries if tries is None else tries
        self._books.payment_events[event_id] = replace(stored, state=state, tries=tries)

    async def hold(self, event_id: str) -> StoredEvent | None:
        """The event, locked."""
        stored = self._books.payment_events.get(event_id)
        if stored is not None:
            self._books.payment_events[event_id] = stored  # a write takes the lock
        return stored


class MemoryDisputes:
    """The part of `DisputeStore` that use cases call."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def record(self, dispute: Dispute) -> bool:
        """Store how a dispute stands, unless something later is known."""
        known = self._books.disputes.get(dispute.id)
        if known is not None and (known.as_of, known.stage) >= (dispute.as_of, dispute.stage):
            return False
        self._books.disputes[dispute.id] = dispute
        return True


class MemoryFindings:
    """The part of `FindingStore` that use cases call."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def record(self, finding: Finding, *, now: datetime) -> bool:
        """Store a finding; whether it is new."""
        is_new = (finding.kind, finding.subject) not in self._books.findings
        self._books.findings[finding.kind, finding.subject] = finding
        return is_new

    async def open(self, *, limit: int) -> Sequence[StoredFinding]:
        """All findings: nobody resolves one here."""
        return [StoredFinding(0, each, NOON, NOON) for each in self._books.findings.values()]


class MemoryComparison:
    """`Books` of the reconciler. Attempts contradict their surroundings where its own judgement says so."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def around(self, ids: Sequence[AttemptId]) -> dict[AttemptId, Surroundings]:
        """What stands around these attempts."""
        return {each: self._around(self._books.attempts[each]) for each in ids}

    async def contradictory(self, *, after: AttemptId | None, limit: int) -> Sequence[AttemptId]:
        """Attempts whose order, stock or cart is not what follows from their state."""
        free = Money.zero
        booked = (
            BookedPayment(replace(each, amount=free(each.amount.currency)), self._around(each))
            for each in self._books.attempts.values()
            if each.state.is_final and each.state is not AttemptState.SUCCEEDED
        )
        return [each.attempt.id for each in booked if judge(each, None) is not None]

    async def paid_without_attempt(self, *, after: OrderId | None, limit: int) -> Sequence[tuple[OrderId, str]]:
        """None: here every order has an attempt."""
        return []

    async def open_attempts(self, *, after: AttemptId | None, limit: int) -> Sequence[tuple[AttemptId, datetime]]:
        """Attempts that have not ended."""
        return [(each.id, each.check_at) for each in self._books.attempts.values() if each.check_at is not None]

    def _around(self, attempt: PaymentAttempt) -> Surroundings:
        books, nothing = self._books, Money.zero(attempt.amount.currency)
        order, cart = books.orders.get(attempt.order_id), books.carts.get(attempt.cart_id)
        others = [each for each in books.attempts.values() if each.id != attempt.id]
        refunds = [each for each in books.refunds.values() if each.attempt_id == attempt.id]
        return Surroundings(
            order=BookedOrder(order.status, order.payment_status, order.cost.total) if order else None,
            reservations=frozenset(
                state for (holder, _), (_, state) in books.reservations.items() if holder == attempt.order_id
            ),
            cart_state=cart.state if cart else None,
            holds_cart=not any(
                each.cart_id == attempt.cart_id and each.created_at > attempt.created_at for each in others
            ),
            has_sibling=any(each.order_id == attempt.order_id and each.state not in _ENDED for each in others),
            given_back=given_back(refunds, nothing),
            under_way=sum((each.amount for each in refunds if each.state is RefundState.PENDING), nothing),
            has_failed_refund=any(each.state is RefundState.FAILED for each in refunds),
        )
