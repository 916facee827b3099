"""Webhooks: signed, repeated until accepted, and scripted to misbehave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import stripe

from app.devstack.stripe_emulator.deliveries import sign

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator, Receiver

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]


async def deliveries(emulator: Emulator, intent_url: str) -> list[dict]:
    """What became of the webhooks to one receiver."""
    rows = (await emulator.control("GET", "webhooks"))["deliveries"]
    return [row for row in rows if row["url"] == intent_url]


async def test_a_payment_is_announced_with_stripes_signature(
    pay: Pay, api: stripe.V1Services, receiver: Receiver
) -> None:
    paid = await pay(key="announced", metadata={"order_id": "9"})

    events = await receiver.until(2)

    assert sorted(receiver.types()) == ["payment_intent.created", "payment_intent.succeeded"]
    succeeded = next(event for event in events if event.type == "payment_intent.succeeded")
    assert (succeeded.data.object["id"], succeeded.data.object["status"]) == (paid.id, "succeeded")
    assert succeeded.data.object["metadata"].to_dict() == {"order_id": "9"}
    assert succeeded.request.idempotency_key == "announced"
    assert succeeded.request.id == paid.last_response.headers["request-id"]
    assert succeeded.api_version == stripe.api_version
    assert (await api.events.retrieve_async(succeeded.id)).type == "payment_intent.succeeded"


async def test_a_wrong_secret_or_a_changed_body_does_not_verify(pay: Pay, receiver: Receiver) -> None:
    await pay()
    await receiver.until(1)
    body, header = receiver.received[0]

    for changed, secret in ((body, "whsec_other"), (body.replace(b"2000", b"2001"), receiver.secret)):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(changed, header, secret)


def test_the_signature_is_the_one_that_stripe_python_makes() -> None:
    header = sign(b'{"a": 1}', "whsec_x", at=1_700_000_000)

    assert header == stripe.WebhookSignature.generate_signature_header('{"a": 1}', "whsec_x", 1_700_000_000)


async def test_an_event_is_sent_again_until_it_is_accepted(
    pay: Pay, api: stripe.V1Services, emulator: Emulator, receiver: Receiver
) -> None:
    receiver.refusals = 3
    await pay()

    await receiver.until(5)

    assert Counter(receiver.types()).keys() == {"payment_intent.created", "payment_intent.succeeded"}
    assert len({event.id for event in receiver.events()}) == 2
    await emulator.until_accepted(receiver.url)
    assert sum(row["attempts"] for row in await deliveries(emulator, receiver.url)) == 5
    assert (await api.events.retrieve_async(receiver.events()[0].id)).pending_webhooks == 0


async def test_a_deleted_endpoint_is_left_alone(
    pay: Pay, api: stripe.V1Services, emulator: Emulator, receiver: Receiver
) -> None:
    other = await api.webhook_endpoints.create_async({"url": "http://127.0.0.1:9/gone", "enabled_events": ["*"]})
    await emulator.control("POST", "webhooks/faults", {"mode": "hold", "match": ".*", "times": None})
    await pay()
    await api.webhook_endpoints.delete_async(other.id)
    await emulator.control("POST", "webhooks/release")
    await receiver.until(2)

    gone = await deliveries(emulator, "http://127.0.0.1:9/gone")
    assert {(row["state"], row["attempts"]) for row in gone} == {("given_up", 0)}


async def test_only_wanted_events_are_sent(pay: Pay, api: stripe.V1Services, receiver: Receiver) -> None:
    await api.webhook_endpoints.update_async(receiver.endpoint_id, {"enabled_events": ["payment_intent.succeeded"]})

    await pay()
    await pay()
    await receiver.until(2)

    assert receiver.types() == ["payment_intent.succeeded"] * 2


async def test_a_decline_and_3d_secure_are_announced(pay: Pay, emulator: Emulator, receiver: Receiver) -> None:
    with pytest.raises(stripe.CardError):
        await pay("pm_card_chargeDeclined")
    await receiver.until(2)
    waiting = await pay("pm_card_authenticationRequired")
    await receiver.until(4)
    await emulator.raw("POST", f"/_emulator/3ds/{waiting.id}?outcome=succeed")
    await receiver.until(5)

    assert Counter(receiver.types()) == {
        "payment_intent.created": 2,
        "payment_intent.payment_failed": 1,
        "payment_intent.requires_action": 1,
        "payment_intent.succeeded": 1,
    }
    last = receiver.events()[-1]
    assert (last.type, last.request.id) == ("payment_intent.succeeded", None)


async def test_a_held_event_waits_for_its_release(pay: Pay, emulator: Emulator, receiver: Receiver) -> None:
    await emulator.control("POST", "webhooks/faults", {"mode": "hold", "match": r"payment_intent\.succeeded"})
    await pay()
    await receiver.until(1)

    states = {row["event_type"]: row["state"] for row in await deliveries(emulator, receiver.url)}
    before = receiver.types()
    released = await emulator.control("POST", "webhooks/release")
    await receiver.until(2)

    assert before == ["payment_intent.created"]
    assert states["payment_intent.succeeded"] == "held"
    assert released == {"released": 1}
    assert receiver.types() == ["payment_intent.created", "payment_intent.succeeded"]


async def test_a_delayed_event_comes_late_or_when_it_is_released(
    pay: Pay, emulator: Emulator, receiver: Receiver
) -> None:
    script = {"mode": "delay", "match": r"payment_intent\.created", "seconds": 3600}
    await emulator.control("POST", "webhooks/faults", script)
    await pay()
    await receiver.until(1)
    before = receiver.types()
    await emulator.control("POST", "webhooks/release")
    await receiver.until(2)
    await emulator.control("POST", "webhooks/faults", {**script, "seconds": 0.05})
    await pay()
    await receiver.until(4)

    assert before == ["payment_intent.succeeded"]
    assert Counter(receiver.types()) == {"payment_intent.created": 2, "payment_intent.succeeded": 2}


async def test_a_duplicated_event_comes_again_under_the_same_id(
    pay: Pay, emulator: Emulator, receiver: Receiver
) -> None:
    script = {"mode": "duplicate", "match": r"payment_intent\.succeeded", "copies": 3}
    await emulator.control("POST", "webhooks/faults", script)
    await pay()

    events = await receiver.until(4)

    copies = [event.id for event in events if event.type == "payment_intent.succeeded"]
    assert (len(copies), len(set(copies))) == (3, 1)


async def test_a_duplicated_event_comes_again_under_another_id(
    pay: Pay, api: stripe.V1Services, emulator: Emulator, receiver: Receiver
) -> None:
    script = {"mode": "duplicate", "match": r"payment_intent\.succeeded", "fresh_ids": True}
    await emulator.control("POST", "webhooks/faults", script)
    paid = await pay()

    events = await receiver.until(3)

    copies = [event for event in events if event.type == "payment_intent.succeeded"]
    assert len({event.id for event in copies}) == 2
    assert {event.data.object["id"] for event in copies} == {paid.id}
    for event in copies:
        assert (await api.events.retrieve_async(event.id)).data.object["id"] == paid.id


async def test_a_reordered_event_comes_after_a_later_one(pay: Pay, emulator: Emulator, receiver: Receiver) -> None:
    await emulator.control("POST", "webhooks/faults", {"mode": "reorder", "match": r"payment_intent\.created"})
    await pay()

    await receiver.until(2)

    assert receiver.types() == ["payment_intent.succeeded", "payment_intent.created"]


async def test_a_dropped_event_never_comes_but_can_be_sent_by_hand(
    pay: Pay, api: stripe.V1Services, emulator: Emulator, receiver: Receiver
) -> None:
    await emulator.control("POST", "webhooks/faults", {"mode": "drop", "match": r"payment_intent\.succeeded"})
    paid = await pay()
    await receiver.until(1)

    rows = {row["event_type"]: row for row in await deliveries(emulator, receiver.url)}
    dropped = rows["payment_intent.succeeded"]
    assert (dropped["state"], dropped["attempts"]) == ("dropped", 0)
    assert (await api.events.retrieve_async(dropped["event_id"])).pending_webhooks == 0
    await emulator.control("POST", "webhooks/resend", {"event": dropped["event_id"]})
    events = await receiver.until(2)
    assert (events[-1].id, events[-1].data.object["id"]) == (dropped["event_id"], paid.id)


async def test_webhook_faults_are_listed_with_their_hits_and_cleared(
    pay: Pay, emulator: Emulator, receiver: Receiver
) -> None:
    script = {"mode": "duplicate", "match": r"payment_intent\..*", "times": None, "copies": 2}
    added = await emulator.control("POST", "webhooks/faults", script)
    await pay()
    await receiver.until(4)

    listed = (await emulator.control("GET", "webhooks/faults"))["faults"]

    assert (added["hits"], added["mode"], added["match"]) == (0, "duplicate", script["match"])
    assert [(fault["id"], fault["hits"]) for fault in listed] == [(added["id"], 2)]
    assert (await emulator.control("DELETE", "webhooks/faults")) == {"faults": []}


@pytest.mark.parametrize(
    "script", [{"mode": "burn"}, {"mode": "drop", "match": "("}, {"mode": "duplicate", "copies": 1}, {"time": 1}]
)
async def test_a_webhook_script_that_means_nothing_is_refused(emulator: Emulator, script: dict) -> None:
    refusal = await emulator.raw("POST", "/_emulator/webhooks/faults", json=script)

    assert refusal.status_code == 400
    assert (await emulator.control("GET", "webhooks/faults"))["faults"] == []


async def test_an_unknown_event_cannot_be_sent_again(emulator: Emulator) -> None:
    assert (await emulator.raw("POST", "/_emulator/webhooks/resend", json={"event": "evt_none"})).status_code == 404


async def test_the_secret_of_an_endpoint_is_told_once(api: stripe.V1Services, receiver: Receiver) -> None:
    read = await api.webhook_endpoints.retrieve_async(receiver.endpoint_id)

    assert receiver.secret.startswith("whsec_")
    assert "secret" not in read.to_dict()
    assert receiver.endpoint_id in [row.id for row in (await api.webhook_endpoints.list_async({"limit": 100})).data]
