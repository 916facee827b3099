"""The gateway against the emulator: what each answer of Stripe's means, and that a payment is made once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import stamina

from app.core.errors import PaymentsUnavailable
from app.core.ids import AttemptId, CartId, Kind, OrderId, encode
from app.core.money import Currency, Money
from app.payments.domain import AttemptState, PaymentAttempt, PaymentMethod, PaymentOutcome
from app.payments.stripe_gateway import RetryPolicy, StripeGateway
from tests.shopkeeping import Provider

AMOUNT = Money(4_090, Currency("USD"))
QUICK = RetryPolicy(retries=3, within_seconds=8.0, first_wait_seconds=0.01)
CREATE = "POST /v1/payment_intents"
NO_WAITING = 60.0  # seconds: longer than any wait that is not wanted


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


def attempt(method: str = "pm_card_visa", *, amount: Money = AMOUNT, token: str | None = None) -> PaymentAttempt:
    now = datetime.now(UTC)
    return PaymentAttempt(
        id=AttemptId(uuid.uuid4()),
        order_id=OrderId(uuid.uuid4()),
        cart_id=CartId(uuid.uuid4()),
        idempotency_key="the client's",
        input_digest=b"",
        state=AttemptState.PENDING,
        amount=amount,
        method=PaymentMethod(confirmation_token=token, payment_method_id=None if token else method),
        receipt_email="ada@example.com",
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(minutes=30),
        check_at=now,
    )


def public_id(of: PaymentAttempt) -> str:
    return encode(Kind.ATTEMPT, of.id)


# ------------------------------------------------------------------------------------------------ outcomes


async def test_a_good_card_succeeds(gateway: StripeGateway, provider: Provider) -> None:
    charged = attempt()

    outcome = await gateway.charge(charged)

    assert outcome.intent_id is not None
    assert outcome == PaymentOutcome(
        state=AttemptState.SUCCEEDED,
        intent_id=outcome.intent_id,
        amount=AMOUNT,
        client_secret=outcome.client_secret,
        card_brand="visa",
        card_last4="4242",
    )
    assert await provider.ledger(public_id(charged)) == [("charge_succeeded", 4_090)]


@pytest.mark.parametrize(
    ("card", "decline_code", "message"),
    [
        ("pm_card_visa_chargeDeclined", "generic_decline", "Your card was declined."),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds", "Your card has insufficient funds."),
        ("pm_card_visa_chargeDeclinedLostCard", "lost_card", "Your card was declined."),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "Your card's security code is incorrect."),
    ],
)
async def test_a_declined_card_is_an_outcome_with_its_reason(
    gateway: StripeGateway, provider: Provider, card: str, decline_code: str, message: str
) -> None:
    charged = attempt(card)

    outcome = await gateway.charge(charged)

    assert (outcome.state, outcome.decline_code, outcome.failure_message) == (
        AttemptState.FAILED,
        decline_code,
        message,
    )
    assert outcome.amount == AMOUNT
    assert outcome.intent_id is not None
    assert await provider.ledger(public_id(charged)) == [("charge_failed", 4_090)]
    assert len(await provider.requests(CREATE)) == 1


async def test_a_card_that_needs_the_bank_is_action_required(gateway: StripeGateway, provider: Provider) -> None:
    charged = attempt("pm_card_threeDSecure2Required")

    outcome = await gateway.charge(charged)

    assert outcome.state is AttemptState.ACTION_REQUIRED
    assert outcome.client_secret is not None
    assert outcome.client_secret.startswith(f"{outcome.intent_id}_secret_")
    assert await provider.ledger(public_id(charged)) == []


@pytest.mark.parametrize(
    ("bank", "state", "decline_code"),
    [("succeed", AttemptState.SUCCEEDED, None), ("fail", AttemptState.FAILED, None)],
)
async def test_looking_up_tells_what_the_buyer_did_at_the_bank(
    gateway: StripeGateway, provider: Provider, bank: str, state: AttemptState, decline_code: str | None
) -> None:
    waiting = await gateway.charge(attempt("pm_card_threeDSecure2Required"))
    assert waiting.intent_id is not None
    assert waiting.client_secret is not None
    before = await gateway.look_up(waiting.intent_id)

    await provider.answer_bank(waiting.client_secret, bank)
    after = await gateway.look_up(waiting.intent_id)

    assert before.state is AttemptState.ACTION_REQUIRED
    assert (after.state, after.decline_code) == (state, decline_code)
    assert (after.failure_message is None) is (state is AttemptState.SUCCEEDED)
    assert after.card_last4 == ("3220" if state is AttemptState.SUCCEEDED else after.card_last4)


async def test_a_bank_that_takes_its_time_is_processing(gateway: StripeGateway, provider: Provider) -> None:
    await provider.fault("processing")
    charged = attempt()

    outcome = await gateway.charge(charged)
    assert outcome.intent_id is not None
    await provider.settle(public_id(charged), "succeed")

    assert outcome.state is AttemptState.PROCESSING
    assert (await gateway.look_up(outcome.intent_id)).state is AttemptState.SUCCEEDED


async def test_a_confirmation_token_is_charged_once(gateway: StripeGateway, provider: Provider) -> None:
    token = await provider.confirmation_token("pm_card_amex")

    first = await gateway.charge(attempt(token=token))
    second = await gateway.charge(attempt(token=token))

    assert (first.state, first.card_brand, first.card_last4) == (AttemptState.SUCCEEDED, "amex", "0005")
    assert second.state is AttemptState.FAILED
    assert "already been used" in (second.failure_message or "")


@pytest.mark.parametrize("unknown", [attempt("pm_nobody"), attempt(token="ctoken_nobody")])
async def test_a_method_that_stripe_does_not_know_is_a_refused_payment(
    gateway: StripeGateway, provider: Provider, unknown: PaymentAttempt
) -> None:
    outcome = await gateway.charge(unknown)

    assert outcome.state is AttemptState.FAILED
    assert await provider.ledger(public_id(unknown)) == []


@pytest.mark.parametrize(
    "amount", [Money(500, Currency("JPY")), Money(12_340, Currency("BHD")), Money(99_999_999, Currency("USD"))]
)
async def test_amounts_are_sent_in_the_currencys_own_smallest_unit(
    gateway: StripeGateway, provider: Provider, amount: Money
) -> None:
    charged = attempt(amount=amount)

    outcome = await gateway.charge(charged)

    assert (outcome.state, outcome.amount) == (AttemptState.SUCCEEDED, amount)
    assert await provider.ledger(public_id(charged)) == [("charge_succeeded", amount.minor)]


# ------------------------------------------------------------------------------------------------ canceling


async def test_a_waiting_payment_can_be_canceled(gateway: StripeGateway, provider: Provider) -> None:
    charged = attempt("pm_card_threeDSecure2Required")
    waiting = await gateway.charge(charged)
    assert waiting.intent_id is not None

    first, again = [await gateway.cancel(waiting.intent_id) for _ in range(2)]

    assert (first.state, first.amount) == (AttemptState.CANCELED, AMOUNT)
    assert again.state is AttemptState.CANCELED
    assert [movement for movement, _ in await provider.ledger(public_id(charged))] == ["cancel"]


async def test_canceling_what_has_been_paid_tells_so(gateway: StripeGateway, provider: Provider) -> None:
    charged = attempt()
    paid = await gateway.charge(charged)
    assert paid.intent_id is not None

    outcome = await gateway.cancel(paid.intent_id)

    assert outcome.state is AttemptState.SUCCEEDED
    assert await provider.ledger(public_id(charged)) == [("charge_succeeded", 4_090)]


# ------------------------------------------------------------------------------------------------ finding


async def test_a_payment_is_found_by_its_attempt(gateway: StripeGateway) -> None:
    paid, declined, unknown = attempt(), attempt("pm_card_visa_chargeDeclined"), attempt()
    outcomes = [await gateway.charge(each) for each in (paid, declined)]

    found = [await gateway.find(each) for each in (paid, declined, unknown)]

    assert found[0] == outcomes[0]
    assert found[1] is not None
    assert (found[1].state, found[1].intent_id) == (AttemptState.FAILED, outcomes[1].intent_id)
    assert found[2] is None


# ------------------------------------------------------------------------------------------------ once


async def test_the_same_attempt_charged_again_is_the_same_payment(gateway: StripeGateway, provider: Provider) -> None:
    charged = attempt()

    outcomes = [await gateway.charge(charged) for _ in range(3)]

    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert await provider.ledger(public_id(charged)) == [("charge_succeeded", 4_090)]


async def test_a_declined_attempt_charged_again_stays_declined(gateway: StripeGateway, provider: Provider) -> None:
    charged = attempt("pm_card_visa_chargeDeclined")

    first, again = [await gateway.charge(charged) for _ in range(2)]

    assert first == again
    assert await provider.ledger(public_id(charged)) == [("charge_failed", 4_090)]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("mode", "when"),
    [
        ("500", "before"),
        ("503", "before"),
        ("429", "before"),
        ("refuse", "before"),
        ("lost", "after"),
        ("truncate", "after"),
    ],
)
async def test_a_failed_call_is_repeated_with_the_same_key_until_it_is_answered(
    gateway: StripeGateway, provider: Provider, mode: str, when: str
) -> None:
    charged = attempt()
    script = await provider.fault(mode, when=when, times=2)

    outcome = await gateway.charge(charged)

    requests = await provider.requests(CREATE)
    assert outcome.state is AttemptState.SUCCEEDED
    assert await provider.hits(script) == 2
    assert [request["idempotency_key"] for request in requests] == [str(charged.id)] * 3
    assert await provider.ledger(public_id(charged)) == [("charge_succeeded", 4_090)]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("mode", ["500", "503", "429", "refuse", "lost", "truncate"])
async def test_after_four_calls_without_an_answer_the_outcome_is_unknown(
    gateway: StripeGateway, provider: Provider, mode: str
) -> None:
    charged = attempt()
    await provider.fault(mode, times=None)

    with pytest.raises(PaymentsUnavailable):
        await gateway.charge(charged)

    requests = await provider.requests(CREATE)
    assert [request["idempotency_key"] for request in requests] == [str(charged.id)] * 4
    await provider.heal()
    assert (await gateway.charge(charged)).state is AttemptState.SUCCEEDED
    assert await provider.ledger(public_id(charged)) == [("charge_succeeded", 4_090)]


async def test_a_provider_that_asks_for_a_longer_pause_than_a_buyer_waits_is_not_waited_for(
    gateway: StripeGateway, provider: Provider
) -> None:
    await provider.fault("429", retry_after_seconds=3_600)

    async with asyncio.timeout(NO_WAITING):
        with pytest.raises(PaymentsUnavailable) as refusal:
            await gateway.charge(attempt())

    assert refusal.value.may_have_run is False
    assert [request["status"] for request in await provider.requests(CREATE)] == [429]


async def test_a_call_that_is_under_way_already_is_waited_for(emulator_url: str, provider: Provider) -> None:
    gateway = StripeGateway("sk_test_emulator", base_url=emulator_url)  # its waits add up to two seconds at least
    charged = attempt()
    script = await provider.fault("slow", when="during", seconds=0.5)
    first = asyncio.create_task(gateway.charge(charged))
    async with asyncio.timeout(NO_WAITING):
        while not await provider.hits(script):  # noqa: ASYNC110  what changes is in another process
            await asyncio.sleep(0.01)

    second = await gateway.charge(charged)

    assert second == await first
    statuses = [request["status"] for request in await provider.requests(CREATE)]
    assert 409 in statuses
    assert await provider.ledger(public_id(charged)) == [("charge_succeeded", 4_090)]
    await gateway.close()


async def test_a_provider_that_never_answers_is_given_up_after_three_seconds_a_call(
    emulator_url: str, provider: Provider
) -> None:
    impatient = StripeGateway("sk_test_emulator", base_url=emulator_url, policy=RetryPolicy(retries=0))
    charged = attempt()
    await provider.fault("hang", when="after", seconds=600)

    async with asyncio.timeout(NO_WAITING):
        with pytest.raises(PaymentsUnavailable):
            await impatient.charge(charged)

    await provider.heal()
    assert (await impatient.charge(charged)).state is AttemptState.SUCCEEDED
    assert await provider.ledger(public_id(charged)) == [("charge_succeeded", 4_090)]
    await impatient.close()


@pytest.mark.usefixtures("at_once")
async def test_nobody_listening_is_an_unknown_outcome() -> None:
    nowhere = StripeGateway("sk_test_x", base_url="http://127.0.0.1:1", policy=RetryPolicy(retries=1))

    for call in (nowhere.charge(attempt()), nowhere.look_up("pi_1"), nowhere.cancel("pi_1"), nowhere.find(attempt())):
        with pytest.raises(PaymentsUnavailable):
            await call
    await nowhere.close()


async def test_a_key_that_stripe_refuses_is_an_outage_and_is_not_repeated(
    emulator_url: str, provider: Provider
) -> None:
    stranger = StripeGateway("not_a_key", base_url=emulator_url, policy=QUICK)

    with pytest.raises(PaymentsUnavailable):
        await stranger.charge(attempt())

    assert [request["status"] for request in await provider.requests(CREATE)] == [401]
    await stranger.close()


async def test_a_key_that_comes_with_other_parameters_charges_nothing_more(
    gateway: StripeGateway, provider: Provider
) -> None:
    charged = attempt()
    await gateway.charge(charged)

    with pytest.raises(PaymentsUnavailable):
        await gateway.charge(replace(charged, amount=Money(1, Currency("USD"))))

    assert await provider.ledger(public_id(charged)) == [("charge_succeeded", 4_090)]


@pytest.mark.usefixtures("at_once")
async def test_looking_up_is_repeated_too(gateway: StripeGateway, provider: Provider) -> None:
    paid = await gateway.charge(attempt())
    assert paid.intent_id is not None
    script = await provider.fault("503", match="GET /v1/payment_intents/.*", times=2)

    found = await gateway.look_up(paid.intent_id)

    assert found == paid
    assert await provider.hits(script) == 2


async def test_parallel_payments_do_not_mix(gateway: StripeGateway, provider: Provider) -> None:
    cards = ["pm_card_visa", "pm_card_mastercard", "pm_card_visa_chargeDeclined", "pm_card_threeDSecure2Required"] * 5
    attempts = [attempt(card, amount=Money(1_000 + number, Currency("USD"))) for number, card in enumerate(cards)]

    outcomes = await asyncio.gather(*map(gateway.charge, attempts))

    expected = [AttemptState.SUCCEEDED, AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.ACTION_REQUIRED] * 5
    assert [outcome.state for outcome in outcomes] == expected
    assert [outcome.amount for outcome in outcomes] == [each.amount for each in attempts]
    ledgers = [await provider.ledger(public_id(each)) for each in attempts]
    assert ledgers[0::4] == [[("charge_succeeded", each.amount.minor)] for each in attempts[0::4]]


async def test_what_is_sent_names_the_attempt_and_never_a_card(emulator_url: str, gateway: StripeGateway) -> None:
    charged = attempt()
    outcome = await gateway.charge(charged)

    async with httpx.AsyncClient(base_url=emulator_url, trust_env=False) as client:
        answer = await client.get(
            f"/v1/payment_intents/{outcome.intent_id}", headers={"authorization": "Bearer sk_test_emulator"}
        )

    intent = answer.json()
    assert intent["metadata"] == {"attempt_id": str(charged.id), "order_id": str(charged.order_id)}
    assert (intent["receipt_email"], intent["amount"], intent["currency"]) == ("ada@example.com", 4_090, "usd")
