"""Holding, selling and releasing units, on the real tables."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping

import pytest
from sqlalchemy import text

from app.bootstrap import Shop
from app.core.errors import OutOfStock, Rejected
from app.core.ids import OrderId, VariantId
from app.core.stock import StockPolicy
from tests.shopkeeping import Shopkeeper, Stocked, counted_statements

NOBODY = VariantId(2**31 - 1)


def new_order() -> OrderId:
    return OrderId(uuid.uuid4())


async def hold(shop: Shop, demand: Mapping[VariantId, int], order: OrderId | None = None) -> OrderId:
    order = order or new_order()
    async with shop.transactions.begin() as tx:
        await tx.stock.hold(order, demand, now=shop.clock.now())
    return order


async def sell(shop: Shop, order: OrderId) -> None:
    async with shop.transactions.begin() as tx:
        await tx.stock.sell(order, now=shop.clock.now())


async def release(shop: Shop, order: OrderId) -> None:
    async with shop.transactions.begin() as tx:
        await tx.stock.release(order, now=shop.clock.now())


async def states(shop: Shop, order: OrderId) -> list[tuple[int, int, str, bool]]:
    """Every reservation of an order: variant, units, state, whether it has ended."""
    async with shop.database.read_fresh() as connection:
        query = text("""SELECT variant_id, quantity, state, ended_at IS NOT NULL AS ended FROM reservation
            WHERE order_id = :order ORDER BY variant_id""")
        return [tuple(row) for row in await connection.execute(query, {"order": order})]


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=5)


async def test_held_units_are_reserved_and_then_sold(shop: Shop, keeper: Shopkeeper, mug: Stocked) -> None:
    order = await hold(shop, {mug.variant_id: 3})
    held = await keeper.level(mug.variant_id), await states(shop, order)

    await sell(shop, order)

    assert held == ((5, 3), [(mug.variant_id, 3, "held", False)])
    assert await keeper.level(mug.variant_id) == (2, 0)
    assert await states(shop, order) == [(mug.variant_id, 3, "sold", True)]


async def test_held_units_can_be_given_back(shop: Shop, keeper: Shopkeeper, mug: Stocked) -> None:
    order = await hold(shop, {mug.variant_id: 3})

    await release(shop, order)

    assert await keeper.level(mug.variant_id) == (5, 0)
    assert await states(shop, order) == [(mug.variant_id, 3, "released", True)]


@pytest.mark.parametrize(
    ("ends", "level", "state"),
    [
        ((sell, sell), (2, 0), "sold"),
        ((release, release), (5, 0), "released"),
        ((sell, release), (2, 0), "sold"),
        ((release, sell), (5, 0), "released"),
    ],
)
async def test_only_the_first_end_counts(
    shop: Shop, keeper: Shopkeeper, mug: Stocked, ends: tuple, level: tuple[int, int], state: str
) -> None:
    order = await hold(shop, {mug.variant_id: 3})

    for end in ends:
        await end(shop, order)

    assert await keeper.level(mug.variant_id) == level
    assert await states(shop, order) == [(mug.variant_id, 3, state, True)]


async def test_ending_an_order_that_holds_nothing_changes_nothing(shop: Shop, keeper: Shopkeeper, mug: Stocked) -> None:
    await sell(shop, new_order())
    await release(shop, new_order())

    assert await keeper.level(mug.variant_id) == (5, 0)


async def test_when_some_are_short_all_of_them_are_told_and_nothing_is_held(
    shop: Shop, keeper: Shopkeeper, mug: Stocked
) -> None:
    few, none, plenty = [await keeper.stock("X", on_hand=units) for units in (1, 0, 50)]
    demand = {plenty.variant_id: 2, none.variant_id: 1, mug.variant_id: 5, few.variant_id: 2, NOBODY: 1}
    order = new_order()

    with pytest.raises(Rejected) as caught:
        await hold(shop, demand, order)

    faults = [fault for fault in caught.value.faults if isinstance(fault, OutOfStock)]
    assert [(fault.variant_id, fault.requested, fault.available) for fault in faults] == [
        (none.variant_id, 1, 0),
        (few.variant_id, 2, 1),
        (NOBODY, 1, 0),
    ]
    assert await states(shop, order) == []
    for stocked, units in ((plenty, 50), (none, 0), (mug, 5), (few, 1)):
        assert await keeper.level(stocked.variant_id) == (units, 0)


@pytest.mark.parametrize("policy", [StockPolicy.BACKORDER, StockPolicy.UNTRACKED])
async def test_what_is_sold_past_zero_is_still_counted(shop: Shop, keeper: Shopkeeper, policy: StockPolicy) -> None:
    stocked = await keeper.stock("Endless", on_hand=1, policy=policy)

    order = await hold(shop, {stocked.variant_id: 4})
    held = await keeper.level(stocked.variant_id)
    await sell(shop, order)

    assert held == (1, 4)
    assert await keeper.level(stocked.variant_id) == (-3, 0)


async def test_20_parallel_orders_of_7_units_hold_7(shop: Shop, keeper: Shopkeeper) -> None:
    stocked = await keeper.stock("Wanted", on_hand=7)

    results = await asyncio.gather(*(hold(shop, {stocked.variant_id: 1}) for _ in range(20)), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["Rejected"] * 13 + ["UUID"] * 7
    assert await keeper.level(stocked.variant_id) == (7, 7)


async def test_orders_that_hold_the_same_variants_in_opposite_order_do_not_block_each_other(
    shop: Shop, keeper: Shopkeeper
) -> None:
    sized = await keeper.stock("Sized", sizes=tuple("ABCDEF"), on_hand=50)
    forward, backward = list(sized.variant_ids), list(sized.variant_ids)[::-1]

    orders = await asyncio.gather(
        *(hold(shop, dict.fromkeys(forward if number % 2 else backward, 1)) for number in range(12))
    )
    await asyncio.gather(
        *(sell(shop, order) if number % 3 else release(shop, order) for number, order in enumerate(orders))
    )

    for variant_id in sized.variant_ids:
        assert await keeper.level(variant_id) == (50 - 8, 0)


async def test_the_number_of_statements_does_not_depend_on_the_number_of_variants(
    shop: Shop, keeper: Shopkeeper
) -> None:
    sized = await keeper.stock("Sized", sizes=tuple(f"{number:02}" for number in range(60)))

    async def statements(size: int) -> list[int]:
        seen = []
        with counted_statements(shop) as counted:
            order = await hold(shop, dict.fromkeys(sized.variant_ids[:size], 1))
        seen.append(len(counted))
        with counted_statements(shop) as counted:
            await sell(shop, order)
        return [*seen, len(counted)]

    assert await statements(1) == await statements(60) == [2, 2]


async def test_levels_of_unknown_variants_are_absent(shop: Shop, mug: Stocked) -> None:
    levels = await shop.services.readers.stock.levels_by_variant_ids([mug.variant_id, NOBODY])

    assert list(levels) == [mug.variant_id]
    assert (levels[mug.variant_id].on_hand, levels[mug.variant_id].sellable) == (5, 5)
