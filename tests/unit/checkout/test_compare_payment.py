"""What follows from what the provider says, for every pair of states."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.checkout.compare_payment import Step, as_settled, next_step
from app.core.ids import AttemptId, CartId, OrderId
from app.payments.domain import AttemptState, PaymentAttempt, PaymentMethod, PaymentOutcome
from app.payments.findings import Finding, FindingKind
from tests.unit.fakes import NOON, CountingIds, usd

S = AttemptState
NOTHING, SETTLE, ASK = Step.NOTHING, Step.SETTLE, Step.ASK
SAID = (S.PENDING, S.ACTION_REQUIRED, S.PROCESSING, S.SUCCEEDED, S.FAILED, S.CANCELED)
EXPECTED = {  # the attempt's state -> what follows when the provider says each of SAID
    S.PENDING: (NOTHING, SETTLE, SETTLE, SETTLE, NOTHING, SETTLE),
    S.QUEUED: (NOTHING, SETTLE, SETTLE, SETTLE, ASK, SETTLE),
    S.ACTION_REQUIRED: (NOTHING, NOTHING, ASK, SETTLE, ASK, SETTLE),
    S.PROCESSING: (NOTHING, ASK, NOTHING, SETTLE, ASK, SETTLE),
    S.SUCCEEDED: (NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING),
    S.FAILED: (NOTHING, NOTHING, NOTHING, SETTLE, NOTHING, NOTHING),
    S.CANCELED: (NOTHING, NOTHING, NOTHING, SETTLE, NOTHING, NOTHING),
}


def attempt(state: AttemptState = S.PENDING, intent_id: str | None = "pi_1") -> PaymentAttempt:
    ids = CountingIds()
    return PaymentAttempt(
        id=AttemptId(ids.new_uuid()),
        order_id=OrderId(ids.new_uuid()),
        cart_id=CartId(ids.new_uuid()),
        idempotency_key="key",
        input_digest=b"",
        state=state,
        amount=usd(4_090),
        method=PaymentMethod(payment_method_id="pm_card_visa"),
        receipt_email="ada@example.com",
        created_at=NOON,
        updated_at=NOON,
        expires_at=NOON,
        check_at=None,
        intent_id=intent_id,
    )


def said(state: AttemptState = S.SUCCEEDED, intent_id: str = "pi_1") -> PaymentOutcome:
    return PaymentOutcome(state, intent_id, usd(4_090))


@pytest.mark.parametrize("intent_id", ["pi_1", None], ids=["a known payment", "one known by its attempt's id"])
@pytest.mark.parametrize("state", AttemptState)
def test_every_pair_of_states_has_its_step(state: AttemptState, intent_id: str | None) -> None:
    steps = tuple(next_step(attempt(state, intent_id), said(outcome)) for outcome in SAID)

    assert steps == EXPECTED[state]


@pytest.mark.parametrize("state", AttemptState)
@pytest.mark.parametrize("outcome", SAID)
def test_another_amount_is_never_settled(state: AttemptState, outcome: AttemptState) -> None:
    step = next_step(attempt(state), replace(said(outcome), amount=usd(4_091)))

    assert isinstance(step, Finding)
    assert (step.kind, step.subject, step.intent_id) == (FindingKind.AMOUNT_DIFFERS, "pi_1", "pi_1")
    assert step.order_id == attempt().order_id


@pytest.mark.parametrize("state", AttemptState)
def test_a_second_payment_of_an_attempt_matters_where_it_took_money(state: AttemptState) -> None:
    steps = {outcome: next_step(attempt(state), said(outcome, "pi_2")) for outcome in SAID}
    taken = steps.pop(S.SUCCEEDED)

    assert set(steps.values()) == {NOTHING}
    assert isinstance(taken, Finding)
    assert (taken.kind, taken.subject) == (FindingKind.SECOND_PAYMENT, "pi_2")


def test_a_payment_that_was_refused_and_then_ended_has_failed() -> None:
    refused = replace(said(S.CANCELED), decline_code="lost_card", failure_message="Your card was declined.")

    assert as_settled(refused).state is S.FAILED
    assert as_settled(said(S.CANCELED)).state is S.CANCELED
    assert as_settled(said(S.SUCCEEDED)).state is S.SUCCEEDED
