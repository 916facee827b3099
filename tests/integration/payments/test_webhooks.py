"""Webhooks over HTTP: stored once with their effect, in any order, any number of times, before or after the answer."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import httpx
import pytest
import stripe
from sqlalchemy import text

from app.cart.repository import SqlCarts
from app.checkout.receive_event import APPLY_EVENT, TRIES
from app.core.ids import AttemptId, decode
from app.payments.domain import AttemptState, PaymentOutcome
from app.payments.events import EventState
from app.worker.kinds import job_kinds
from tests.conftest import Servers
from tests.provider_stand import PATH, WEBHOOK_SECRET, ProviderStand, provider_stand
from tests.shopkeeping import ManualClock, Stocked

_numbers = itertools.count(1)
PAID = ("confirmed", "paid")


@pytest.fixture(scope="module")
async def module_stand(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory, clock: ManualClock
) -> AsyncIterator[ProviderStand]:
    async with provider_stand(servers, tmp_path_factory.mktemp("webhooks"), "webhooks", clock) as stand:
        yield stand


@pytest.fixture
async def stand(module_stand: ProviderStand) -> AsyncIterator[ProviderStand]:
    """A shop without findings and without faults."""
    yield module_stand
    await module_stand.provider.heal()
    await module_stand.until_delivered()
    await module_stand.execute("DELETE FROM payment_finding")


@pytest.fixture
async def mug(stand: ProviderStand) -> Stocked:
    return await stand.keeper.stock("Mug", on_hand=100, price="18.00")


async def bought(stand: ProviderStand, mug: Stocked, pay: str = "pm_card_visa") -> Any:
    """What `checkoutComplete` says to a cart with two mugs."""
    return await stand.api.checkout(await stand.api.ready_cart((mug.variant_id, 2)), pay=pay)


async def order_of(stand: ProviderStand, outcome: Any) -> Any:
    query = "query ($t: String!) { order(by: {accessToken: $t}) { number status paymentStatus timeline { kind } } }"
    return (await stand.api.data(query, t=outcome["orderAccessToken"]))["order"]


def fresh(event: dict[str, Any]) -> dict[str, Any]:
    """The same happening as another event."""
    return {**event, "id": f"evt_fresh_{next(_numbers)}"}


def ping(event_id: str) -> dict[str, Any]:
    """An event that says nothing."""
    values = {"id": event_id, "object": "event", "type": "ping", "created": 1, "livemode": False}
    return {**values, "data": {"object": {}}}


async def post(stand: ProviderStand, body: dict[str, Any] | bytes, signature: str | None = None) -> httpx.Response:
    """Send an event as the provider would, now."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    if signature is None:
        at = int(stand.shop.clock.now().timestamp())
        signature = stripe.WebhookSignature.generate_signature_header(raw.decode(), WEBHOOK_SECRET, at)
    return await stand.api.http.post(PATH, content=raw, headers={"stripe-signature": signature})


async def events_of(stand: ProviderStand, outcome: Any, *types: str) -> list[dict[str, Any]]:
    """The provider's events about an order's payment."""
    attempt_id = str(decode(outcome["attempt"]["id"])[1])
    return [
        event
        for event in await stand.provider_events(*types)
        if event["data"]["object"].get("metadata", {}).get("attempt_id") == attempt_id
    ]


async def stored(stand: ProviderStand, event_id: str) -> list[tuple[str, int]]:
    """State and tries of an event; empty where it is not stored."""
    return [
        tuple(row) for row in await stand.rows("SELECT state, tries FROM payment_event WHERE id = :id", id=event_id)
    ]


# ------------------------------------------------------------------------------------------------ what they settle


