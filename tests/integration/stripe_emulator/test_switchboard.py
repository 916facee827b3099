"""The page with switches, and the cards of the emulator's own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.integration.stripe_emulator.conftest import Emulator

PAYMENT = {
    "amount": "1000",
    "currency": "usd",
    "confirm": "true",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}


@pytest.fixture
async def page(timed_emulator: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's browser at an emulator whose time may be moved."""
    async with httpx.AsyncClient(base_url=timed_emulator.url, trust_env=False, follow_redirects=True) as client:
        yield client
    await timed_emulator.control("POST", "reset")


async def pay(page: httpx.AsyncClient, card: str = "pm_card_visa", key: str | None = None) -> httpx.Response:
    headers = {"authorization": "Bearer sk_test_emulator", "idempotency-key": key or str(uuid.uuid4())}
    return await page.post("/v1/payment_intents", data={**PAYMENT, "payment_method": card}, headers=headers)


async def test_the_provider_is_switched_off_and_on_again(page: httpx.AsyncClient) -> None:
    before = await pay(page)
    away = await page.post("/_emulator/switch?stripe=away")
    refused = await pay(page)
    await page.post("/_emulator/switch?stripe=fine")
    again = await pay(page)

    assert [each.status_code for each in (before, refused, again)] == [200, 503, 200]
    assert 'aria-pressed="true">is away' in away.text
    assert before.json()["id"] in (await page.get("/")).text


@pytest.mark.parametrize(("answer", "status"), [("yes", "succeeded"), ("no", "requires_payment_method")])
async def test_the_answer_of_a_slow_bank_is_given_by_hand(page: httpx.AsyncClient, answer: str, status: str) -> None:
    payment = (await pay(page, "pm_card_emulatorBankSlow")).json()
    shown = await page.post(f"/_emulator/switch?payment={payment['id']}&succeeds={answer}")

    assert payment["status"] == "processing"
    assert f"<td>{status}</td>" in shown.text


async def test_a_slow_bank_answers_after_half_a_minute(page: httpx.AsyncClient) -> None:
    payment = (await pay(page, "pm_card_emulatorBankSlow")).json()
    seen = []
    for seconds in (29, 1):
        await page.post("/_emulator/clock", json={"advance_seconds": seconds})
        headers = {"authorization": "Bearer sk_test_emulator"}
        seen.append((await page.get(f"/v1/payment_intents/{payment['id']}", headers=headers)).json()["status"])

    assert seen[-1] == "succeeded"


async def test_a_card_that_finds_the_provider_away_for_a_minute(page: httpx.AsyncClient) -> None:
    refused = [(await pay(page, "pm_card_emulatorAway", key="away")).status_code for _ in range(3)]
    other = await pay(page)
    await page.post("/_emulator/clock", json={"advance_seconds": 60})
    paid = await pay(page, "pm_card_emulatorAway", key="away")

    assert refused == [503] * 3
    assert other.status_code == 200
    assert (paid.status_code, paid.json()["status"]) == (200, "succeeded")


@pytest.mark.parametrize("query", ["", "stripe=nonsense", "webhooks=", "payment=pi_none"])
async def test_what_is_no_switch_changes_nothing(page: httpx.AsyncClient, query: str) -> None:
    answer = await page.post(f"/_emulator/switch?{query}")

    assert answer.status_code == (200 if query.startswith("payment") else 400)
    assert (await pay(page)).status_code == 200


async def test_another_site_cannot_switch(page: httpx.AsyncClient) -> None:
    answer = await page.post("/_emulator/switch?stripe=away", headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
    assert (await pay(page)).status_code == 200
