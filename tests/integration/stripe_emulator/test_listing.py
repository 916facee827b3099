"""Lists: their order, pages and filters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import stripe

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]


async def test_the_newest_come_first_page_by_page(api: stripe.V1Services) -> None:
    ada = await api.customers.create_async({"name": "Ada"})
    params = {"amount": 500, "currency": "usd", "customer": ada.id}
    ids = [(await api.payment_intents.create_async(params)).id for _ in range(5)]
    newest = ids[::-1]
    mine = {"customer": ada.id, "limit": 2}

    first = await api.payment_intents.list_async(mine)
    second = await api.payment_intents.list_async({**mine, "starting_after": newest[1]})
    back = await api.payment_intents.list_async({**mine, "ending_before": newest[4]})
    everything = [intent.id async for intent in first.auto_paging_iter()]

    assert ([row.id for row in first.data], first.has_more) == (newest[:2], True)
    assert ([row.id for row in second.data], second.has_more) == (newest[2:4], True)
    assert ([row.id for row in back.data], back.has_more) == (newest[2:4], True)
    assert everything == newest


async def test_lists_are_filtered_by_time(api: stripe.V1Services) -> None:
    made = await api.customers.create_async({"name": "Ada"})

    same = await api.customers.list_async({"created": made.created, "limit": 100})
    later = await api.customers.list_async({"created": {"gt": made.created + 3600}})
    since = await api.customers.list_async({"created": {"gte": made.created, "lt": made.created + 3600}, "limit": 100})

    assert made.id in [row.id for row in same.data]
    assert later.data == []
    assert made.id in [row.id for row in since.data]


async def test_charges_and_events_are_filtered(pay: Pay, api: stripe.V1Services) -> None:
    paid, _other = await pay(), await pay()

    charges = await api.charges.list_async({"payment_intent": paid.id})
    one = await api.events.list_async({"type": "charge.succeeded", "limit": 2})
    two = await api.events.list_async({"types": ["charge.succeeded", "payment_intent.succeeded"], "limit": 2})

    assert [row.id for row in charges.data] == [paid.latest_charge]
    assert [row.type for row in one.data] == ["charge.succeeded"] * 2
    assert [row.type for row in two.data] == ["payment_intent.succeeded", "charge.succeeded"]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"starting_after": "pi_none"}, "starting_after"),
        ({"status": "succeeded"}, "status"),
        ({"created": {"around": 1}}, "created[around]"),
    ],
)
async def test_a_malformed_list_is_refused(api: stripe.V1Services, params: dict, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await api.payment_intents.list_async(params)

    assert refusal.value.param == param