async def test_a_payment_that_the_bank_confirmed_is_settled_without_the_worker(
    stand: ProviderStand, mug: Stocked
) -> None:
    waiting = await bought(stand, mug, "pm_card_threeDSecure2Required")
    before = await order_of(stand, waiting)

    await stand.provider.answer_bank(waiting["clientSecret"], "succeed")
    await stand.until_delivered()

    order = await order_of(stand, waiting)
    assert (before["status"], before["paymentStatus"]) == ("PENDING", "ACTION_REQUIRED")
    assert (order["status"], order["paymentStatus"]) == ("CONFIRMED", "PAID")
    assert [event["kind"] for event in order["timeline"]] == ["placed", "payment_action_required", "paid"]
    assert await stand.keeper.level(mug.variant_id) == (98, 0)
    card = "SELECT card_brand, card_last4 FROM payment_attempt WHERE id = :id"
    assert await stand.rows(card, id=decode(waiting["attempt"]["id"])[1]) == [("visa", "3220")]


@pytest.mark.parametrize("outcome", ["succeed", "fail"])
async def test_a_bank_that_lets_everybody_wait_is_heard(stand: ProviderStand, mug: Stocked, outcome: str) -> None:
    await stand.provider.fault("processing")
    waiting = await bought(stand, mug)

    await stand.provider.settle(waiting["attempt"]["id"], outcome)
    await stand.until_delivered()
    await stand.shop.check_payments()

    order = await order_of(stand, waiting)
    expected = ("CONFIRMED", "PAID") if outcome == "succeed" else ("CANCELED", "FAILED")
    assert (order["status"], order["paymentStatus"]) == expected
    assert await stand.keeper.level(mug.variant_id) == ((98, 0) if outcome == "succeed" else (100, 0))


async def test_a_payment_that_failed_at_the_bank_is_ended_at_the_provider_and_keeps_its_reason(
    stand: ProviderStand, mug: Stocked
) -> None:
    waiting = await bought(stand, mug, "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")
    await stand.provider.answer_bank(waiting["clientSecret"], "succeed")
    await stand.until_delivered()
    heard = await stand.attempt(waiting["attempt"]["id"])

    assert await stand.shop.check_payments() == 1  # due at once, by the event
    await stand.until_delivered()

    assert heard[0] == "action_required"
    query = "SELECT state, decline_code, failure_message FROM payment_attempt WHERE id = :id"
    assert await stand.rows(query, id=decode(waiting["attempt"]["id"])[1]) == [
        ("failed", "insufficient_funds", "Your card has insufficient funds.")
    ]
    assert (await order_of(stand, waiting))["paymentStatus"] == "FAILED"
    assert await stand.keeper.level(mug.variant_id) == (100, 0)


async def test_the_event_that_a_payment_was_ended_may_come_before_we_know_that_it_failed(
    stand: ProviderStand, mug: Stocked
) -> None:
    await stand.fault("hold", r"payment_intent\.payment_failed")
    waiting = await bought(stand, mug, "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")
    await stand.provider.answer_bank(waiting["clientSecret"], "succeed")
    intent_id = (await stand.attempt(waiting["attempt"]["id"]))[1]
    assert intent_id is not None

    await stand.shop.gateway.cancel(intent_id)
    await stand.until_delivered()

    query = "SELECT state, decline_code FROM payment_attempt WHERE intent_id = :id"
    assert await stand.rows(query, id=intent_id) == [("failed", "insufficient_funds")]


@pytest.mark.parametrize("mode", ["slow", "lost"])
async def test_an_event_may_come_before_the_answer_to_the_call(stand: ProviderStand, mug: Stocked, mode: str) -> None:
    await stand.provider.fault(mode, when="after", seconds=0.5)

    outcome = await bought(stand, mug)
    await stand.until_delivered()
    await stand.settle_all(stand.shop.clock)  # type: ignore[arg-type]

    order = await order_of(stand, outcome)
    assert (order["status"], order["paymentStatus"]) == ("CONFIRMED", "PAID")
    assert [event["kind"] for event in order["timeline"]].count("paid") == 1
    assert await stand.provider.ledger(outcome["attempt"]["id"]) == [("charge_succeeded", 4_090)]
    card = "SELECT card_brand, card_last4 FROM payment_attempt WHERE id = :id"
    assert await stand.rows(card, id=decode(outcome["attempt"]["id"])[1]) == [("visa", "4242")]


# ------------------------------------------------------------------------------------------------ how often, when


