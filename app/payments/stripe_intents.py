"""What Stripe's PaymentIntent means to the shop: the same for an answer, an event and a listing."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import stripe

from app.core.charging import money_of
from app.core.ids import AttemptId
from app.core.money import Currency, Money
from app.payments.domain import AttemptState, PaymentOutcome
from app.payments.records import RecordedPayment

ATTEMPT_KEY = "attempt_id"  # in a PaymentIntent's metadata
_STATES = {
    "succeeded": AttemptState.SUCCEEDED,
    "requires_action": AttemptState.ACTION_REQUIRED,
    "processing": AttemptState.PROCESSING,
    "requires_capture": AttemptState.PROCESSING,
    "canceled": AttemptState.CANCELED,
    "requires_payment_method": AttemptState.FAILED,
    "requires_confirmation": AttemptState.PENDING,
}


def outcome_of(intent: stripe.PaymentIntent) -> PaymentOutcome:
    """What became of the payment."""
    method = intent.payment_method
    card = method.card if isinstance(method, stripe.PaymentMethod) else None
    failure = intent.last_payment_error
    return PaymentOutcome(
        state=_STATES[intent.status],
        intent_id=intent.id,
        amount=amount_of(intent.amount, intent.currency),
        client_secret=intent.client_secret,
        card_brand=card.brand if card else None,
        card_last4=card.last4 if card else None,
        decline_code=getattr(failure, "decline_code", None),  # absent where the buyer failed at the bank
        failure_message=getattr(failure, "message", None),
    )


def recorded(intent: stripe.PaymentIntent) -> RecordedPayment:
    """The payment as it is listed, its latest charge expanded."""
    charge = intent.latest_charge
    refunded = charge.amount_refunded if isinstance(charge, stripe.Charge) else 0
    return RecordedPayment(
        outcome=outcome_of(intent),
        attempt_id=attempt_id_of(intent.metadata),
        created=datetime.fromtimestamp(intent.created, UTC),
        refunded=amount_of(refunded, intent.currency),
    )


def attempt_id_of(metadata: object) -> AttemptId | None:
    """The attempt that an object's metadata names; None where these, which anybody may write, name none."""
    try:
        return AttemptId(UUID(str(getattr(metadata, ATTEMPT_KEY, ""))))
    except ValueError:
        return None


def amount_of(units: int, currency: str) -> Money:
    """The amount that Stripe calls so many units of a currency."""
    return money_of(units, Currency(currency.upper()))
