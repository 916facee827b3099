"""One request's view of the store: it reads its own changes, and nobody else does until they are committed.

An operation that fails on a malformed parameter is dropped with everything it staged; one that ends in a declined
card is kept, because the decline is what happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.devstack.stripe_emulator.clock import AdvanceableClock
from app.devstack.stripe_emulator.identifiers import Identifiers
from app.devstack.stripe_emulator.journal import Commit, SavedAnswer
from app.devstack.stripe_emulator.ledger import LedgerEntry, Movement
from app.devstack.stripe_emulator.problems import no_such
from app.devstack.stripe_emulator.records import (
    Charge,
    ConfirmationToken,
    Customer,
    Dispute,
    Event,
    PaymentIntent,
    PaymentMethod,
    Record,
    Refund,
    WebhookEndpoint,
)
from app.devstack.stripe_emulator.render import render
from app.devstack.stripe_emulator.store import Store

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Cause:
    """The request that the changes belong to; nothing where time or the bank caused them."""

    request_id: str | None = None
    idempotency_key: str | None = None


class StagedTable(Generic[R]):
    """One kind of record: the committed ones, overlaid with this request's."""

    def __init__(self, committed: dict[str, R], kind: str) -> None:
        self._committed = committed
        self._kind = kind
        self._staged: dict[str, R] = {}

    def find(self, record_id: str) -> R | None:
        """The record, or None."""
        return self._staged.get(record_id) or self._committed.get(record_id)

    def get(self, record_id: str, *, param: str = "id", status: int = 404) -> R:
        """The record; raises Stripe's `resource_missing`, which is a 400 where the id came as a parameter."""
        record = self.find(record_id)
        if record is None:
            raise no_such(self._kind, record_id, param=param, status=status)
        return record

    def put(self, record: R) -> R:
        """Stage the record's new state."""
        self._staged[record.id] = record
        return record

    def newest_first(self) -> Iterator[R]:
        """Every record in the order in which Stripe lists them."""
        fresh = [record for record_id, record in self._staged.items() if record_id not in self._committed]
        yield from reversed(fresh)
        for record_id in reversed(self._committed):
            yield self._staged.get(record_id, self._committed[record_id])

    def staged(self) -> tuple[R, ...]:
        """What this request changed."""
        return tuple(self._staged.values())


class Changes:
    """What one request does to the store."""

    def __init__(self, store: Store, clock: AdvanceableClock, identifiers: Identifiers, cause: Cause) -> None:
        tables = store.tables
        self.payment_methods: StagedTable[PaymentMethod] = StagedTable(tables.payment_methods, "PaymentMethod")
        self.confirmation_tokens: StagedTable[ConfirmationToken] = StagedTable(
            tables.confirmation_tokens, "confirmation_token"
        )
        self.customers: StagedTable[Customer] = StagedTable(tables.customers, "customer")
        self.payment_intents: StagedTable[PaymentIntent] = StagedTable(tables.payment_intents, "payment_intent")
        self.charges: StagedTable[Charge] = StagedTable(tables.charges, "charge")
        self.refunds: StagedTable[Refund] = StagedTable(tables.refunds, "refund")
        self.disputes: StagedTable[Dispute] = StagedTable(tables.disputes, "dispute")
        self.events: StagedTable[Event] = StagedTable(tables.events, "event")
        self.webhook_endpoints: StagedTable[WebhookEndpoint] = StagedTable(tables.webhook_endpoints, "webhook endpoint")
        self.identifiers = identifiers
        self._store = store
        self._clock = clock
        self._cause = cause
        self._deleted: list[str] = []
        self._ledger: list[LedgerEntry] = []

    @property
    def now(self) -> int:
        """The time as Stripe writes it."""
        return self._clock.timestamp()

    def delete(self, record_id: str) -> None:
        """Stage the end of a customer or webhook endpoint."""
        self._deleted.append(record_id)

    def emit(self, event_type: str, record: Record) -> None:
        """Stage an event with the record as it is now, for every endpoint that wants it."""
        endpoints = [endpoint for endpoint in self.webhook_endpoints.newest_first() if endpoint.wants(event_type)]
        self.events.put(
            Event(
                id=self.identifiers.new("evt"),
                created=self.now,
                type=event_type,
                data_object=render(record),
                request_id=self._cause.request_id,
                idempotency_key=self._cause.idempotency_key,
                pending_webhooks=len(endpoints),
            )
        )

    def move_money(self, movement: Movement, charge: Charge, *, amount: int, refund: Refund | None = None) -> None:
        """Stage a ledger entry about a charge."""
        payment_intent = self.payment_intents.get(charge.payment_intent)
        self._enter(movement, payment_intent, amount, charge, refund)

    def note_cancel(self, payment_intent: PaymentIntent, *, released: int) -> None:
        """Stage the ledger entry of a payment that ended without money."""
        charge = self.charges.find(payment_intent.latest_charge or "")
        self._enter("cancel", payment_intent, released, charge, None)

    def commit(self, answer: SavedAnswer | None = None) -> tuple[Event, ...]:
        """Make the changes true, with the answer to replay; returns the events that are now to be delivered."""
        self._store.commit(
            Commit(
                payment_methods=self.payment_methods.staged(),
                confirmation_tokens=self.confirmation_tokens.staged(),
                customers=self.customers.staged(),
                payment_intents=self.payment_intents.staged(),
                charges=self.charges.staged(),
                refunds=self.refunds.staged(),
                disputes=self.disputes.staged(),
                events=self.events.staged(),
                webhook_endpoints=self.webhook_endpoints.staged(),
                deleted=tuple(self._deleted),
                ledger=tuple(self._ledger),
                answer=answer,
            )
        )
        return self.events.staged()

    def _enter(
        self,
        movement: Movement,
        payment_intent: PaymentIntent,
        amount: int,
        charge: Charge | None,
        refund: Refund | None,
    ) -> None:
        self._ledger.append(
            LedgerEntry(
                sequence=len(self._store.ledger) + len(self._ledger) + 1,
                at=self._clock.now().timestamp(),
                movement=movement,
                amount=amount,
                currency=payment_intent.currency,
                payment_intent=payment_intent.id,
                charge=charge.id if charge else None,
                refund=refund.id if refund else None,
                decline_code=charge.decline_code if charge else None,
                idempotency_key=self._cause.idempotency_key,
                metadata=payment_intent.metadata,
            )
        )
