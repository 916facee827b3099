"""Idempotency keys: the same answer for the same request, whatever the answer was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import stripe

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]
CREATE = "POST /v1/payment_intents"


async def test_a_repeated_request_is_answered_and_not_executed(pay: Pay, emulator: Emulator) -> None:
    first = await pay(key="repeat-1")
    second = await pay(key="repeat-1")

    assert second.id == first.id
    assert first.last_response.body == second.last_response.body
    assert "idempotent-replayed" not in first.last_response.headers
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert second.last_response.headers["original-request"] == first.last_response.headers["request-id"]
    assert await emulator.ledger(first.id) == [("charge_succeeded", 2000)]


async def test_a_decline_is_repeated_too(pay: Pay, emulator: Emulator) -> None:
    refusals = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refusal:
            await pay("pm_card_chargeDeclined", key="repeat-2")
        refusals.append(refusal.value)

    assert refusals[0].http_body == refusals[1].http_body
    assert refusals[1].headers["idempotent-replayed"] == "true"
    assert await emulator.ledger(refusals[0].error.payment_intent.id) == [("charge_failed", 2000)]


async def test_a_key_belongs_to_its_parameters(pay: Pay, emulator: Emulator) -> None:
    paid = await pay(key="misuse-1")

    with pytest.raises(stripe.IdempotencyError) as refusal:
        await pay(key="misuse-1", amount=2001)

    assert (refusal.value.http_status, refusal.value.error.type) == (400, "idempotency_error")
    assert "same parameters" in str(refusal.value)
    assert (await pay(key="misuse-1")).id == paid.id
    assert await emulator.ledger(paid.id) == [("charge_succeeded", 2000)]


async def test_a_key_belongs_to_its_endpoint(pay: Pay, api: stripe.V1Services) -> None:
    await pay(key="misuse-2")

    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        await api.customers.create_async({"name": "Ada"}, {"idempotency_key": "misuse-2"})


async def test_the_order_of_parameters_does_not_matter(emulator: Emulator) -> None:
    headers = {"Authorization": "Bearer sk_test_order", "Idempotency-Key": "order-1"}
    type_ = {"Content-Type": "application/x-www-form-urlencoded"}
    answers = [
        await emulator.raw("POST", "/v1/customers", headers=headers | type_, content=content)
        for content in ("name=Ada&metadata[a]=1", "metadata%5Ba%5D=1&name=Ada")
    ]

    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotent-replayed"] == "true"


async def test_each_api_key_has_its_own_keys(emulator: Emulator, connect: Callable[..., stripe.StripeClient]) -> None:
    params, options = {"name": "Ada"}, {"idempotency_key": "same-name"}

    one = await connect(emulator, "sk_test_one").v1.customers.create_async(params, options)
    two = await connect(emulator, "sk_test_two").v1.customers.create_async(params, options)

    assert one.id != two.id


async def test_a_key_is_in_use_until_its_request_is_answered(pay: Pay, emulator: Emulator) -> None:
    fault = await emulator.fault(mode="slow", when="during", match=CREATE, seconds=3600)
    first = asyncio.create_task(pay(key="at-once"))
    await emulator.until_hit(fault)

    with pytest.raises(stripe.APIError) as second:
        await pay(key="at-once")
    with pytest.raises(stripe.IdempotencyError):
        await pay(key="at-once", amount=1)
    assert not first.done()
    await emulator.control("DELETE", "faults")

    assert (second.value.http_status, second.value.error.code) == (409, "idempotency_key_in_use")
    assert second.value.error.type == "idempotency_error"
    assert (await pay(key="at-once")).id == (await first).id
    assert await emulator.ledger((await first).id) == [("charge_succeeded", 2000)]


async def test_many_at_once_charge_once(pay: Pay, emulator: Emulator) -> None:
    outcomes = await asyncio.gather(*(pay(key="stampede") for _ in range(20)), return_exceptions=True)

    paid = {outcome.id for outcome in outcomes if isinstance(outcome, stripe.PaymentIntent)}
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(paid) == 1
    assert [error.http_status for error in refused] == [409] * len(refused)
    assert await emulator.ledger(paid.pop()) == [("charge_succeeded", 2000)]


async def test_a_malformed_request_leaves_its_key_free(pay: Pay) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await pay(key="free-1", amount=1)

    assert (await pay(key="free-1")).status == "succeeded"


async def test_a_request_that_makes_no_sense_now_keeps_its_key(pay: Pay, api: stripe.V1Services) -> None:
    paid = await pay()

    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            await api.payment_intents.cancel_async(paid.id, options={"idempotency_key": "kept-1"})

    assert refusal.value.headers["idempotent-replayed"] == "true"


async def test_a_key_is_forgotten_after_a_day(
    timed_emulator: Emulator, connect: Callable[..., stripe.StripeClient]
) -> None:
    create = connect(timed_emulator).v1.customers.create_async
    first = await create({"name": "Ada"}, {"idempotency_key": "day"})

    await timed_emulator.advance(24 * 3600 - 60)
    same = await create({"name": "Ada"}, {"idempotency_key": "day"})
    await timed_emulator.advance(60)
    other = await create({"name": "Ada"}, {"idempotency_key": "day"})

    assert same.id == first.id
    assert other.id != first.id


async def test_a_key_that_is_too_long_is_refused(pay: Pay) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        await pay(key="k" * 256)