@pytest.mark.parametrize("seed", range(12))
async def test_any_order_and_any_number_of_events_have_the_same_effect(
    stand: ProviderStand, mug: Stocked, seed: int
) -> None:
    chance = Random(seed)
    await stand.fault("drop")
    waiting = await bought(stand, mug, "pm_card_threeDSecure2Required")
    await stand.provider.answer_bank(waiting["clientSecret"], "succeed")
    events = await events_of(stand, waiting)
    twins = [fresh(chance.choice(events)) for _ in range(3)]
    sent = [*events, *twins, *chance.choices(events, k=3)]
    chance.shuffle(sent)

    answers = [(await post(stand, event)).status_code for event in sent]
    await stand.settle_all(stand.shop.clock)  # type: ignore[arg-type]

    assert set(answers) == {200}
    assert {event["type"] for event in events} >= {"payment_intent.requires_action", "payment_intent.succeeded"}
    order = await order_of(stand, waiting)
    assert (order["status"], order["paymentStatus"]) == ("CONFIRMED", "PAID")
    assert [event["kind"] for event in order["timeline"]].count("paid") == 1
    assert await stand.keeper.level(mug.variant_id) == (98, 0)
    assert await stand.rows("SELECT kind, detail FROM payment_finding") == []


async def test_copies_that_come_together_have_one_effect(stand: ProviderStand, mug: Stocked) -> None:
    await stand.fault("drop")
    waiting = await bought(stand, mug, "pm_card_threeDSecure2Required")
    await stand.provider.answer_bank(waiting["clientSecret"], "succeed")
    [succeeded] = await events_of(stand, waiting, "payment_intent.succeeded")
    twins = [fresh(succeeded) for _ in range(3)]

    answers = await asyncio.gather(*(post(stand, event) for event in [succeeded] * 5 + twins))

    assert {answer.status_code for answer in answers} <= {200, 503}  # 503: the lock did not come in time
    assert [(await post(stand, event)).status_code for event in (succeeded, *twins)] == [200] * 4
    states = [(await stored(stand, event["id"]))[0][0] for event in (succeeded, *twins)]
    assert sorted(states) == ["applied", "ignored", "ignored", "ignored"]
    assert [event["kind"] for event in (await order_of(stand, waiting))["timeline"]].count("paid") == 1
    assert await stand.keeper.level(mug.variant_id) == (98, 0)


async def test_what_is_said_after_the_end_changes_nothing(stand: ProviderStand, mug: Stocked) -> None:
    await stand.fault("hold", r"payment_intent\.(created|requires_action)")
    waiting = await bought(stand, mug, "pm_card_threeDSecure2Required")
    await stand.provider.answer_bank(waiting["clientSecret"], "succeed")
    await stand.until_delivered()
    before = await order_of(stand, waiting)

    await stand.control("webhooks/release")
    await stand.until_delivered()

    [late] = await events_of(stand, waiting, "payment_intent.requires_action")
    assert await stored(stand, late["id"]) == [("ignored", 0)]
    assert await order_of(stand, waiting) == before
    assert before["status"] == "CONFIRMED"


async def test_an_event_that_could_not_be_stored_is_sent_again(stand: ProviderStand, mug: Stocked) -> None:
    await stand.fault("drop")
    waiting = await bought(stand, mug, "pm_card_threeDSecure2Required")
    await stand.provider.answer_bank(waiting["clientSecret"], "succeed")
    [succeeded] = await events_of(stand, waiting, "payment_intent.succeeded")
    query = "SELECT cart_id FROM payment_attempt WHERE id = :id"
    [(cart_id,)] = await stand.rows(query, id=decode(waiting["attempt"]["id"])[1])

    async with stand.shop.database.write() as connection:
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # however long that takes
        await SqlCarts(connection).hold(cart_id)
        refused = await post(stand, succeeded)
        left = await stored(stand, succeeded["id"])
    again = await post(stand, succeeded)

    assert (refused.status_code, left) == (503, [])
    assert refused.headers["retry-after"]
    assert (again.status_code, await stored(stand, succeeded["id"])) == (200, [("applied", 0)])
    assert (await order_of(stand, waiting))["status"] == "CONFIRMED"


