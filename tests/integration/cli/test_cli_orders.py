"""`cartograph orders`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.bootstrap import Shop, build_shop
from app.settings import load_settings
from app.web import build_app
from tests.integration.cli.commands import Run
from tests.shopkeeping import Api, Provider, Shopkeeper

PAID, REFUND = ("charge_succeeded", 4_090), "refund"


@pytest.fixture(scope="module")
async def own(environment: dict[str, str]) -> AsyncIterator[Shop]:
    shop = build_shop(load_settings(environment))
    yield shop
    await shop.close()


@pytest.fixture
async def order(own: Shop, provider: Provider) -> dict[str, Any]:
    """What a checkout of two mugs was answered, and the mug."""
    keeper = Shopkeeper(own)
    mug = await keeper.stock("Mug", on_hand=5, price="18.00")
    transport = httpx.ASGITransport(app=build_app(own))
    async with httpx.AsyncClient(transport=transport, base_url="http://orders.test") as client:
        api = Api(client)
        outcome = await api.checkout(await api.ready_cart((mug.variant_id, 2)))
    return {"number": outcome["order"]["number"], "attempt": outcome["attempt"]["id"], "mug": mug, "keeper": keeper}


async def test_an_order_is_shown_with_its_payment_and_what_happened(
    run: Run, environment: dict[str, str], order: dict[str, Any]
) -> None:
    ended = await run("orders", "show", f"#{order['number']}", env=environment)

    assert (ended.code, ended.err) == (0, "")
    lines = ended.lines()
    assert lines[0] == f"order {order['number']}: confirmed, paid, unfulfilled"
    assert lines[1].endswith("by ada@example.com, 40.90 USD in all")
    assert lines[2] == f"2 × Mug ({order['mug'].sku})  36.00 USD"
    assert lines[3].startswith("payment of 40.90 USD: succeeded, visa 4242  pi_")
    assert [line.split("  ")[1:] for line in lines[4:]] == [
        ["placed", "The order was placed."],
        ["paid", "The payment went through."],
    ]


async def test_a_part_and_then_the_rest_are_given_back(
    run: Run, environment: dict[str, str], order: dict[str, Any], provider: Provider
) -> None:
    part = await run(
        *("orders", "refund", order["number"], "--amount", "12.34", "--reason", "came late"), env=environment
    )
    rest = await run("orders", "refund", order["number"], "--restock", env=environment)
    shown = await run("orders", "show", order["number"], env=environment)

    assert (part.code, part.lines()) == (0, ["12.34 USD were given back; 28.56 USD of the payment are left"])
    assert (rest.code, rest.lines()) == (
        0,
        ["the units are on the shelf again", "28.56 USD were given back; 0.00 USD of the payment are left"],
    )
    assert await provider.ledger(order["attempt"]) == [PAID, (REFUND, 1_234), (REFUND, 2_856)]
    assert await order["keeper"].level(order["mug"].variant_id) == (5, 0)
    lines = shown.lines()
    assert lines[0] == f"order {order['number']}: confirmed, refunded, unfulfilled"
    assert lines[4].startswith("refund of 12.34 USD: succeeded")
    assert "“came late”  re_" in lines[4]
    assert [line.split("  ")[1] for line in lines[6:]] == ["placed", "paid", "refunded", "returned", "refunded"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--amount", "40.91"), "At most 40.90 USD can be given back, and more than nothing."),
        (("--amount", "0"), "At most 40.90 USD can be given back, and more than nothing."),
        (("--amount", "1.234"), "--amount: 1.234 has more than 2 decimal places, which USD does not have"),
        (("--amount", "much"), "--amount: 'much' is not a decimal number"),
        (("--reason", ""), "--reason: 1 to 500 characters"),
        (("--reason", "paid with 4242 4242 4242 4242"), "--reason: it has a card number, which must not be kept"),
    ],
)
async def test_what_cannot_be_given_back_is_one_line_and_nothing_happens(
    run: Run,
    environment: dict[str, str],
    order: dict[str, Any],
    provider: Provider,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    ended = await run("orders", "refund", order["number"], *arguments, "--restock", env=environment)

    assert (ended.code, ended.out, ended.err) == (1, "", f"cartograph: {message}\n")
    assert await provider.ledger(order["attempt"]) == [PAID]
    assert await order["keeper"].level(order["mug"].variant_id) == (3, 0)


@pytest.mark.parametrize("number", ["1", "99999999999999999999", "-1", "mug", "", "#", "²"])
@pytest.mark.parametrize("deed", ["show", "refund"])
async def test_an_order_that_does_not_exist_is_one_line(
    run: Run, environment: dict[str, str], deed: str, number: str
) -> None:
    ended = await run("orders", deed, "--", number, env=environment)

    assert (ended.code, ended.out, ended.err) == (1, "", f"cartograph: there is no order {number}\n")


async def test_while_the_provider_is_away_the_refund_is_left_to_the_worker(
    run: Run, environment: dict[str, str], own: Shop, order: dict[str, Any], provider: Provider
) -> None:
    await provider.fault("503", match="POST /v1/refunds", times=None)

    ended = await run("orders", "refund", order["number"], env=environment)
    before = await provider.ledger(order["attempt"])
    await provider.heal()
    await order["keeper"].make_refunds(order["attempt"])

    assert (ended.code, ended.lines()) == (
        0,
        ["40.90 USD will be given back: the payment provider does not answer, the worker goes on trying"],
    )
    assert before == [PAID]
    assert await provider.ledger(order["attempt"]) == [PAID, (REFUND, 4_090)]


async def test_what_the_provider_refuses_is_told_with_its_reason(
    run: Run, environment: dict[str, str], own: Shop, order: dict[str, Any], provider: Provider
) -> None:
    intent_id = (await order["keeper"].attempt(order["attempt"])).intent_id
    answer = await provider.http.post(  # as somebody does in the provider's dashboard
        "/v1/refunds", data={"payment_intent": intent_id}, headers={"authorization": "Bearer sk_test_emulator"}
    )
    assert answer.status_code == 200

    ended = await run("orders", "refund", order["number"], env=environment)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "cartograph: nothing was given back, the payment provider refused it: charge_already_refunded\n"
    )
    assert await provider.ledger(order["attempt"]) == [PAID, (REFUND, 4_090)]
