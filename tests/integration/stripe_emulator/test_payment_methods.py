"""Cards: published numbers in, PaymentMethods out, no number kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import stripe

from app.devstack.stripe_emulator.cards import TEST_CARDS

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]


def card(number: str = "4242424242424242", **facts: object) -> dict:
    return {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123", **facts}}


@pytest.mark.parametrize(
    ("number", "brand", "last4"),
    [
        ("4242424242424242", "visa", "4242"),
        ("4242 4242 4242 4242", "visa", "4242"),
        ("5555555555554444", "mastercard", "4444"),
        ("378282246310005", "amex", "0005"),
        ("6011111111111117", "discover", "1117"),
        ("3056930009020004", "diners", "0004"),
        ("3566002020360505", "jcb", "0505"),
        ("6200000000000005", "unionpay", "0005"),
    ],
)
async def test_a_published_card_is_known_by_its_number(
    api: stripe.V1Services, number: str, brand: str, last4: str
) -> None:
    created = await api.payment_methods.create_async({**card(number), "billing_details": {"name": "Ada"}})

    method = await api.payment_methods.retrieve_async(created.id)

    assert (method.card.brand, method.card.last4) == (brand, last4)
    assert (method.card.exp_month, method.card.exp_year) == (12, 2034)
    assert (method.billing_details.name, method.billing_details.email) == ("Ada", None)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (card("4242424242424241"), "incorrect_number"),
        (card("411111111111"), "incorrect_number"),
        (card("not a number"), "incorrect_number"),
        (card("4111111111111111"), "card_declined"),
        (card(exp_month=13), "invalid_expiry_month"),
        (card(exp_year=2019), "invalid_expiry_year"),
        (card(cvc="12"), "invalid_cvc"),
    ],
)
async def test_what_is_not_a_test_card_is_refused(
    api: stripe.V1Services, emulator: Emulator, data: dict, code: str
) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        await api.payment_methods.create_async(data)

    assert (refusal.value.http_status, refusal.value.code) == (402, code)
    assert data["card"]["number"] not in refusal.value.http_body
    assert data["card"]["number"] not in emulator.journal.read_text()


async def test_card_numbers_are_kept_nowhere(api: stripe.V1Services, pay: Pay, emulator: Emulator) -> None:
    answers = []
    for test_card in TEST_CARDS.values():
        method = await api.payment_methods.create_async(card(test_card.number))
        answers.append(str(method))
        try:
            answers.append(str(await pay(method.id)))
        except stripe.CardError as error:
            answers.append(error.http_body)

    kept = emulator.journal.read_text() + emulator.output() + "".join(answers)
    kept += (await emulator.raw("GET", "/_emulator/ledger")).text + (
        await emulator.raw("GET", "/_emulator/requests")
    ).text
    assert len(kept) > 10_000
    assert [name for name, test_card in TEST_CARDS.items() if test_card.number in kept] == []


async def test_every_use_of_a_static_id_is_a_new_payment_method(pay: Pay) -> None:
    first, second = await pay("pm_card_visa"), await pay("pm_card_visa")

    assert first.payment_method.startswith("pm_")
    assert first.payment_method != second.payment_method
    assert first.payment_method != "pm_card_visa"


async def test_an_attached_card_pays_for_its_customer_only(pay: Pay, api: stripe.V1Services) -> None:
    ada = await api.customers.create_async({"name": "Ada"})
    method = await api.payment_methods.attach_async("pm_card_visa", {"customer": ada.id})

    with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
        await pay(method.id)
    paid = await pay(method.id, customer=ada.id)
    mine = await api.payment_methods.list_async({"customer": ada.id})
    detached = await api.payment_methods.detach_async(method.id)

    assert paid.status == "succeeded"
    assert [row.id for row in mine.data] == [method.id]
    assert detached.customer is None
    with pytest.raises(stripe.InvalidRequestError, match="not attached"):
        await api.payment_methods.detach_async(method.id)


async def test_a_card_is_kept_for_the_customer_who_wants_it(pay: Pay, api: stripe.V1Services) -> None:
    ada = await api.customers.create_async({"name": "Ada"})

    paid = await pay(customer=ada.id, setup_future_usage="off_session")

    assert (await api.payment_methods.retrieve_async(paid.payment_method)).customer == ada.id
