"""Whose events are believed, and when: the signature over the raw body, by the shop's clock."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from app.core.ids import RefundId
from app.core.money import Currency, Money
from app.payments.domain import AttemptState, PaymentOutcome
from app.payments.events import (
    CardNews,
    DisputeNews,
    PaymentEvent,
    PaymentNews,
    RefundNews,
    UnreadableEvent,
    UntrustedEvent,
)
from app.payments.refunds import RefundOutcome, RefundState
from app.payments.stripe_events import TOLERANCE_SECONDS, StripeEvents
from tests.unit.fakes import NOON, FixedClock

NEW, OLD = "whsec_new", "whsec_old"
AT = int(NOON.timestamp())
ATTEMPT = uuid.uuid4()


def event_body(event_type: str = "ping", item: dict[str, Any] | None = None, **fields: Any) -> bytes:
    values = {"id": "evt_1", "object": "event", "created": AT, "livemode": False, "type": event_type}
    return json.dumps(values | {"data": {"object": item or {}}} | fields).encode()


def signed(body: bytes, secret: str = NEW, at: int = AT) -> str:
    header: str = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at)
    return header


def reader(*secrets: str, is_live: bool = False) -> StripeEvents:
    return StripeEvents(secrets or (NEW,), FixedClock(), is_live=is_live)


def read(body: bytes, **options: Any) -> PaymentEvent:
    return reader(**options).read(body, signed(body))


def refused(events: StripeEvents, body: bytes, signature: str | None) -> str:
    with pytest.raises(UntrustedEvent) as refusal:
        events.read(body, signature)
    return str(refusal.value)


BODY = event_body()
SAID = refused(reader(), BODY, None)

# ------------------------------------------------------------------------------------------------ signatures


@given(st.integers(-TOLERANCE_SECONDS, TOLERANCE_SECONDS))
def test_a_signature_holds_for_five_minutes_both_ways(seconds: int) -> None:
    assert reader().read(BODY, signed(BODY, at=AT + seconds)).id == "evt_1"


@given(st.integers(TOLERANCE_SECONDS + 1, 2**33), st.sampled_from([-1, 1]))
def test_a_signature_from_longer_ago_or_further_ahead_is_refused(seconds: int, way: int) -> None:
    at = AT + way * seconds

    if at >= 0:
        assert refused(reader(), BODY, signed(BODY, at=at)) == SAID


@given(st.data())
def test_no_bit_of_the_body_can_be_changed(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(BODY) * 8 - 1))
    changed = bytearray(BODY)
    changed[place // 8] ^= 1 << place % 8

    assert refused(reader(), bytes(changed), signed(BODY)) == SAID


@given(st.data())
def test_no_bit_of_the_signature_can_be_changed(data: st.DataObject) -> None:
    header = signed(BODY).encode()
    place = data.draw(st.integers(0, len(header) * 8 - 1))
    changed = bytearray(header)
    changed[place // 8] ^= 1 << place % 8

    assert refused(reader(), BODY, changed.decode("latin-1")) == SAID


@given(st.text(max_size=200))
def test_whatever_stands_in_the_header_is_refused_in_the_same_words(header: str) -> None:
    assert refused(reader(), BODY, header) == SAID


@given(st.binary(max_size=200))
def test_a_body_that_is_no_text_is_refused(body: bytes) -> None:
    assert refused(reader(), body, signed(BODY)) == SAID


@pytest.mark.parametrize(
    "header",
    [
        f"t={AT}",
        f"v1={signed(BODY).partition('v1=')[2]}",
        signed(BODY).replace("v1=", "v0="),
        f"t={AT - 1000},{signed(BODY)}",  # two times: which of them was signed?
        f"{signed(BODY)},t={AT}",
        signed(BODY).replace(f"t={AT}", f"t= {AT}"),
        signed(BODY).replace(f"t={AT}", f"t={AT}.0"),
        signed(BODY).replace(f"t={AT}", "t=-1"),
        signed(BODY, secret=OLD),
        "",
    ],
)
def test_half_a_signature_is_none(header: str) -> None:
    assert refused(reader(), BODY, header) == SAID


def test_while_the_secret_is_changed_both_are_good_and_afterwards_only_the_new_one() -> None:
    both, after = reader(NEW, OLD), reader(NEW)

    assert both.read(BODY, signed(BODY, OLD)).id == both.read(BODY, signed(BODY, NEW)).id == "evt_1"
    assert after.read(BODY, signed(BODY, NEW)).id == "evt_1"
    assert refused(after, BODY, signed(BODY, OLD)) == SAID


def test_one_good_signature_of_several_is_enough() -> None:
    other = signed(BODY, OLD).partition("v1=")[2]

    assert reader().read(BODY, f"t={AT},v1={other},v1={signed(BODY).partition('v1=')[2]}").id == "evt_1"


def test_without_a_secret_nothing_is_believed() -> None:
    empty = StripeEvents((), FixedClock(), is_live=False)

    assert refused(empty, BODY, signed(BODY)) == SAID
    assert refused(StripeEvents(("",), FixedClock(), is_live=False), BODY, signed(BODY)) == SAID


# ------------------------------------------------------------------------------------------------ shapes


@pytest.mark.parametrize("is_live", [True, False])
def test_an_event_of_the_other_mode_is_refused(is_live: bool) -> None:
    body = event_body(livemode=not is_live)

    with pytest.raises(UnreadableEvent, match="other mode"):
        read(body, is_live=is_live)
    assert read(event_body(livemode=is_live), is_live=is_live).id == "evt_1"


def intent(status: str, **fields: Any) -> dict[str, Any]:
    values = {"id": "pi_1", "object": "payment_intent", "amount": 4090, "currency": "usd", "status": status}
    values |= {"client_secret": "pi_1_secret", "payment_method": "pm_1", "last_payment_error": None}
    return values | {"metadata": {"attempt_id": str(ATTEMPT)}} | fields


@pytest.mark.parametrize(
    ("event_type", "status", "state"),
    [
        ("succeeded", "succeeded", AttemptState.SUCCEEDED),
        ("processing", "processing", AttemptState.PROCESSING),
        ("requires_action", "requires_action", AttemptState.ACTION_REQUIRED),
        ("payment_failed", "requires_payment_method", AttemptState.FAILED),
        ("canceled", "canceled", AttemptState.CANCELED),
        ("amount_capturable_updated", "requires_capture", AttemptState.PROCESSING),
    ],
)
def test_an_event_of_a_payment_says_how_it_stands(event_type: str, status: str, state: AttemptState) -> None:
    event = read(event_body(f"payment_intent.{event_type}", intent(status)))

    assert event == PaymentEvent(
        id="evt_1",
        type=f"payment_intent.{event_type}",
        created=NOON,
        intent_id="pi_1",
        attempt_id=ATTEMPT,  # type: ignore[arg-type]
        news=PaymentNews(PaymentOutcome(state, "pi_1", Money(4090, Currency("USD")), client_secret="pi_1_secret")),
    )


@pytest.mark.parametrize("metadata", [{}, {"attempt_id": "7"}, {"order": "x"}])
def test_a_payment_that_names_no_attempt_of_ours_names_none(metadata: dict[str, str]) -> None:
    assert read(event_body("payment_intent.succeeded", intent("succeeded", metadata=metadata))).attempt_id is None


def test_a_charge_tells_the_card() -> None:
    details = {"type": "card", "card": {"brand": "visa", "last4": "4242"}}
    charge = {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": {}}

    told = read(event_body("charge.succeeded", {**charge, "payment_method_details": details}))

    assert (told.intent_id, told.news) == ("pi_1", CardNews("visa", "4242"))
    assert read(event_body("charge.succeeded", {**charge, "payment_method_details": None})).news is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending", RefundState.PENDING),
        ("requires_action", RefundState.PENDING),
        ("succeeded", RefundState.SUCCEEDED),
        ("failed", RefundState.FAILED),
        ("canceled", RefundState.FAILED),
    ],
)
def test_an_event_of_a_refund_says_how_it_stands(status: str, state: RefundState) -> None:
    key = RefundId(uuid.uuid4())
    refund = {"id": "re_1", "object": "refund", "amount": 500, "currency": "usd", "status": status, "reason": None}
    refund |= {"payment_intent": "pi_1", "metadata": {"refund_id": str(key)}, "failure_reason": "lost_or_stolen_card"}

    event = read(event_body("refund.updated", refund))

    outcome = RefundOutcome(state, Money(500, Currency("USD")), "re_1", "pi_1", key, "lost_or_stolen_card")
    assert (event.intent_id, event.news) == ("pi_1", RefundNews(outcome))


@pytest.mark.parametrize("status", ["needs_response", "under_review", "won", "lost", "warning_closed", "invented"])
def test_an_event_of_a_dispute_says_how_it_stands(status: str) -> None:
    dispute = {"id": "du_1", "object": "dispute", "amount": 500, "currency": "usd", "status": status}
    dispute |= {"payment_intent": "pi_1", "reason": "fraudulent", "created": AT - 5, "evidence_details": {"due_by": AT}}

    news = read(event_body("charge.dispute.updated", dispute)).news

    assert isinstance(news, DisputeNews)
    assert (news.dispute.status, news.dispute.due_by, news.dispute.as_of) == (status, NOON, NOON)
    assert news.dispute.opened_at == datetime.fromtimestamp(AT - 5, UTC)
    assert news.dispute.stage == {"needs_response": 0, "under_review": 1}.get(status, 2)


def test_what_the_shop_does_not_care_for_says_nothing() -> None:
    assert read(event_body("customer.created", {"id": "cus_1"})) == PaymentEvent("evt_1", "customer.created", NOON)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"7",
        b"{}",
        b"not JSON",
        event_body(id=7),
        event_body(created="noon"),
        event_body("payment_intent.succeeded", {"id": "pi_1"}),
        event_body("payment_intent.succeeded", intent("invented")),
        event_body("payment_intent.succeeded", intent("succeeded", amount="4090")),
        event_body("payment_intent.succeeded", intent("succeeded", currency=None)),
        event_body("refund.created", {"id": "re_1"}),
        event_body("charge.dispute.created", {"id": "du_1"}),
    ],
)
def test_what_is_signed_but_not_of_stripes_shape_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        read(body)
