from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from app.cart.turns import CartTurns
from app.core.errors import CartBusy
from app.core.ids import CartId

A, B = CartId(UUID(int=1)), CartId(UUID(int=2))


async def test_one_caller_at_a_time_has_its_turn_in_the_order_they_came() -> None:
    turns, inside, order = CartTurns(), 0, []

    async def change(number: int) -> None:
        nonlocal inside
        async with turns.of(A):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            order.append(number)
            inside -= 1

    await asyncio.gather(*(change(number) for number in range(20)))

    assert order == list(range(20))


async def test_other_carts_do_not_wait() -> None:
    turns = CartTurns()

    async with turns.of(A), turns.of(B):
        pass


async def test_two_callers_of_two_carts_in_either_order_both_get_them() -> None:
    turns = CartTurns()

    async def change(*cart_ids: CartId) -> None:
        async with turns.of(*cart_ids):
            await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await asyncio.gather(*(change(A, B) if number % 2 else change(B, A) for number in range(20)))


async def test_a_cart_named_twice_is_one_turn() -> None:
    async with asyncio.timeout(5), CartTurns().of(A, A):
        pass


async def test_a_turn_that_does_not_come_in_time_is_an_outage_and_takes_no_place() -> None:
    turns = CartTurns(wait_seconds=0.01)

    async with turns.of(A):
        with pytest.raises(CartBusy):
            async with turns.of(B, A):
                raise AssertionError
        async with turns.of(B):
            pass

    async with turns.of(A):
        pass


async def test_nothing_is_kept_of_carts_that_nobody_waits_for() -> None:
    turns = CartTurns()

    async with turns.of(A, B):
        assert len(turns._queues) == 2

    assert turns._queues == {}


async def test_a_timeout_inside_the_turn_is_the_callers_own() -> None:
    with pytest.raises(TimeoutError):
        async with CartTurns().of(A):
            raise TimeoutError
