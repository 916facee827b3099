"""`expand[]`: objects in the place of ids."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import stripe

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]


async def test_references_are_expanded_where_asked_for(pay: Pay, api: stripe.V1Services) -> None:
    ada = await api.customers.create_async({"name": "Ada"})
    paid = await pay(customer=ada.id)
    refund = await api.refunds.create_async({"payment_intent": paid.id, "amount": 1})

    plain = await api.payment_intents.retrieve_async(paid.id)
    wide = await api.payment_intents.retrieve_async(
        paid.id, {"expand": ["customer", "payment_method", "latest_charge.refunds"]}
    )
    deep = await api.refunds.retrieve_async(refund.id, {"expand": ["payment_intent.latest_charge"]})

    assert (plain.customer, plain.latest_charge) == (ada.id, refund.charge)
    assert (wide.customer.name, wide.payment_method.card.last4) == ("Ada", "4242")
    assert [row.id for row in wide.latest_charge.refunds.data] == [refund.id]
    assert deep.payment_intent.latest_charge.amount_refunded == 1


async def test_rows_of_a_list_are_expanded(pay: Pay, api: stripe.V1Services) -> None:
    await pay()

    rows = await api.payment_intents.list_async({"limit": 1, "expand": ["data.latest_charge"]})

    assert rows.data[0].latest_charge.amount == 2000


async def test_an_absent_reference_stays_null(api: stripe.V1Services) -> None:
    intent = await api.payment_intents.create_async(
        {"amount": 500, "currency": "usd", "expand": ["customer", "latest_charge"]}
    )

    assert (intent.customer, intent.latest_charge) == (None, None)


@pytest.mark.parametrize("path", ["amount", "nothing", "latest_charge.amount", "a.b.c.d.e"])
async def test_what_is_no_reference_is_not_expanded_and_nothing_happens(
    pay: Pay, api: stripe.V1Services, path: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await pay(expand=[path], metadata={"expanded": path})

    assert (refusal.value.http_status, refusal.value.param) == (400, "expand")
    found = await api.payment_intents.search_async({"query": f"metadata['expanded']:'{path}'"})
    assert found.data == []
