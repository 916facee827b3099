"""The search of PaymentIntents, its language and its lag."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import stripe

from app.devstack.stripe_emulator.problems import InvalidParameter
from app.devstack.stripe_emulator.records import PaymentIntent
from app.devstack.stripe_emulator.search import parse_query

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Pay = Callable[..., Awaitable[stripe.PaymentIntent]]
ROW = PaymentIntent(
    "pi_1", 100, 2000, "eur", "secret", status="succeeded", metadata={"order_id": "a'7", "shop": "Main Street"}
)


@pytest.mark.parametrize(
    "query",
    [
        r"metadata['order_id']:'a\'7'",
        'metadata["order_id"]:"a\'7"',
        "metadata['shop']~'street'",
        "metadata['other']:null",
        "-metadata['order_id']:'8'",
        "status:'succeeded' AND currency:'eur'",
        'status:"succeeded" currency:"eur"',
        "status:'canceled' OR amount:2000",
        "amount>1999 AND amount<=2000 AND created>=100 AND created<101",
        "customer:null",
    ],
)
def test_a_query_accepts_what_it_describes(query: str) -> None:
    assert parse_query(query)(ROW) is True


@pytest.mark.parametrize(
    "query",
    [
        "metadata['order_id']:'a'",
        "metadata['shop']:'street'",
        "metadata['shop']:null",
        "status:'succeeded' AND currency:'usd'",
        "-status:'succeeded'",
        "amount>2000",
        "customer:'cus_1'",
    ],
)
def test_a_query_refuses_what_it_does_not_describe(query: str) -> None:
    assert parse_query(query)(ROW) is False


@pytest.mark.parametrize(
    "query",
    [
        "",
        "order_id",
        "metadata:'7'",
        "metadata['order_id']:7",
        "metadata['shop']~'st'",
        "status:'a' AND status:'b' OR status:'c'",
        "status:'succeeded' AND",
        "amount:'many'",
        "status>'a'",
        "client_secret:'x'",
        " ".join(["amount>1"] * 11),
    ],
)
def test_a_query_that_cannot_be_read_is_refused(query: str) -> None:
    with pytest.raises(InvalidParameter):
        parse_query(query)


async def test_an_order_is_found_by_its_metadata(pay: Pay, api: stripe.V1Services) -> None:
    paid = await pay(metadata={"order_id": "search-1"})
    await pay(metadata={"order_id": "search-10"})

    found = await api.payment_intents.search_async({"query": "metadata['order_id']:'search-1'"})

    assert [intent.id for intent in found.data] == [paid.id]
    assert (found.object, found.has_more, found.next_page) == ("search_result", False, None)


async def test_results_come_in_pages(pay: Pay, api: stripe.V1Services) -> None:
    ids = [(await pay(metadata={"batch": "pages"})).id for _ in range(5)]

    found = await api.payment_intents.search_async({"query": "metadata['batch']:'pages'", "limit": 2})
    listed = [intent.id async for intent in found.auto_paging_iter()]

    assert [intent.id for intent in found.data] == [ids[4], ids[3]]
    assert listed == ids[::-1]


async def test_search_can_be_behind(pay: Pay, api: stripe.V1Services, emulator: Emulator) -> None:
    query = {"query": "metadata['order_id']:'search-lag'"}
    paid = await pay(metadata={"order_id": "search-lag"})

    await emulator.control("POST", "search", {"lag_seconds": 3600})
    behind = await api.payment_intents.search_async(query)
    listed = await api.payment_intents.list_async({"limit": 1})
    await emulator.control("POST", "search", {"lag_seconds": 0})
    found = await api.payment_intents.search_async(query)

    assert behind.data == []
    assert [intent.id for intent in listed.data] == [paid.id]
    assert [intent.id for intent in found.data] == [paid.id]