# ------------------------------------------------------------------------------------------------ who is believed


async def test_what_is_not_signed_is_refused_without_a_trace(stand: ProviderStand, mug: Stocked) -> None:
    await stand.fault("drop")
    waiting = await bought(stand, mug, "pm_card_threeDSecure2Required")
    await stand.provider.answer_bank(waiting["clientSecret"], "succeed")
    [event] = await events_of(stand, waiting, "payment_intent.succeeded")
    raw = json.dumps(event).encode()
    now = int(stand.shop.clock.now().timestamp())

    def signature(secret: str = WEBHOOK_SECRET, at: int = now) -> str:
        return str(stripe.WebhookSignature.generate_signature_header(raw.decode(), secret, at))

    wrong = ["", signature("whsec_other"), signature(at=now - 301), signature(at=now + 400), "t=1,v1=x", signature()]
    answers = [await post(stand, raw + (b" " if place == 5 else b""), each) for place, each in enumerate(wrong)]

    assert {(answer.status_code, answer.text) for answer in answers} == {
        (400, "This is not an event of the payment provider.\n")
    }
    assert await stored(stand, event["id"]) == []
    assert (await order_of(stand, waiting))["status"] == "PENDING"


async def test_an_event_of_real_payments_is_refused_by_a_shop_that_takes_none(stand: ProviderStand) -> None:
    answer = await post(stand, {**ping("evt_live"), "livemode": True})

    assert (answer.status_code, "other mode" in answer.text) == (400, True)
    assert await stored(stand, "evt_live") == []


async def test_what_is_no_event_at_all_is_refused(stand: ProviderStand) -> None:
    http = stand.api.http

    assert (await http.get(PATH)).status_code == 405
    assert (await http.post(PATH, content=b"x" * 500_001)).status_code == 413
    assert (await post(stand, b'{"object": "event"}')).status_code == 400


async def test_an_event_that_the_shop_does_not_care_for_is_taken(stand: ProviderStand) -> None:
    assert (await post(stand, ping("evt_ping"))).status_code == 200
    assert await stored(stand, "evt_ping") == [("ignored", 0)]


# ------------------------------------------------------------------------------------------------ what is not known


async def lost_attempt(stand: ProviderStand, mug: Stocked) -> tuple[Any, str]:
    """A payment whose attempt is not there when its event comes; the event's id."""
    await stand.fault("hold")
    waiting = await bought(stand, mug, "pm_card_threeDSecure2Required")
    await stand.provider.answer_bank(waiting["clientSecret"], "succeed")
    [event] = await events_of(stand, waiting, "payment_intent.succeeded")
    hide = "UPDATE payment_attempt SET id = :other, intent_id = NULL WHERE id = :id"
    key = decode(waiting["attempt"]["id"])[1]
    await stand.execute(hide, id=key, other=UUID(int=key.int ^ 1))
    assert (await post(stand, event)).status_code == 200
    assert await stored(stand, event["id"]) == [("parked", 0)]
    return waiting, event["id"]


async def found_again(stand: ProviderStand, waiting: Any) -> None:
    key = decode(waiting["attempt"]["id"])[1]
    found = "UPDATE payment_attempt SET id = :id WHERE id = :other"
    await stand.execute(found, id=key, other=UUID(int=key.int ^ 1))


async def test_an_event_about_an_unknown_payment_is_parked_until_it_is_known(
    stand: ProviderStand, mug: Stocked
) -> None:
    waiting, event_id = await lost_attempt(stand, mug)
    retry = stand.shop.provider_desk.retry_event

    first = await retry(event_id)
    await found_again(stand, waiting)
    second = await retry(event_id)

    assert (first, second) == (EventState.PARKED, EventState.APPLIED)
    assert await stored(stand, event_id) == [("applied", 2)]
    assert (await order_of(stand, waiting))["status"] == "CONFIRMED"
    assert await retry(event_id) is None


