"""`EventReader` for Stripe's webhooks: the only module that knows how its events are signed and shaped.

The signature is checked over the body as it came, with each secret that is in force: two while they are changed. The
library accepts any time in the future, so the time is checked here, both ways, by the shop's clock.
Source: Stripe, Receive Stripe events in your webhook endpoint; Verify webhook signatures manually; Types of events.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import stripe

from app.core.clock import Clock
from app.payments.disputes import Dispute
from app.payments.events import (
    CardNews,
    DisputeNews,
    PaymentEvent,
    PaymentNews,
    RefundNews,
    UnreadableEvent,
    UntrustedEvent,
)
from app.payments.stripe_intents import amount_of, attempt_id_of, outcome_of
from app.payments.stripe_refunds import refund_outcome

TOLERANCE_SECONDS = 300  # Stripe's own, into the past
_FORGED = "This is not an event of the payment provider."


class StripeEvents:
    """Reads webhooks. secrets: of the endpoint, one or two; is_live: whether the shop takes real payments."""

    def __init__(self, secrets: Sequence[str], clock: Clock, *, is_live: bool) -> None:
        self._secrets = tuple(secrets)
        self._clock = clock
        self._is_live = is_live

    def read(self, body: bytes, signature: str | None) -> PaymentEvent:
        """The event in a request's raw body. Raises UntrustedEvent or UnreadableEvent."""
        if not self._is_signed(body, signature or ""):
            raise UntrustedEvent(_FORGED)
        try:
            event = stripe.Event.construct_from(json.loads(body), None)
            if event.livemode is not self._is_live:
                raise UnreadableEvent("The event is of the provider's other mode, live or test, than this shop.")
            return event_of(event)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnreadableEvent(f"The event has a shape that is not Stripe's ({type(error).__name__}).") from None

    def _is_signed(self, body: bytes, signature: str) -> bool:
        signed_at = _signed_at(signature)
        now = self._clock.now().timestamp()
        if signed_at is None or abs(now - signed_at) > TOLERANCE_SECONDS:
            return False
        return any(_matches(body, signature, secret) for secret in self._secrets)


def event_of(event: stripe.Event) -> PaymentEvent:
    """What an event says. Not Stripe's shape raises AttributeError, KeyError, TypeError or ValueError."""
    created = datetime.fromtimestamp(event.created, UTC)
    plain = PaymentEvent(id=_text(event.id), type=_text(event.type), created=created)
    read = READERS.get(plain.type)
    return plain if read is None else read(plain, event.data.object)


def _payment(plain: PaymentEvent, intent: Any) -> PaymentEvent:  # noqa: ANN401  a StripeObject of the event's type
    return PaymentEvent(
        id=plain.id,
        type=plain.type,
        created=plain.created,
        intent_id=_text(intent.id),
        attempt_id=attempt_id_of(intent.metadata),
        news=PaymentNews(outcome_of(intent)),
    )


def _charge(plain: PaymentEvent, charge: Any) -> PaymentEvent:  # noqa: ANN401
    details = charge.payment_method_details
    card = None if details is None else getattr(details, "card", None)
    if card is None:
        return plain
    return PaymentEvent(
        id=plain.id,
        type=plain.type,
        created=plain.created,
        intent_id=charge.payment_intent,
        attempt_id=attempt_id_of(charge.metadata),
        news=CardNews(_text(card.brand), _text(card.last4)),
    )


def _refund(plain: PaymentEvent, refund: Any) -> PaymentEvent:  # noqa: ANN401
    outcome = refund_outcome(refund)
    return PaymentEvent(plain.id, plain.type, plain.created, intent_id=outcome.intent_id, news=RefundNews(outcome))


def _dispute(plain: PaymentEvent, dispute: Any) -> PaymentEvent:  # noqa: ANN401
    due_by = dispute.evidence_details.due_by
    news = DisputeNews(
        Dispute(
            id=_text(dispute.id),
            intent_id=_text(dispute.payment_intent),
            amount=amount_of(dispute.amount, dispute.currency),
            reason=_text(dispute.reason),
            status=_text(dispute.status),
            due_by=None if due_by is None else datetime.fromtimestamp(due_by, UTC),
            opened_at=datetime.fromtimestamp(dispute.created, UTC),
            as_of=plain.created,
        )
    )
    return PaymentEvent(plain.id, plain.type, plain.created, intent_id=news.dispute.intent_id, news=news)


READERS: Mapping[str, Callable[[PaymentEvent, Any], PaymentEvent]] = {
    **{
        f"payment_intent.{name}": _payment
        for name in (
            *("succeeded", "processing", "requires_action", "payment_failed", "canceled"),
            "amount_capturable_updated",
        )
    },
    "charge.succeeded": _charge,
    **{f"refund.{name}": _refund for name in ("created", "updated", "failed")},
    **{
        f"charge.dispute.{name}": _dispute
        for name in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
    },
}


def _signed_at(signature: str) -> int | None:
    """The time in a signature, which has to be there once, in digits."""
    pairs = [item.partition("=") for item in signature.split(",")]
    times = [value for key, _, value in pairs if key == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdecimal() and len(times[0]) < 12):
        return None
    return int(times[0])


def _matches(body: bytes, signature: str, secret: str) -> bool:
    if not signature.isascii():  # comparing it in constant time would raise
        return False
    try:
        return bool(stripe.WebhookSignature.verify_header(body, signature, secret))
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value
