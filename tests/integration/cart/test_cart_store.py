"""Carts on the real tables: stored and read back whole, locked one at a time, deleted when they are old."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.bootstrap import Shop
from app.cart.domain import Cart, CartLine, CartState, KeyValue
from app.core.contact import Address
from app.core.errors import DatabaseUnavailable
from app.core.ids import CartId, CartLineId, decode
from app.core.money import Money
from tests.shopkeeping import USD, Api, ManualClock, Shopkeeper, Stocked

NOW = datetime(2026, 5, 4, 3, 2, 1, 123456, UTC)
ADDRESS = Address("Ada Marsh", "1 Contour Road", "Portland", "US", "Contour Ltd", "c/o Ben", "OR", "97201", "+1 503")


def line(mug: Stocked, quantity: int, *pairs: tuple[str, str]) -> CartLine:
    attributes = tuple(KeyValue(key, value) for key, value in pairs)
    return CartLine(CartLineId(uuid.uuid4()), mug.variant_id, quantity, Money(1_800, USD), attributes)


def empty_cart() -> Cart:
    return Cart(
        id=CartId(uuid.uuid4()),
        version=1,
        state=CartState.ACTIVE,
        currency=USD,
        created_at=NOW,
        updated_at=NOW,
        expires_at=NOW + timedelta(days=30),
    )


async def insert(shop: Shop, cart: Cart) -> Cart:
    async with shop.transactions.begin() as tx:
        await tx.carts.insert(cart)
    return cart


async def find(shop: Shop, cart_id: CartId) -> Cart | None:
    async with shop.transactions.read() as tx:
        return await tx.carts.find(cart_id)


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug")


async def test_a_cart_comes_back_as_it_was_stored(shop: Shop, mug: Stocked) -> None:
    plain = await insert(shop, empty_cart())
    full = await insert(
        shop,
        replace(
            empty_cart(),
            lines=(line(mug, 3, ("Engraving", "für Ada ❤"), ("Box", "")), line(mug, 999)),
            email="ada@example.com",
            note="two\nlines \u202e and more",
            shipping_address=ADDRESS,
            billing_address=Address("A", "B", "C", "DE"),
            delivery_option_id=1,
        ),
    )

    assert await find(shop, plain.id) == plain
    assert await find(shop, full.id) == full
    assert await find(shop, CartId(uuid.uuid4())) is None


async def test_saving_replaces_everything_and_keeps_the_order_of_lines(shop: Shop, mug: Stocked) -> None:
    before = await insert(
        shop, replace(empty_cart(), lines=tuple(line(mug, units, ("n", str(units))) for units in (1, 2, 3)))
    )
    after = replace(
        before,
        version=2,
        state=CartState.IN_CHECKOUT,
        lines=(replace(before.lines[2], quantity=7), before.lines[0], line(mug, 5)),
        email="ben@example.com",
        updated_at=NOW + timedelta(days=1),
        expires_at=NOW + timedelta(days=31),
    )

    async with shop.transactions.begin() as tx:
        await tx.carts.lock(before.id)
        await tx.carts.save(after)

    assert await find(shop, before.id) == after


async def test_who_waits_for_a_cart_reads_it_as_it_is_after_the_wait(shop: Shop, mug: Stocked) -> None:
    cart = await insert(shop, empty_cart())
    locked = asyncio.Event()

    async def change() -> None:
        async with shop.transactions.begin() as tx:
            await tx.carts.lock(cart.id)
            locked.set()
            await asyncio.sleep(0.1)
            await tx.carts.save(replace(cart, version=2, lines=(line(mug, 4),)))

    async def wait() -> Cart | None:
        await locked.wait()
        async with shop.transactions.begin() as tx:
            return await tx.carts.lock(cart.id)

    _, seen = await asyncio.gather(change(), wait())

    assert seen is not None
    assert (seen.version, [each.quantity for each in seen.lines]) == (2, [4])


async def test_a_cart_that_is_held_for_long_is_an_outage_and_not_a_change(shop: Shop) -> None:
    cart = await insert(shop, empty_cart())

    async def take() -> None:
        async with shop.transactions.begin() as other:
            await other.carts.lock(cart.id)
            await other.carts.save(replace(cart, version=99))

    async with shop.transactions.begin() as tx:
        await tx.carts.lock(cart.id)
        with pytest.raises(DatabaseUnavailable):
            await take()

    assert await find(shop, cart.id) == cart


async def test_a_transaction_that_fails_leaves_the_cart_as_it_was(shop: Shop, mug: Stocked) -> None:
    cart = await insert(shop, replace(empty_cart(), lines=(line(mug, 2),)))

    async def fail() -> None:
        async with shop.transactions.begin() as tx:
            await tx.carts.lock(cart.id)
            await tx.carts.save(replace(cart, version=2, lines=()))
            raise KeyError("halfway")

    with pytest.raises(KeyError):
        await fail()

    assert await find(shop, cart.id) == cart


async def test_carts_that_ended_a_month_ago_are_deleted_but_never_those_that_were_paid(
    api: Api, shop: Shop, clock: ManualClock, mug: Stocked
) -> None:
    left = await api.ready_cart((mug.variant_id, 1))
    paid = await api.ready_cart((mug.variant_id, 1))
    waiting = await api.ready_cart((mug.variant_id, 1))
    await api.checkout(paid)
    await api.checkout(waiting, pay="pm_card_threeDSecure2Required")

    async def there() -> list[bool]:
        keys = [CartId(decode(cart["id"])[1]) for cart in (left, paid, waiting)]
        return [await find(shop, key) is not None for key in keys]

    with clock.turned(timedelta(days=59)):
        while await shop.delete_expired_carts():
            pass
        before = await there()
    with clock.turned(timedelta(days=61)):
        while await shop.delete_expired_carts():
            pass
        after = await there()

    assert before == [True, True, True]
    assert after == [False, True, True]
