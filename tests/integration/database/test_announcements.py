"""A change is announced once others can see it, and only if they can."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.bootstrap import Shop
from app.cart.domain import Cart, CartState
from app.core.changes import Change, cart_changed
from app.core.errors import DatabaseUnavailable
from app.core.ids import CartId
from app.transactions import Transactions
from tests.shopkeeping import FLAT_RATE, USD


class Board:
    """What has been announced, and the notes that carts had for others at that moment."""

    def __init__(self, shop: Shop) -> None:
        self.transactions = Transactions(
            shop.database,
            currency=USD,
            language="en",
            flat_rate=FLAT_RATE,
            drop_tags=self._drop,
            announce=self._announce,
        )
        self.announced: list[set[Change]] = []
        self.dropped: list[set[str]] = []
        self._shop = shop
        self.seen: list[asyncio.Task[str | None]] = []

    def _announce(self, changes: Iterable[Change]) -> None:
        self.announced.append(set(changes))
        self.seen += [asyncio.ensure_future(self._note(change)) for change in changes]

    async def _note(self, change: Change) -> str | None:
        async with self._shop.database.read_fresh() as connection:
            row = await connection.execute(text("SELECT note FROM cart WHERE id = :id"), {"id": change.key})
        return row.scalar()

    async def _drop(self, tags: Iterable[str]) -> None:
        self.dropped.append(set(tags))


@pytest.fixture
def board(shop: Shop) -> Board:
    return Board(shop)


@pytest.fixture
async def cart(shop: Shop) -> Cart:
    now = shop.clock.now()
    cart = Cart(CartId(uuid4()), 1, CartState.ACTIVE, USD, now, now, now)
    async with shop.transactions.begin() as tx:
        await tx.carts.insert(cart)
    return cart


async def test_a_change_is_announced_when_others_can_see_it(board: Board, cart: Cart) -> None:
    async with board.transactions.begin() as tx:
        await tx.carts.lock(cart.id)
        await tx.carts.save(replace(cart, note="new"))
        tx.announce_after_commit(cart_changed(cart.id), cart_changed(cart.id))
        before = list(board.announced)

    assert before == []
    assert board.announced == [{cart_changed(cart.id)}]
    assert await asyncio.gather(*board.seen) == ["new"]


async def test_what_was_rolled_back_is_not_announced(board: Board, cart: Cart) -> None:
    async def fail_late() -> None:
        async with board.transactions.begin() as tx:
            tx.announce_after_commit(cart_changed(cart.id))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_late()

    assert board.announced == []


async def test_a_commit_whose_answer_is_lost_is_announced_all_the_same(board: Board, cart: Cart, shop: Shop) -> None:
    async def lose_the_connection_before_the_commit() -> None:
        async with board.transactions.begin() as tx:
            backend = (await tx.carts._connection.execute(text("SELECT pg_backend_pid()"))).scalar()
            tx.announce_after_commit(cart_changed(cart.id))
            async with shop.database.write() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend})

    with pytest.raises(DatabaseUnavailable):
        await lose_the_connection_before_the_commit()

    assert board.announced == [{cart_changed(cart.id)}]


async def test_a_transaction_without_changes_announces_nothing(board: Board) -> None:
    async with board.transactions.begin() as tx:
        tx.drop_after_commit(["a"])

    assert board.announced == []
    assert board.dropped == [{"a"}]
