"""The guide to webhooks: its tables held to the code, its commands run against a running stack, whose webhooks work."""

from __future__ import annotations

import os
import re
import subprocess

import httpx

from app.checkout.receive_event import TRIES
from app.checkout.reconcile import WINDOW
from app.http.stripe_webhooks import MAX_BODY_BYTES, PATH
from app.payments import stripe_events
from app.payments.findings import FindingKind
from app.settings import load_settings
from tests.conftest import REPOSITORY, RunningStack
from tests.shopkeeping import ADDRESS, Api
from tests.waiting import until

GUIDE = (REPOSITORY / "docs" / "guides" / "webhooks.md").read_text()
ENOUGH = {"DATABASE_URL": "postgresql://localhost", "REDIS_URL": "redis://localhost", "STRIPE_API_KEY": "sk_test_x"}


def block(part: str) -> str:
    return next(text for text in re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE) if part in text)


def first_cells(header: str) -> list[str]:
    table = GUIDE[GUIDE.index(header) :].split("\n\n")[0].splitlines()[2:]
    return [name for line in table for name in re.findall(r"`([a-z_.]+)`", line.split("|")[1])]


def shell(script: str, stack: RunningStack) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CARTOGRAPH_DATA_DIR": str(stack.data)}
    here = script.replace("cartograph ", f"{REPOSITORY}/run ")
    return subprocess.run(["/bin/sh", "-c", here], env=environment, capture_output=True, text=True, check=False)


def test_it_lists_every_event_that_the_shop_reads() -> None:
    assert sorted(first_cells("| event")) == sorted(stripe_events.READERS)


def test_it_lists_every_finding() -> None:
    assert first_cells("| finding") == [kind.value for kind in FindingKind]


def test_its_numbers_and_settings_are_the_shops() -> None:
    settings = load_settings(ENOUGH | dict(line.split("=", 1) for line in block("WEBHOOK_SECRETS").splitlines()))

    assert settings.webhook_secrets == ("whsec_new", "whsec_old")
    assert f"https://shop.example{PATH}`" in GUIDE
    assert f"larger than {MAX_BODY_BYTES:,} bytes" in GUIDE
    assert (WINDOW.total_seconds(), TRIES) == (26 * 3600, 12)


def test_its_commands_run(stack: RunningStack) -> None:
    commands = block("payments reconcile").splitlines()

    ended = [shell(command, stack) for command in commands]
    unknown = [shell(block(part).strip(), stack) for part in ("--resolve", "--retry")]

    assert [result.returncode for result in ended] == [0] * 4, [result.stderr for result in ended]
    assert "payments of the provider compared" in ended[0].stdout
    assert [result.returncode for result in unknown] == [1, 1]
    assert "there is no open finding 12" in unknown[0].stderr
    assert "no webhook evt_1QkT4nLkdIwHu7ix is waiting" in unknown[1].stderr


async def test_the_stack_hears_of_payments_by_webhooks(stack: RunningStack) -> None:
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False, timeout=60) as client:
        api = Api(client)
        found = await api.data(
            "{ products(first: 1, filter: {available: true}) { nodes { variants { nodes { id } } } } }"
        )
        variant_id = found["products"]["nodes"][0]["variants"]["nodes"][0]["id"]
        lines = [{"variantId": variant_id, "quantity": 1}]
        made = await api.cart_create(lines=lines, email="ada@example.com", shippingAddress=ADDRESS)
        option = made["cart"]["deliveryOptions"][0]["id"]
        chosen = await api.cart_mutation("cartUpdate", cartId=made["cart"]["id"], deliveryOptionId=option)
        waiting = await api.checkout(chosen["cart"], pay="pm_card_threeDSecure2Required", key="heard by a webhook")
        intent_id = waiting["clientSecret"].partition("_secret_")[0]
        await client.post(f"{stack.stripe_url}/_emulator/3ds/{intent_id}", params={"outcome": "succeed"})

        async def is_delivered() -> bool:
            rows = (await client.get(f"{stack.stripe_url}/_emulator/webhooks")).json()["deliveries"]
            paid = [row for row in rows if row["event_type"] == "payment_intent.succeeded"]
            return bool(paid) and all(row["state"] == "accepted" for row in paid)

        await until(is_delivered)
        metrics = (await client.get("/metrics")).text
        query = "query ($t: String!) { order(by: {accessToken: $t}) { paymentStatus } }"
        order = await api.data(query, t=waiting["orderAccessToken"])

    assert order["order"]["paymentStatus"] == "PAID"
    assert re.search(r'payment_events_total\{outcome="applied",type="payment_intent.succeeded"\} [1-9]', metrics)