async def test_an_event_that_stays_unknown_is_dead_in_the_end_and_can_still_be_tried(
    stand: ProviderStand, mug: Stocked
) -> None:
    waiting, event_id = await lost_attempt(stand, mug)
    retry = stand.shop.provider_desk.retry_event

    states = [await retry(event_id) for _ in range(TRIES)]
    metrics = (await stand.api.http.get("/metrics")).text
    still_dead = await retry(event_id)
    await found_again(stand, waiting)

    assert states == [EventState.PARKED] * (TRIES - 1) + [EventState.DEAD]
    assert 'cartograph_payment_events_waiting{state="dead"} 1.0' in metrics
    assert still_dead is EventState.DEAD
    assert await retry(event_id) is EventState.APPLIED
    assert (await order_of(stand, waiting))["status"] == "CONFIRMED"


async def test_a_parked_event_has_a_job_that_comes_later_and_later(
    stand: ProviderStand, mug: Stocked, clock: ManualClock
) -> None:
    waiting, event_id = await lost_attempt(stand, mug)
    kinds = job_kinds(
        stand.shop.check_payments, stand.shop.refund_payment, stand.shop.provider_desk.retry_event, stand.shop.send_mail
    )
    [handle] = [kind.handle for kind in kinds if kind.name == APPLY_EVENT]
    query = "SELECT payload, execute_after FROM jobs.job WHERE entrypoint = :kind AND dedupe_key = :key"
    pauses = []
    for _ in range(4):
        [(payload, due_at)] = await stand.rows(query, kind=APPLY_EVENT, key=f"{APPLY_EVENT}:{event_id}")
        pauses.append(round((due_at - clock.now()).total_seconds() / 60))
        await stand.execute("DELETE FROM jobs.job WHERE entrypoint = 'apply_payment_event'")  # the worker has taken it
        await handle(json.loads(payload))
    await found_again(stand, waiting)
    await handle({"event": event_id})

    assert pauses == [1, 2, 4, 8]
    assert await stored(stand, event_id) == [("applied", 5)]


async def test_workers_that_try_one_event_together_have_one_effect(stand: ProviderStand, mug: Stocked) -> None:
    waiting, event_id = await lost_attempt(stand, mug)
    await found_again(stand, waiting)

    await asyncio.gather(*(stand.shop.provider_desk.retry_event(event_id) for _ in range(4)))

    assert (await stored(stand, event_id))[0][0] == "applied"
    assert [event["kind"] for event in (await order_of(stand, waiting))["timeline"]].count("paid") == 1


async def test_old_events_are_forgotten_and_those_that_wait_are_not(
    stand: ProviderStand, mug: Stocked, clock: ManualClock
) -> None:
    _, event_id = await lost_attempt(stand, mug)
    await post(stand, ping("evt_old"))

    with clock.turned(timedelta(days=31)):
        assert await stand.shop.provider_desk.forget_events() > 0

    assert await stored(stand, "evt_old") == []
    assert await stored(stand, event_id) == [("parked", 0)]


# ------------------------------------------------------------------------------------------------ what is not settled


async def test_another_amount_is_never_settled_and_kept_for_a_person(stand: ProviderStand, mug: Stocked) -> None:
    await stand.fault("drop")
    waiting = await bought(stand, mug, "pm_card_threeDSecure2Required")
    await stand.provider.answer_bank(waiting["clientSecret"], "succeed")
    [event] = await events_of(stand, waiting, "payment_intent.succeeded")
    event["data"]["object"]["amount"] = 4_091

    first, second = await post(stand, event), await post(stand, fresh(event))

    assert (first.status_code, second.status_code) == (200, 200)
    assert await stored(stand, event["id"]) == [("dead", 0)]
    assert (await order_of(stand, waiting))["status"] == "PENDING"
    [(kind, detail)] = await stand.rows("SELECT kind, detail FROM payment_finding")
    assert (kind, detail) == (
        "amount_differs",
        "the attempt is for 40.90 USD, the provider says 40.91 USD (succeeded)",
    )
    assert 'cartograph_payment_findings_open{kind="amount_differs"} 1.0' in (await stand.api.http.get("/metrics")).text


