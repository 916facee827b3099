"""Use cases of whole carts in memory: filled, merged, deleted. Whoever watches a cart is told of each."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from app.cart.delete_cart import DeleteCart
from app.cart.domain import Cart, CartLine, CartState
from app.cart.edits import NewLine
from app.cart.fill_cart import FillCart
from app.cart.merge_carts import MergeCarts
from app.core.changes import cart_changed
from app.core.errors import CartClosed, ErrorCode, InvalidInput, NotFound, Rejected
from app.core.ids import CartId, CustomerId, VariantId
from app.core.money import Currency
from app.idempotency.domain import KeyedCall
from tests.unit.fakes import ADDRESS, MemoryShop, line, usd

V7, V8 = VariantId(7), VariantId(8)
ADA, BEN = CustomerId(UUID(int=1)), CustomerId(UUID(int=2))
CALL = KeyedCall(b"scope", "key", b"input", b"selection")


@pytest.fixture
def shop() -> MemoryShop:
    shop = MemoryShop()
    shop.stock(7, on_hand=10)
    shop.stock(8, on_hand=3)
    return shop


def put(shop: MemoryShop, number: int, *lines: CartLine, **values: object) -> Cart:
    plain = {"email": None, "shipping_address": None, "delivery_option_id": None}
    return shop.put_cart(*lines, id=CartId(UUID(int=number)), **(plain | values))


def contents(shop: MemoryShop, cart: Cart) -> list[tuple[int, int]]:
    return [(each.variant_id, each.quantity) for each in shop.books.carts[cart.id].lines]


# ------------------------------------------------------------------------------------------------ filling


async def test_filling_stores_what_fits_and_remembers_what_does_not(shop: MemoryShop) -> None:
    cart = put(shop, 100)
    fill, lines = FillCart(shop.desk), (NewLine(V7, 4), NewLine(V8, 5))

    first = await fill(cart.id, lines, expected_version=1, keyed=CALL)
    again = await fill(cart.id, lines, expected_version=1, keyed=CALL)

    assert contents(shop, cart) == [(7, 4), (8, 3)]
    assert (first.cart.version, again.cart.version) == (2, 2)
    assert [fault.code for fault in first.faults] == [ErrorCode.INSUFFICIENT_STOCK]
    assert again.faults == first.faults


async def test_filling_with_nothing_is_refused(shop: MemoryShop) -> None:
    cart = put(shop, 100, line(1, 8, 3))

    with pytest.raises(Rejected):
        await FillCart(shop.desk)(cart.id, (NewLine(V8, 1),), expected_version=None)

    assert shop.books.carts[cart.id] == cart


# ------------------------------------------------------------------------------------------------ merging


async def test_merging_moves_sums_clamps_and_drops(shop: MemoryShop) -> None:
    shop.stock(9, price=None)
    source = put(shop, 100, line(1, 7, 9, price=1_500), line(2, 8, 2), line(3, 9, 1), email="guest@example.com")
    target = put(shop, 50, line(4, 7, 3), email="ada@example.com", shipping_address=ADDRESS, customer_id=ADA)

    merged = await MergeCarts(shop.desk)(source.id, target.id, expected_version=1, caller=ADA)

    report = merged.report
    assert (report.moved, report.summed, report.clamped, report.dropped) == (1, 1, 1, 1)
    assert [(fault.code, fault.field) for fault in report.faults] == [
        (ErrorCode.INSUFFICIENT_STOCK, ("sourceCartId",)),
        (ErrorCode.VARIANT_UNAVAILABLE, ("sourceCartId",)),
    ]
    assert contents(shop, target) == [(7, 10), (8, 2)]
    stored = shop.books.carts[target.id]
    assert (stored.version, stored.email, stored.customer_id) == (2, "ada@example.com", ADA)
    assert stored.lines[0].unit_price_when_added == usd(1_800)
    ended = shop.books.carts[source.id]
    assert (ended.state, ended.version, ended.merged_into, ended.lines) == (
        CartState.MERGED, 2, target.id, source.lines,
    )  # fmt: skip


async def test_merging_again_answers_the_same_and_moves_nothing(shop: MemoryShop) -> None:
    source, target = put(shop, 100, line(1, 8, 2)), put(shop, 50, line(2, 8, 2))
    merge = MergeCarts(shop.desk)

    first = await merge(source.id, target.id, expected_version=None)
    again = await merge(source.id, target.id, expected_version=None)

    assert again == first
    assert contents(shop, target) == [(8, 3)]


async def test_a_cart_that_went_elsewhere_cannot_be_merged(shop: MemoryShop) -> None:
    source, target, other = put(shop, 100, line(1, 7)), put(shop, 50), put(shop, 60)
    merge = MergeCarts(shop.desk)
    await merge(source.id, target.id, expected_version=None)

    with pytest.raises(CartClosed) as refusal:
        await merge(source.id, other.id, expected_version=None)

    assert (refusal.value.code, refusal.value.field) == (ErrorCode.CART_MERGED, ("sourceCartId",))
    assert shop.books.carts[other.id] == other


async def test_carts_of_two_currencies_stay_apart(shop: MemoryShop) -> None:
    source, target = put(shop, 100, line(1, 7)), put(shop, 50)
    foreign = replace(source, currency=Currency("EUR"))
    shop.books.carts[source.id] = foreign

    with pytest.raises(InvalidInput) as refusal:
        await MergeCarts(shop.desk)(source.id, target.id, expected_version=None)

    assert (refusal.value.code, refusal.value.field) == (ErrorCode.CURRENCY_MISMATCH, ("sourceCartId",))
    assert (shop.books.carts[source.id], shop.books.carts[target.id]) == (foreign, target)


# ------------------------------------------------------------------------------------------------ deleting


async def test_a_cart_is_deleted_by_its_owner_alone(shop: MemoryShop) -> None:
    cart = put(shop, 100, customer_id=ADA)
    delete = DeleteCart(shop.desk)

    for stranger in (None, BEN):
        with pytest.raises(NotFound):
            await delete(cart.id, expected_version=None, caller=stranger)
    await delete(cart.id, expected_version=1, caller=ADA)

    assert cart.id not in shop.books.carts
    assert shop.transactions.announced == [{cart_changed(cart.id)}]


async def test_a_deletion_that_is_sent_again_is_no_error(shop: MemoryShop) -> None:
    cart = put(shop, 100)
    delete = DeleteCart(shop.desk)

    for _ in range(2):
        await delete(cart.id, expected_version=None, keyed=CALL)

    assert shop.books.carts == {}
