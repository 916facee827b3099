"""Who may ask, what is not there, and the headers of an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import stripe

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer pk_test_browser"},
        {"Authorization": "Bearer"},
        {"Authorization": "sk_test_bare"},
        {"Authorization": "Basic not-base64"},
    ],
)
async def test_without_a_secret_key_nothing_is_answered(emulator: Emulator, headers: dict) -> None:
    answer = await emulator.raw("GET", "/v1/events", headers=headers)

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_a_key_that_stripe_python_sends_wrong_is_an_authentication_error(
    emulator: Emulator, connect: Callable[..., stripe.StripeClient]
) -> None:
    with pytest.raises(stripe.AuthenticationError, match=r"Invalid API Key provided: pk_\*\*\*\*"):
        await connect(emulator, "pk_test_browser").v1.events.list_async()


async def test_a_key_may_come_as_a_user_name(emulator: Emulator) -> None:
    assert (await emulator.raw("GET", "/v1/events", auth=("sk_test_user", ""))).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/unicorns"), ("POST", "/v1/charges"), ("DELETE", "/v1/payment_intents/pi_1")]
)
async def test_an_unknown_url_is_told_so(emulator: Emulator, method: str, path: str) -> None:
    answer = await emulator.raw(method, path, headers={"Authorization": "Bearer sk_test_raw"})

    assert answer.status_code == 404
    assert f"Unrecognized request URL ({method}: {path})" in answer.json()["error"]["message"]


async def test_an_answer_names_its_request_and_version(pay: Pay) -> None:
    paid = await pay(key="headers-1")

    headers = paid.last_response.headers
    assert headers["request-id"].startswith("req_")
    assert headers["stripe-version"] == stripe.api_version
    assert headers["idempotency-key"] == "headers-1"
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("body", ["a[b=1", "[a]=1", "a[b][c][d][e][f][g]=1", "metadata=1&metadata[a]=2", "shipping=x"])
async def test_a_body_that_cannot_be_read_is_refused(emulator: Emulator, body: str) -> None:
    answer = await emulator.raw(
        "POST",
        "/v1/customers",
        headers={"Authorization": "Bearer sk_test_raw", "Content-Type": "application/x-www-form-urlencoded"},
        content=body,
    )

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_a_long_number_is_not_echoed(api: stripe.V1Services) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await api.payment_intents.create_async({"amount": "4242 4242 4242 4242", "currency": "usd"})

    assert refusal.value.param == "amount"
    assert "4242 4242" not in refusal.value.http_body


async def test_customers_are_kept(api: stripe.V1Services) -> None:
    made = await api.customers.create_async({"name": "Ada", "email": "ada@shop.test", "address": {"city": "Bern"}})
    changed = await api.customers.update_async(made.id, {"name": "", "phone": "123", "metadata": {"a": "1"}})
    listed = await api.customers.list_async({"email": "ada@shop.test"})
    deleted = await api.customers.delete_async(made.id)

    assert (changed.name, changed.phone, changed.email) == (None, "123", "ada@shop.test")
    assert changed.address.city == "Bern"
    assert [row.id for row in listed.data] == [made.id]
    assert deleted.deleted is True
    with pytest.raises(stripe.InvalidRequestError):
        await api.customers.retrieve_async(made.id)
