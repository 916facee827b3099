"""Refunds through the gateway, against the emulator: what each answer means, and that a refund is made once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import stamina

from app.core.errors import PaymentsUnavailable
from app.core.ids import AttemptId, Kind, OrderId, RefundId, encode
from app.core.money import Currency, Money
from app.payments.domain import PaymentAttempt
from app.payments.refunds import Refund, RefundOutcome, RefundState
from app.payments.stripe_gateway import RetryPolicy, StripeGateway
from tests.integration.payments.test_stripe_gateway import QUICK, attempt
from tests.shopkeeping import Provider

USD = Currency("USD")
REFUND = "POST /v1/refunds"


@pytest.fixture
async def gateway(emulator_url: str) -> AsyncIterator[StripeGateway]:
    made = StripeGateway("sk_test_emulator", base_url=emulator_url, policy=QUICK)
    yield made
    await made.close()


@pytest.fixture
def at_once() -> Iterator[None]:
    """Calls are repeated as often as ever, but without waiting in between."""
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.fixture
async def paid(gateway: StripeGateway) -> PaymentAttempt:
    charged = attempt()
    outcome = await gateway.charge(charged)
    return replace(charged, intent_id=outcome.intent_id)


def refund_of(paid: PaymentAttempt, minor: int = 1_000) -> Refund:
    now = datetime.now(UTC)
    return Refund(
        id=RefundId(uuid.uuid4()),
        order_id=OrderId(paid.order_id),
        attempt_id=AttemptId(paid.id),
        intent_id=paid.intent_id or "",
        amount=Money(minor, paid.amount.currency),
        state=RefundState.PENDING,
        reason="because",
        created_at=now,
        updated_at=now,
    )


async def given_back(provider: Provider, paid: PaymentAttempt) -> list[int]:
    """The refunds of a payment in the provider's ledger."""
    moved = await provider.ledger(encode(Kind.ATTEMPT, paid.id))
    return [amount for movement, amount in moved if movement == "refund"]


async def test_a_part_and_then_the_rest_go_back(
    gateway: StripeGateway, provider: Provider, paid: PaymentAttempt
) -> None:
    part, rest = refund_of(paid, 1_000), refund_of(paid, 3_090)

    outcomes = [await gateway.refund(each) for each in (part, rest)]

    assert outcomes[0] == RefundOutcome(
        RefundState.SUCCEEDED, Money(1_000, USD), outcomes[0].provider_id, paid.intent_id or "", part.id
    )
    assert (outcomes[0].provider_id or "").startswith("re_")
    assert outcomes[1].state is RefundState.SUCCEEDED
    assert await given_back(provider, paid) == [1_000, 3_090]


async def test_the_same_refund_made_again_is_the_same_refund(
    gateway: StripeGateway, provider: Provider, paid: PaymentAttempt
) -> None:
    refund = refund_of(paid)

    outcomes = await asyncio.gather(*(gateway.refund(refund) for _ in range(3)))

    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert await given_back(provider, paid) == [1_000]


@pytest.mark.parametrize("minor", [4_091, 99_999])
async def test_more_than_is_left_is_refused_and_that_is_an_outcome(
    gateway: StripeGateway, provider: Provider, paid: PaymentAttempt, minor: int
) -> None:
    refund = refund_of(paid, minor)

    outcome = await gateway.refund(refund)

    assert (outcome.state, outcome.provider_id, outcome.refund_id) == (RefundState.FAILED, None, refund.id)
    assert "greater than unrefunded amount" in (outcome.failure or "")
    assert await given_back(provider, paid) == []
    assert await gateway.find_refund(refund) is None


async def test_what_has_been_refunded_already_is_refused_with_its_reason(
    gateway: StripeGateway, provider: Provider, paid: PaymentAttempt
) -> None:
    await gateway.refund(refund_of(paid, 4_090))

    outcome = await gateway.refund(refund_of(paid, 4_090))

    assert (outcome.state, outcome.failure) == (RefundState.FAILED, "charge_already_refunded")
    assert await given_back(provider, paid) == [4_090]


