"""Each scripted failure, seen by stripe-python, and what it did to the money."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import httpx
import pytest
import stripe

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]
CREATE = "POST /v1/payment_intents"


async def entries(emulator: Emulator, key: str) -> list[str]:
    """The movements that a request with this idempotency key made."""
    ledger = (await emulator.control("GET", "ledger"))["entries"]
    return [entry["movement"] for entry in ledger if entry["idempotency_key"] == key]


async def test_a_refused_connection_executes_nothing(pay: Pay, emulator: Emulator) -> None:
    await emulator.fault(mode="refuse", match=CREATE)

    with pytest.raises(stripe.APIConnectionError):
        await pay(key="refuse")

    assert await entries(emulator, "refuse") == []
    assert "idempotent-replayed" not in (await pay(key="refuse")).last_response.headers


async def test_a_lost_answer_was_executed(pay: Pay, emulator: Emulator) -> None:
    await emulator.fault(mode="lost", match=CREATE)

    with pytest.raises(stripe.APIConnectionError):
        await pay(key="lost")

    assert await entries(emulator, "lost") == ["charge_succeeded"]
    assert (await pay(key="lost")).last_response.headers["idempotent-replayed"] == "true"
    assert await entries(emulator, "lost") == ["charge_succeeded"]


@pytest.mark.parametrize("mode", ["refuse", "lost"])
async def test_a_cut_connection_is_a_transport_error_without_a_status(emulator: Emulator, mode: str) -> None:
    await emulator.fault(mode=mode, match="GET /v1/events")

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await emulator.raw("GET", "/v1/events", headers={"Authorization": "Bearer sk_test_raw"})

    requests = (await emulator.control("GET", "requests"))["requests"]
    assert (requests[-1]["status"], requests[-1]["fault"]) == (None, mode)


@pytest.mark.parametrize("mode", ["500", "503"])
async def test_an_error_before_execution_is_gone_at_the_next_try(pay: Pay, emulator: Emulator, mode: str) -> None:
    await emulator.fault(mode=mode, match=CREATE)

    with pytest.raises(stripe.APIError) as failure:
        await pay(key=f"before-{mode}")

    assert (failure.value.http_status, failure.value.error.type) == (int(mode), "api_error")
    assert await entries(emulator, f"before-{mode}") == []
    assert (await pay(key=f"before-{mode}")).status == "succeeded"


@pytest.mark.parametrize("mode", ["500", "503"])
async def test_an_error_during_execution_is_replayed_though_nothing_happened(
    pay: Pay, emulator: Emulator, mode: str
) -> None:
    await emulator.fault(mode=mode, when="during", match=CREATE)
    failures = []
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failure:
            await pay(key=f"during-{mode}")
        failures.append(failure.value)

    assert [error.http_status for error in failures] == [int(mode)] * 2
    assert failures[1].headers["idempotent-replayed"] == "true"
    assert await entries(emulator, f"during-{mode}") == []


async def test_an_error_after_execution_is_replayed_though_the_money_moved(
    pay: Pay, api: stripe.V1Services, emulator: Emulator
) -> None:
    await emulator.fault(mode="500", when="after", match=CREATE)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failure:
            await pay(key="after-500", metadata={"order_id": "after-500"})

    assert (failure.value.http_status, failure.value.headers["idempotent-replayed"]) == (500, "true")
    assert await entries(emulator, "after-500") == ["charge_succeeded"]
    found = await api.payment_intents.search_async({"query": "metadata['order_id']:'after-500'"})
    assert [intent.status for intent in found.data] == ["succeeded"]


async def test_an_error_hits_a_replay_as_well(pay: Pay, emulator: Emulator) -> None:
    paid = await pay(key="replay-500")
    await emulator.fault(mode="500", when="after", match=CREATE)

    with pytest.raises(stripe.APIError):
        await pay(key="replay-500")

    assert (await pay(key="replay-500")).id == paid.id


async def test_too_many_requests_says_when_to_come_back(pay: Pay, emulator: Emulator) -> None:
    await emulator.fault(mode="429", match=CREATE, retry_after_seconds=7)

    with pytest.raises(stripe.RateLimitError) as refusal:
        await pay(key="limited")

    assert (refusal.value.http_status, refusal.value.error.code) == (429, "rate_limit")
    assert refusal.value.headers["retry-after"] == "7"
    assert await entries(emulator, "limited") == []


async def test_a_truncated_answer_was_executed(pay: Pay, emulator: Emulator) -> None:
    await emulator.fault(mode="truncate", match=CREATE)

    with pytest.raises(stripe.APIError, match="Invalid response body") as failure:
        await pay(key="truncate")

    assert failure.value.http_status == 200
    assert await entries(emulator, "truncate") == ["charge_succeeded"]
    assert (await pay(key="truncate")).status == "succeeded"


@pytest.mark.parametrize(("when", "moved"), [("before", []), ("during", []), ("after", ["charge_succeeded"])])
async def test_a_hanging_request_says_nothing_until_it_is_cut(
    pay: Pay, emulator: Emulator, when: str, moved: list[str]
) -> None:
    fault = await emulator.fault(mode="hang", when=when, match=CREATE, seconds=3600)
    hanging = asyncio.create_task(pay(key=f"hang-{when}"))
    await emulator.until_hit(fault)

    assert await entries(emulator, f"hang-{when}") == moved
    assert not hanging.done()
    await emulator.control("DELETE", "faults")
    with pytest.raises(stripe.APIConnectionError):
        await hanging

    executed = [] if when == "before" else ["charge_succeeded"]
    assert await entries(emulator, f"hang-{when}") == executed


@pytest.mark.parametrize(("when", "moved"), [("before", []), ("during", []), ("after", ["charge_succeeded"])])
async def test_a_slow_request_is_answered_in_the_end(pay: Pay, emulator: Emulator, when: str, moved: list[str]) -> None:
    fault = await emulator.fault(mode="slow", when=when, match=CREATE, seconds=3600)
    slow = asyncio.create_task(pay(key=f"slow-{when}"))
    await emulator.until_hit(fault)

    assert await entries(emulator, f"slow-{when}") == moved
    assert not slow.done()
    await emulator.control("DELETE", "faults")

    assert (await slow).status == "succeeded"
    assert await entries(emulator, f"slow-{when}") == ["charge_succeeded"]


async def test_a_pause_ends_by_itself(pay: Pay, emulator: Emulator) -> None:
    await emulator.fault(mode="slow", match=CREATE, seconds=0.05)

    assert (await pay()).status == "succeeded"


async def test_a_request_whose_client_left_is_still_executed(pay: Pay, emulator: Emulator) -> None:
    fault = await emulator.fault(mode="slow", when="during", match=CREATE, seconds=3600)
    leaving = asyncio.create_task(pay(key="left"))
    await emulator.until_hit(fault)

    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    await emulator.control("DELETE", "faults")
    await emulator.until_entered("left")

    assert (await pay(key="left")).last_response.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    ("outcome", "status", "movement"),
    [("succeed", "succeeded", "charge_succeeded"), ("fail", "requires_payment_method", "charge_failed")],
)
async def test_the_bank_may_answer_later(
    pay: Pay, api: stripe.V1Services, emulator: Emulator, outcome: str, status: str, movement: str
) -> None:
    await emulator.fault(mode="processing", match=CREATE)

    waiting = await pay()
    settled = await emulator.control("POST", f"payment_intents/{waiting.id}/settle", {"outcome": outcome})

    assert (waiting.status, waiting.amount_received) == ("processing", 0)
    assert settled["status"] == status
    assert (await api.payment_intents.retrieve_async(waiting.id)).status == status
    assert await emulator.ledger(waiting.id) == [("charge_pending", 2000), (movement, 2000)]
    again = await emulator.raw("POST", f"/_emulator/payment_intents/{waiting.id}/settle", json={"outcome": outcome})
    assert again.status_code == 409


async def test_a_script_hits_what_it_matches_as_often_as_it_says(api: stripe.V1Services, emulator: Emulator) -> None:
    fault = await emulator.fault(mode="503", match="GET /v1/(charges|refunds)", times=2, skip=1)
    outcomes = []
    for service in (api.charges, api.events, api.refunds, api.charges, api.charges):
        try:
            await service.list_async({"limit": 1})
            outcomes.append("ok")
        except stripe.APIError as error:
            outcomes.append(str(error.http_status))

    assert outcomes == ["ok", "ok", "503", "503", "ok"]
    assert await emulator.hits(fault) == 2


async def test_scripts_are_taken_in_order_and_last_until_they_are_cleared(
    api: stripe.V1Services, emulator: Emulator
) -> None:
    await emulator.fault(mode="429", match="GET .*")
    await emulator.fault(mode="500", match="GET .*", times=None)
    statuses = []
    for _ in range(4):
        with pytest.raises(stripe.StripeError) as failure:
            await api.events.list_async({"limit": 1})
        statuses.append(failure.value.http_status)

    assert statuses == [429, 500, 500, 500]
    assert (await emulator.control("DELETE", "faults"))["faults"] == []
    assert (await api.events.list_async({"limit": 1})).object == "list"


@pytest.mark.parametrize(
    "script",
    [
        {"mode": "explode"},
        {"mode": "lost", "when": "before"},
        {"mode": "500", "match": "("},
        {"mode": "500", "tmies": 2},
        {"mode": "500", "times": 0},
        {"mode": "slow", "seconds": 0},
        {},
    ],
)
async def test_a_script_that_means_nothing_is_refused(emulator: Emulator, script: dict) -> None:
    refusal = await emulator.raw("POST", "/_emulator/faults", json=script)

    assert refusal.status_code == 400
    assert refusal.json()["error"]
    assert (await emulator.control("GET", "faults"))["faults"] == []