async def test_a_second_payment_of_one_attempt_is_kept_for_a_person(stand: ProviderStand, mug: Stocked) -> None:
    paid = await bought(stand, mug)
    await stand.until_delivered()
    [event] = await events_of(stand, paid, "payment_intent.succeeded")
    second = fresh(event)
    second["data"] = {"object": {**event["data"]["object"], "id": "pi_second"}}

    assert (await post(stand, second)).status_code == 200

    assert await stored(stand, second["id"]) == [("dead", 0)]
    assert await stand.rows("SELECT kind, subject FROM payment_finding") == [("second_payment", "pi_second")]


# ------------------------------------------------------------------------------------------------ refunds


async def refund_at_provider(stand: ProviderStand, intent_id: str | None, amount: int, **metadata: str) -> Any:
    """Somebody gives money back at the provider."""
    values = {"payment_intent": str(intent_id), "amount": str(amount)}
    values |= {f"metadata[{name}]": value for name, value in metadata.items()}
    headers = {"authorization": "Bearer sk_test_emulator"}
    answer = await stand.provider.http.post("/v1/refunds", data=values, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refunds_of(stand: ProviderStand, intent_id: str | None) -> list[tuple[Any, ...]]:
    query = "SELECT state, amount_minor, provider_id FROM refund WHERE intent_id = :id ORDER BY created_at"
    return await stand.rows(query, id=intent_id)


async def test_a_refund_that_was_made_at_the_provider_is_the_orders_too(stand: ProviderStand, mug: Stocked) -> None:
    paid = await bought(stand, mug)
    await stand.until_delivered()
    _, intent_id = await stand.attempt(paid["attempt"]["id"])

    part = await refund_at_provider(stand, intent_id, 1_000)
    await stand.until_delivered()
    partly = await order_of(stand, paid)
    rest = await refund_at_provider(stand, intent_id, 3_090)
    await stand.until_delivered()

    assert (partly["status"], partly["paymentStatus"]) == ("CONFIRMED", "PARTIALLY_REFUNDED")
    assert (await order_of(stand, paid))["paymentStatus"] == "REFUNDED"
    assert await refunds_of(stand, intent_id) == [("succeeded", 1_000, part["id"]), ("succeeded", 3_090, rest["id"])]


@pytest.mark.parametrize("seed", range(6))
async def test_events_of_a_refund_have_one_effect_in_whatever_order_they_come(
    stand: ProviderStand, mug: Stocked, seed: int
) -> None:
    paid = await bought(stand, mug, "pm_card_refundFail")
    await stand.until_delivered()
    _, intent_id = await stand.attempt(paid["attempt"]["id"])
    await stand.fault("drop")
    made = await refund_at_provider(stand, intent_id, 4_090)
    await stand.control(f"refunds/{made['id']}/settle", {"outcome": "fail"})
    types = [f"refund.{name}" for name in ("created", "updated", "failed")]
    events = [event for event in await stand.provider_events(*types) if event["data"]["object"]["id"] == made["id"]]
    sent = [*events, *map(fresh, events)]
    Random(seed).shuffle(sent)

    answers = [(await post(stand, event)).status_code for event in sent]

    assert (len(events), set(answers)) == (3, {200})
    assert await refunds_of(stand, intent_id) == [("failed", 4_090, made["id"])]
    assert (await order_of(stand, paid))["paymentStatus"] == "PAID"


async def test_a_refund_of_an_unknown_payment_waits_until_it_is_known(stand: ProviderStand, mug: Stocked) -> None:
    paid = await bought(stand, mug)
    await stand.until_delivered()
    attempt_id, (_, intent_id) = decode(paid["attempt"]["id"])[1], await stand.attempt(paid["attempt"]["id"])
    await stand.execute("UPDATE payment_attempt SET intent_id = NULL WHERE id = :id", id=attempt_id)
    made = await refund_at_provider(stand, intent_id, 1_000)
    await stand.until_delivered()
    query = "SELECT id, state FROM payment_event WHERE intent_id = :id AND type = 'refund.created'"
    [(event_id, parked)] = await stand.rows(query, id=intent_id)

    still = await stand.shop.provider_desk.retry_event(event_id)
    values = {"id": attempt_id, "intent_id": intent_id}
    await stand.execute("UPDATE payment_attempt SET intent_id = :intent_id WHERE id = :id", **values)
    applied = await stand.shop.provider_desk.retry_event(event_id)

    assert (parked, still, applied) == ("parked", EventState.PARKED, EventState.APPLIED)
    assert await refunds_of(stand, intent_id) == [("succeeded", 1_000, made["id"])]


async def test_a_payment_for_an_order_that_has_ended_is_given_back_once(
    stand: ProviderStand, mug: Stocked, clock: ManualClock
) -> None:
    await stand.fault("drop")
    waiting = await bought(stand, mug, "pm_card_threeDSecure2Required")
    attempt_id = AttemptId(decode(waiting["attempt"]["id"])[1])
    async with stand.shop.transactions.read() as tx:
        attempt = await tx.attempts.find(attempt_id)
    assert attempt is not None
    canceled = PaymentOutcome(AttemptState.CANCELED, attempt.intent_id, attempt.amount)
    await stand.shop.provider_desk.receive_event.settle(attempt_id, canceled)
    await stand.provider.answer_bank(waiting["clientSecret"], "succeed")
    [succeeded] = await events_of(stand, waiting, "payment_intent.succeeded")

    for event in (succeeded, succeeded, fresh(succeeded)):
        assert (await post(stand, event)).status_code == 200
    [(refund_id,)] = await stand.rows("SELECT id FROM refund WHERE attempt_id = :id", id=attempt_id)
    await stand.shop.refund_payment(refund_id)

    assert await stand.provider.ledger(waiting["attempt"]["id"]) == [("charge_succeeded", 4_090), ("refund", 4_090)]
    assert (await order_of(stand, waiting))["status"] == "CANCELED"
    assert await stand.keeper.level(mug.variant_id) == (100, 0)


# ------------------------------------------------------------------------------------------------ disputes


async def test_a_dispute_is_recorded_for_staff_and_not_shown_to_the_buyer(stand: ProviderStand, mug: Stocked) -> None:
    paid = await bought(stand, mug, "pm_card_createDispute")
    await stand.until_delivered()

    [(dispute, order_id)] = [row for row in await _disputes(stand) if row[0].status == "needs_response"]
    metrics = (await stand.api.http.get("/metrics")).text
    await stand.control(f"disputes/{dispute.id}/close", {"outcome": "lost"})
    await stand.until_delivered()

    order = await order_of(stand, paid)
    assert (str(dispute.amount), dispute.reason) == ("40.90 USD", "fraudulent")
    assert dispute.due_by is not None
    assert order_id is not None
    assert "cartograph_payment_disputes_open 1.0" in metrics
    assert {row[0].id: row[0].status for row in await _disputes(stand)}[dispute.id] == "lost"
    assert (order["status"], [event["kind"] for event in order["timeline"]]) == ("CONFIRMED", ["placed", "paid"])


@pytest.mark.parametrize("seed", range(6))
async def test_disputes_end_the_same_in_whatever_order_their_events_come(
    stand: ProviderStand, mug: Stocked, seed: int
) -> None:
    await stand.fault("drop")
    await bought(stand, mug, "pm_card_createDispute")
    [opened] = (await stand.provider_events("charge.dispute.created"))[-1:]
    dispute_id = opened["data"]["object"]["id"]
    await stand.control(f"disputes/{dispute_id}/close", {"outcome": "won"})
    types = [f"charge.dispute.{name}" for name in ("created", "funds_withdrawn", "closed", "funds_reinstated")]
    events = [event for event in await stand.provider_events(*types) if event["data"]["object"]["id"] == dispute_id]
    sent = [*events, *map(fresh, events)]
    Random(seed).shuffle(sent)

    answers = [(await post(stand, event)).status_code for event in sent]

    assert (len(events), set(answers)) == (4, {200})
    assert {row[0].id: row[0].status for row in await _disputes(stand)}[dispute_id] == "won"


async def _disputes(stand: ProviderStand) -> list[Any]:
    async with stand.shop.transactions.read() as tx:
        return list(await tx.disputes.list(limit=100))