async def test_a_payment_that_took_nothing_has_nothing_to_give_back(gateway: StripeGateway) -> None:
    waiting = attempt("pm_card_threeDSecure2Required")
    outcome = await gateway.charge(waiting)

    refused = await gateway.refund(refund_of(replace(waiting, intent_id=outcome.intent_id)))
    unknown = await gateway.refund(refund_of(replace(waiting, intent_id="pi_unknown")))

    assert (refused.state, unknown.state) == (RefundState.FAILED, RefundState.FAILED)
    assert unknown.failure == "resource_missing"


@pytest.mark.parametrize("amount", [Money(500, Currency("JPY")), Money(12_340, Currency("BHD"))])
async def test_amounts_are_sent_in_the_currencys_own_smallest_unit(
    gateway: StripeGateway, provider: Provider, amount: Money
) -> None:
    charged = attempt(amount=amount)
    outcome = await gateway.charge(charged)
    paid = replace(charged, intent_id=outcome.intent_id)

    refunded = await gateway.refund(refund_of(paid, amount.minor))

    assert refunded.amount == amount
    assert await given_back(provider, paid) == [amount.minor]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("mode", ["500", "503", "429", "refuse", "lost", "truncate"])
async def test_a_failed_call_is_repeated_with_the_same_key_until_it_is_answered(
    gateway: StripeGateway, provider: Provider, paid: PaymentAttempt, mode: str
) -> None:
    refund = refund_of(paid)
    script = await provider.fault(mode, match=REFUND, times=2)

    outcome = await gateway.refund(refund)

    requests = await provider.requests(REFUND)
    assert outcome.state is RefundState.SUCCEEDED
    assert await provider.hits(script) == 2
    assert [request["idempotency_key"] for request in requests] == [str(refund.id)] * 3
    assert await given_back(provider, paid) == [1_000]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("mode", "when", "may_have_run"),
    [
        ("500", "before", True),
        ("500", "after", True),
        ("lost", "after", True),
        ("truncate", "after", True),
        ("429", "before", False),
    ],
)
async def test_without_an_answer_the_outcome_is_unknown_and_one_that_was_made_is_found(
    gateway: StripeGateway, provider: Provider, paid: PaymentAttempt, mode: str, when: str, may_have_run: bool
) -> None:
    other, refund = refund_of(paid, 500), refund_of(paid)
    await gateway.refund(other)
    await provider.fault(mode, when=when, match=REFUND, times=None)

    with pytest.raises(PaymentsUnavailable) as caught:
        await gateway.refund(refund)
    await provider.heal()
    found = await gateway.find_refund(refund)

    assert caught.value.may_have_run is may_have_run
    assert (found is not None) is (when == "after")
    if found is not None:
        assert (found.refund_id, found.state, found.amount) == (refund.id, RefundState.SUCCEEDED, refund.amount)
    assert await given_back(provider, paid) == ([500, 1_000] if when == "after" else [500])


async def test_a_refund_is_found_by_the_providers_name_too(gateway: StripeGateway, paid: PaymentAttempt) -> None:
    refund = refund_of(paid)
    made = await gateway.refund(refund)

    assert await gateway.find_refund(replace(refund, provider_id=made.provider_id)) == made
    assert await gateway.find_refund(refund) == made


async def test_a_key_that_comes_with_other_parameters_gives_nothing_more_back(
    gateway: StripeGateway, provider: Provider, paid: PaymentAttempt
) -> None:
    refund = refund_of(paid)
    await gateway.refund(refund)

    with pytest.raises(PaymentsUnavailable):
        await gateway.refund(replace(refund, amount=Money(1, USD)))

    assert await given_back(provider, paid) == [1_000]


@pytest.mark.usefixtures("at_once")
async def test_nobody_listening_is_an_unknown_outcome_of_what_was_surely_not_sent(paid: PaymentAttempt) -> None:
    nowhere = StripeGateway("sk_test_x", base_url="http://127.0.0.1:1", policy=RetryPolicy(retries=1))

    for call in (nowhere.refund(refund_of(paid)), nowhere.find_refund(refund_of(paid))):
        with pytest.raises(PaymentsUnavailable) as caught:
            await call
        assert not caught.value.may_have_run
    await nowhere.close()
