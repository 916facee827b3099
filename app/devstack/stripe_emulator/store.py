"""All records in memory, written through to the journal.

`Changes` stages what a request does and `commit` makes it true: first in the file, then in memory. One thread runs
requests one after the other between awaits, so a commit is never interleaved with another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from app.devstack.stripe_emulator.journal import Commit, Journal, SavedAnswer
from app.devstack.stripe_emulator.ledger import LedgerEntry
from app.devstack.stripe_emulator.records import (
    Charge,
    ConfirmationToken,
    Customer,
    Dispute,
    Event,
    PaymentIntent,
    PaymentMethod,
    Refund,
    WebhookEndpoint,
)

FORGET_KEYS_AFTER_SECONDS = 24 * 60 * 60  # Stripe: keys are removed once they are at least 24 hours old


@dataclass(frozen=True, slots=True)
class Tables:
    """Every record by its id, oldest first."""

    payment_methods: dict[str, PaymentMethod] = field(default_factory=dict)
    confirmation_tokens: dict[str, ConfirmationToken] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    payment_intents: dict[str, PaymentIntent] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    webhook_endpoints: dict[str, WebhookEndpoint] = field(default_factory=dict)


class Store:
    """The state of the emulator."""

    def __init__(self, journal: Journal, history: Iterable[Commit] = ()) -> None:
        self._journal = journal
        self.tables = Tables()
        self.ledger: list[LedgerEntry] = []
        self.advanced_seconds = 0
        self._answers: dict[tuple[str, str], SavedAnswer] = {}
        for commit in history:
            self._apply(commit)

    def commit(self, commit: Commit) -> None:
        """Make a request's changes true, unless there are none."""
        if not commit.is_empty():
            self._journal.append(commit)
            self._apply(commit)

    def close(self) -> None:
        """Let the journal go."""
        self._journal.close()

    def find_answer(self, account: str, key: str, *, now: int) -> SavedAnswer | None:
        """What was answered under this idempotency key in the last 24 hours."""
        answer = self._answers.get((account, key))
        if answer is None or now - answer.saved_at >= FORGET_KEYS_AFTER_SECONDS:
            return None
        return answer

    def undelivered_events(self) -> list[Event]:
        """Events that some endpoint has not accepted, oldest first."""
        return [event for event in self.tables.events.values() if event.pending_webhooks]

    def _apply(self, commit: Commit) -> None:
        tables = self.tables
        tables.payment_methods.update({record.id: record for record in commit.payment_methods})
        tables.confirmation_tokens.update({record.id: record for record in commit.confirmation_tokens})
        tables.customers.update({record.id: record for record in commit.customers})
        tables.payment_intents.update({record.id: record for record in commit.payment_intents})
        tables.charges.update({record.id: record for record in commit.charges})
        tables.refunds.update({record.id: record for record in commit.refunds})
        tables.disputes.update({record.id: record for record in commit.disputes})
        tables.events.update({record.id: record for record in commit.events})
        tables.webhook_endpoints.update({record.id: record for record in commit.webhook_endpoints})
        for record_id in commit.deleted:
            tables.customers.pop(record_id, None)
            tables.webhook_endpoints.pop(record_id, None)
        for event_id in commit.accepted_events:
            event = tables.events[event_id]
            tables.events[event_id] = replace(event, pending_webhooks=max(event.pending_webhooks - 1, 0))
        self.ledger.extend(commit.ledger)
        if commit.answer is not None:
            self._answers[commit.answer.account, commit.answer.key] = commit.answer
        if commit.advanced_seconds is not None:
            self.advanced_seconds = commit.advanced_seconds
