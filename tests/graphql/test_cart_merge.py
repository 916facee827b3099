"""Two carts become one: once, with a report, and without a unit that nobody speaks of."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.bootstrap import Shop
from tests.shopkeeping import ADDRESS, Api, ManualClock, Shopkeeper, Stocked, variant_public_id

Cart = dict[str, Any]
READ = "query ($id: ID!) { cart(id: $id) { state version totalQuantity mergedInto { id } } }"


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=10)


@pytest.fixture
async def cup(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Cup")


async def made(api: Api, *lines: tuple[Stocked, int], **details: Any) -> Cart:
    values = [{"variantId": variant_public_id(of.variant_id), "quantity": quantity} for of, quantity in lines]
    return (await api.cart_create(lines=values, **details))["cart"]


def lines_of(cart: Cart) -> list[tuple[str, int]]:
    return [(each["variant"]["sku"], each["quantity"]) for each in cart["lines"]["nodes"]]


def counts(payload: Any) -> tuple[int, int, int, int]:
    return payload["moved"], payload["summed"], payload["clamped"], payload["dropped"]


async def test_lines_are_moved_summed_clamped_and_dropped(
    api: Api, keeper: Shopkeeper, mug: Stocked, cup: Stocked
) -> None:
    pin, pen = await keeper.stock("Pin", on_hand=4), await keeper.stock("Pen", on_hand=3)
    target = await made(api, (mug, 2), (pin, 4))
    source = await made(api, (cup, 1), (mug, 9), (pin, 2), (pen, 3))
    await made(api)

    payload = await api.merge(source, target)

    assert lines_of(payload["cart"]) == [(mug.sku, 10), (pin.sku, 4), (cup.sku, 1), (pen.sku, 3)]
    assert counts(payload) == (2, 1, 1, 1)
    told = [
        (error["variant"]["sku"], error["requested"], error["available"], error["applied"], error["field"])
        for error in payload["userErrors"]
    ]
    assert told == [(mug.sku, 11, 10, 8, ["sourceCartId"]), (pin.sku, 6, 4, 0, ["sourceCartId"])]
    assert payload["cart"]["version"] == 2
    assert await api.cart(target["id"]) == payload["cart"]


async def test_the_source_stays_readable_and_says_where_it_went(api: Api, mug: Stocked) -> None:
    source, target = await made(api, (mug, 2)), await made(api)

    await api.merge(source, target)

    after = (await api.data(READ, id=source["id"]))["cart"]
    assert after == {"state": "MERGED", "version": 2, "totalQuantity": 2, "mergedInto": {"id": target["id"]}}
    refused = await api.cart_mutation("cartUpdate", cartId=source["id"], note="too late")
    assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [("CART_MERGED", ["cartId"])]
    outcome = await api.checkout({**source, "cost": target["cost"]})
    assert [error["code"] for error in outcome["userErrors"]] == ["CART_MERGED"]


async def test_20_parallel_merges_in_two_processes_give_the_same_cart(
    two_processes: tuple[Api, Api], mug: Stocked, cup: Stocked
) -> None:
    api = two_processes[0]
    source, target = await made(api, (mug, 3), (cup, 1)), await made(api, (mug, 1))

    payloads = await asyncio.gather(*(two_processes[number % 2].merge(source, target) for number in range(20)))

    assert all(payload == payloads[0] for payload in payloads)
    assert lines_of(payloads[0]["cart"]) == [(mug.sku, 4), (cup.sku, 1)]
    assert counts(payloads[0]) == (1, 1, 0, 0)
    assert payloads[0]["cart"]["version"] == 2


async def test_merges_in_both_directions_at_once_do_not_wait_for_each_other_for_ever(
    two_processes: tuple[Api, Api], mug: Stocked
) -> None:
    api = two_processes[0]
    one, two = await made(api, (mug, 1)), await made(api, (mug, 2))

    payloads = await asyncio.gather(
        *(two_processes[number % 2].merge(*((one, two) if number < 5 else (two, one))) for number in range(10))
    )

    outcomes = {payload["cart"]["totalQuantity"] if payload["cart"] else "refused" for payload in payloads}
    assert outcomes == {3, "refused"}
    states = {(await api.cart(each["id"]))["state"] for each in (one, two)}
    assert states == {"ACTIVE", "MERGED"}


async def test_merging_again_tells_the_same_losses(api: Api, mug: Stocked) -> None:
    source, target = await made(api, (mug, 9)), await made(api, (mug, 9))

    first = await api.merge(source, target)
    again = await api.merge(source, target)

    assert again == first
    assert (counts(first), first["userErrors"][0]["applied"]) == ((0, 1, 1, 0), 1)


async def test_the_target_keeps_its_own_details_and_takes_those_it_lacks(api: Api, mug: Stocked) -> None:
    source = await made(api, (mug, 1), email="guest@example.com", note="Ring twice.", shippingAddress=ADDRESS)
    target = await made(api, email="ada@example.com")

    merged = (await api.merge(source, target))["cart"]

    assert (merged["email"], merged["note"]) == ("ada@example.com", "Ring twice.")
    assert merged["readiness"]["missing"] == ["DELIVERY_OPTION"]


async def test_a_guests_cart_goes_into_the_customers_and_nobody_else_sees_it(
    api: Api, customers: tuple[Api, Api], mug: Stocked
) -> None:
    ada, ben = customers
    guests, own = await made(api, (mug, 1)), await made(ada, (mug, 2))

    stolen = await ben.merge(guests, own)
    merged = await ada.merge(guests, own)

    assert [(error["code"], error["field"]) for error in stolen["userErrors"]] == [("NOT_FOUND", ["targetCartId"])]
    assert merged["cart"]["totalQuantity"] == 3
    assert (await api.data(READ, id=guests["id"]))["cart"] == {
        "state": "MERGED", "version": 2, "totalQuantity": 1, "mergedInto": None,
    }  # fmt: skip


async def test_a_merge_that_cannot_be_is_refused_and_changes_nothing(
    api: Api, clock: ManualClock, mug: Stocked
) -> None:
    one, two, paid = await made(api, (mug, 1)), await made(api, (mug, 1)), await api.ready_cart((mug.variant_id, 1))
    gone = {"id": "cart_" + "1" * 21 + "2"}
    await api.checkout(paid)

    async def refusal(source: Cart, target: Cart, **more: Any) -> list[tuple[str, list[str]]]:
        payload = await api.merge(source, target, **more)
        assert (payload["cart"], counts(payload)) == (None, (0, 0, 0, 0))
        return [(error["code"], error["field"]) for error in payload["userErrors"]]

    assert await refusal(one, one) == [("INVALID", ["targetCartId"])]
    assert await refusal(gone, one) == [("NOT_FOUND", ["sourceCartId"])]
    assert await refusal(one, gone) == [("NOT_FOUND", ["targetCartId"])]
    assert await refusal(paid, one) == [("CART_COMPLETED", ["sourceCartId"])]
    assert await refusal(one, paid) == [("CART_COMPLETED", ["targetCartId"])]
    assert await refusal(one, two, expectedVersion=9) == [("VERSION_CONFLICT", ["expectedVersion"])]
    with clock.turned(timedelta(days=31)):
        assert await refusal(one, two) == [("CART_EXPIRED", ["sourceCartId"])]
    assert [await api.cart(each["id"]) for each in (one, two)] == [one, two]


async def test_carts_that_were_merged_are_swept_like_expired_ones(
    api: Api, shop: Shop, clock: ManualClock, mug: Stocked
) -> None:
    source, target = await made(api, (mug, 1)), await made(api)
    await api.merge(source, target)

    with clock.turned(timedelta(days=61)):
        while await shop.delete_expired_carts():
            pass

    assert await api.cart(source["id"]) is None
