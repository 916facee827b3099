from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from app.cart.delete_expired import BATCH, DeleteExpired
from app.cart.domain import CartState
from app.core.ids import CartId
from tests.unit.fakes import NOON, MemoryShop


@pytest.fixture
def shop() -> MemoryShop:
    return MemoryShop()


def put(shop: MemoryShop, number: int, *, ended_days_ago: float, state: CartState = CartState.ACTIVE) -> CartId:
    cart_id = CartId(UUID(int=number))
    shop.put_cart(id=cart_id, expires_at=NOON - timedelta(days=ended_days_ago), state=state)
    return cart_id


async def test_carts_are_kept_for_30_days_after_their_end(shop: MemoryShop) -> None:
    kept = {put(shop, number, ended_days_ago=days) for number, days in enumerate([-30, 0, 1, 29.99, 30])}
    put(shop, 9, ended_days_ago=30.01)
    put(shop, 10, ended_days_ago=400)

    assert await DeleteExpired(shop.transactions, shop.clock)() == 2

    assert set(shop.books.carts) == kept


@pytest.mark.parametrize("state", [CartState.IN_CHECKOUT, CartState.COMPLETED])
async def test_carts_that_are_or_were_paid_stay(shop: MemoryShop, state: CartState) -> None:
    cart_id = put(shop, 1, ended_days_ago=400, state=state)

    assert await DeleteExpired(shop.transactions, shop.clock)() == 0

    assert set(shop.books.carts) == {cart_id}


async def test_a_batch_is_500_carts_and_the_next_run_takes_the_rest(shop: MemoryShop) -> None:
    for number in range(BATCH + 3):
        put(shop, number, ended_days_ago=31)
    delete = DeleteExpired(shop.transactions, shop.clock)

    assert [await delete() for _ in range(3)] == [500, 3, 0]
    assert shop.books.carts == {}
