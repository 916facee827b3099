"""What Stripe's refund means to the shop: the same for an answer and an event."""

from __future__ import annotations

from uuid import UUID

import stripe

from app.core.charging import money_of
from app.core.ids import RefundId
from app.core.money import Currency
from app.payments.refunds import RefundOutcome, RefundState

REFUND_KEY, ORDER_KEY = "refund_id", "order_id"  # in a refund's metadata
_STATES = {"succeeded": RefundState.SUCCEEDED, "failed": RefundState.FAILED, "canceled": RefundState.FAILED}


def refund_outcome(refund: stripe.Refund) -> RefundOutcome:
    """What became of the refund; whatever is not over yet is PENDING."""
    intent = refund.payment_intent
    return RefundOutcome(
        state=_STATES.get(refund.status or "", RefundState.PENDING),
        amount=money_of(refund.amount, Currency(refund.currency.upper())),
        provider_id=refund.id,
        intent_id=(intent if isinstance(intent, str) else intent and intent.id) or "",
        refund_id=_refund_id(refund),
        failure=getattr(refund, "failure_reason", None),
    )


def _refund_id(refund: stripe.Refund) -> RefundId | None:
    """Which of the shop's it is; None where its metadata, which anybody may write, does not say."""
    try:
        return RefundId(UUID((refund.metadata.to_dict() if refund.metadata else {}).get(REFUND_KEY, "")))
    except ValueError:
        return None
