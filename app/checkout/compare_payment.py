"""What follows when the provider says how a payment stands: one set of rules for events and listings.

Pure. An event may be late: money that was taken always counts, also after the attempt has ended, and anything else that
is said after the end does not. What one snapshot cannot decide is asked of the provider. See ADR-0029.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from app.payments.domain import AttemptState, PaymentAttempt, PaymentOutcome
from app.payments.findings import Finding, FindingKind

_UNHEARD = frozenset({AttemptState.PENDING, AttemptState.QUEUED})  # the provider has not been heard about it


class Step(Enum):
    """What to do with an outcome."""

    NOTHING = "nothing"  # it is known, or too late to matter
    SETTLE = "settle"  # it can be recorded as it is
    ASK = "ask"  # the worker has to ask the provider what became of the payment


def next_step(attempt: PaymentAttempt, outcome: PaymentOutcome) -> Step | Finding:
    """What follows for the attempt; a finding where a person has to look at it, and nothing may be settled."""
    if attempt.intent_id not in (None, outcome.intent_id):
        return _of_another_payment(attempt, outcome)
    if outcome.amount != attempt.amount:
        said = (
            f"the attempt is for {attempt.amount}, the provider says {outcome.amount} ({outcome.state.value.lower()})"
        )
        return Finding(FindingKind.AMOUNT_DIFFERS, str(outcome.intent_id), said, attempt.order_id, outcome.intent_id)
    if attempt.state is outcome.state or outcome.state is AttemptState.PENDING:
        return Step.NOTHING
    if outcome.state is AttemptState.SUCCEEDED:
        return Step.SETTLE
    if attempt.state.is_final:
        return Step.NOTHING
    if outcome.state is AttemptState.CANCELED:
        return Step.SETTLE
    if outcome.state is AttemptState.FAILED:  # the payment is ended at the provider before that is recorded
        return Step.NOTHING if attempt.state is AttemptState.PENDING else Step.ASK
    return Step.SETTLE if attempt.state in _UNHEARD else Step.ASK


def as_settled(outcome: PaymentOutcome) -> PaymentOutcome:
    """The outcome as it is recorded: a payment that was refused and then ended has failed."""
    if outcome.state is AttemptState.CANCELED and outcome.failure_message is not None:
        return replace(outcome, state=AttemptState.FAILED)
    return outcome


def _of_another_payment(attempt: PaymentAttempt, outcome: PaymentOutcome) -> Step | Finding:
    if outcome.state is not AttemptState.SUCCEEDED:
        return Step.NOTHING
    detail = f"{outcome.amount} were taken by it, and the attempt has the payment {attempt.intent_id}"
    return Finding(FindingKind.SECOND_PAYMENT, str(outcome.intent_id), detail, attempt.order_id, outcome.intent_id)
