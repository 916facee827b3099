"""One cart, changed by many requests at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.shopkeeping import Api, Shopkeeper, Stocked, variant_public_id


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=100, price="18.00")


def one(mug: Stocked) -> list[dict[str, Any]]:
    return [{"variantId": variant_public_id(mug.variant_id), "quantity": 1}]


async def test_20_parallel_additions_of_one_unit_are_20_units_and_20_versions(api: Api, mug: Stocked) -> None:
    cart = (await api.cart_create())["cart"]

    payloads = await asyncio.gather(
        *(api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=one(mug)) for _ in range(20))
    )

    assert [payload["userErrors"] for payload in payloads] == [[]] * 20
    assert sorted(payload["cart"]["version"] for payload in payloads) == list(range(2, 22))
    assert sorted(payload["cart"]["totalQuantity"] for payload in payloads) == list(range(1, 21))
    last = await api.cart(cart["id"])
    assert (last["version"], [line["quantity"] for line in last["lines"]["nodes"]]) == (21, [20])


async def test_50_parallel_additions_in_two_processes_are_50_units_and_50_versions(
    two_processes: tuple[Api, Api], mug: Stocked
) -> None:
    cart = (await two_processes[0].cart_create())["cart"]

    payloads = await asyncio.gather(
        *(
            two_processes[number % 2].cart_mutation("cartLinesAdd", cartId=cart["id"], lines=one(mug))
            for number in range(50)
        )
    )

    assert [payload["userErrors"] for payload in payloads] == [[]] * 50
    assert sorted(payload["cart"]["version"] for payload in payloads) == list(range(2, 52))
    for process in two_processes:
        last = await process.cart(cart["id"])
        assert (last["version"], [line["quantity"] for line in last["lines"]["nodes"]]) == (51, [50])


async def test_of_10_parallel_changes_of_one_version_one_wins(api: Api, mug: Stocked) -> None:
    cart = (await api.cart_create(lines=one(mug)))["cart"]

    payloads = await asyncio.gather(
        *(
            api.cart_mutation("cartUpdate", cartId=cart["id"], expectedVersion=1, note=str(number))
            for number in range(10)
        )
    )

    winners = [payload["cart"] for payload in payloads if payload["cart"] is not None]
    conflicts = [payload["userErrors"][0] for payload in payloads if payload["cart"] is None]
    assert len(winners) == 1
    assert {(error["code"], error["currentVersion"]) for error in conflicts} == {("VERSION_CONFLICT", 2)}
    assert await api.cart(cart["id"]) == winners[0]


async def test_parallel_changes_of_different_kinds_all_take_hold(api: Api, keeper: Shopkeeper, mug: Stocked) -> None:
    cup = await keeper.stock("Cup")
    cart = (await api.cart_create(lines=one(mug)))["cart"]
    line_id = cart["lines"]["nodes"][0]["id"]

    await asyncio.gather(
        api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=one(cup)),
        api.cart_mutation("cartLinesUpdate", cartId=cart["id"], lines=[{"lineId": line_id, "quantityDelta": 4}]),
        api.cart_mutation("cartUpdate", cartId=cart["id"], note="Hello"),
        api.cart_mutation("cartUpdate", cartId=cart["id"], email="ben@example.com"),
    )

    last = await api.cart(cart["id"])
    assert (last["version"], last["note"], last["email"]) == (5, "Hello", "ben@example.com")
    assert {(line["variant"]["sku"], line["quantity"]) for line in last["lines"]["nodes"]} == {
        (mug.sku, 5),
        (cup.sku, 1),
    }


async def test_a_reader_always_sees_lines_and_version_of_one_moment(api: Api, mug: Stocked) -> None:
    cart = (await api.cart_create())["cart"]

    async def write() -> None:
        for _ in range(15):
            await api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=one(mug))

    async def read() -> list[tuple[int, int]]:
        seen = [await api.cart(cart["id"]) for _ in range(15)]
        return [(each["version"], each["totalQuantity"]) for each in seen]

    _, *seen = await asyncio.gather(write(), read(), read())

    assert all(version == quantity + 1 for reader in seen for version, quantity in reader)
    assert len({version for reader in seen for version, _ in reader}) > 3
