"""Orders on the real tables: a whole copy of what the buyer accepted."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.bootstrap import Shop
from app.core.contact import Address
from app.core.ids import CartId, OrderId, OrderLineId
from app.core.money import Currency, Money
from app.orders.domain import (
    Delivery,
    FulfillmentStatus,
    Order,
    OrderCost,
    OrderEvent,
    OrderLine,
    OrderStatus,
    PaymentStatus,
)
from tests.shopkeeping import USD, Shopkeeper, Stocked, counted_statements

NOW = datetime(2026, 5, 4, 3, 2, 1, 123456, UTC)


def usd(minor: int) -> Money:
    return Money(minor, USD)


def order_of(mug: Stocked, *, lines: int = 2) -> Order:
    """An order of one unit a line at 18.00, shipped for 4.90."""
    return Order(
        id=OrderId(uuid.uuid4()),
        cart_id=CartId(uuid.uuid4()),
        status=OrderStatus.PENDING,
        payment_status=PaymentStatus.PENDING,
        fulfillment_status=FulfillmentStatus.UNFULFILLED,
        email="ada@example.com",
        currency=USD,
        lines=tuple(
            OrderLine(
                id=OrderLineId(uuid.uuid4()),
                variant_id=mug.variant_id,
                product_name="Mug ❤",
                variant_name="Blue / S",
                sku=mug.sku,
                quantity=1,
                unit_price=usd(1_800),
                discount=usd(0),
                total=usd(1_800),
                attributes=(("Engraving", str(place)), ("Box", "")),
                position=place,
            )
            for place in range(lines)
        ),
        cost=OrderCost(usd(1_800 * lines), usd(0), usd(490), usd(0), usd(1_800 * lines + 490)),
        shipping_address=Address("Ada Marsh", "1 Contour Road", "Portland", "US"),
        billing_address=None,
        delivery=Delivery(1, "Standard delivery", usd(490), 3),
        note="a note",
        placed_at=NOW,
    )


def event(order: Order, kind: str) -> OrderEvent:
    return OrderEvent(order.id, NOW, kind, f"It was {kind}.")


async def insert(shop: Shop, order: Order) -> Order:
    async with shop.transactions.begin() as tx:
        await tx.orders.insert(order, event(order, "placed"))
    return order


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug")


async def test_an_order_comes_back_as_it_was_stored_with_a_number(shop: Shop, mug: Stocked) -> None:
    first, second = [await insert(shop, order_of(mug)) for _ in range(2)]

    found = await shop.services.readers.orders.orders_by_ids([first.id, second.id, OrderId(uuid.uuid4())])

    assert {key: replace(order, number="") for key, order in found.items()} == {first.id: first, second.id: second}
    numbers = [int(found[order.id].number or 0) for order in (first, second)]
    assert 100_000 < numbers[0] < numbers[1]


async def test_an_order_without_delivery_and_addresses(shop: Shop, mug: Stocked) -> None:
    bare = replace(
        order_of(mug, lines=1),
        shipping_address=None,
        delivery=None,
        note=None,
        cost=OrderCost(usd(1_800), usd(0), usd(0), usd(0), usd(1_800)),
    )
    await insert(shop, bare)

    found = (await shop.services.readers.orders.orders_by_ids([bare.id]))[bare.id]

    assert replace(found, number="") == bare


async def test_an_order_moves_on_and_keeps_its_history(shop: Shop, mug: Stocked) -> None:
    order = await insert(shop, order_of(mug))

    async with shop.transactions.begin() as tx:
        await tx.orders.advance(order.id, OrderStatus.CONFIRMED, PaymentStatus.PAID, event(order, "paid"))

    readers = shop.services.readers.orders
    found = (await readers.orders_by_ids([order.id]))[order.id]
    assert replace(found, number="") == replace(order, status=OrderStatus.CONFIRMED, payment_status=PaymentStatus.PAID)
    assert await readers.events_by_order_ids([order.id, OrderId(uuid.uuid4())]) == {
        order.id: (event(order, "placed"), event(order, "paid"))
    }


async def test_a_canceled_order_is_not_what_its_cart_became(shop: Shop, mug: Stocked) -> None:
    canceled = await insert(shop, order_of(mug))
    readers = shop.services.readers.orders
    before = await readers.order_ids_by_cart_ids([canceled.cart_id])
    async with shop.transactions.begin() as tx:
        await tx.orders.advance(canceled.id, OrderStatus.CANCELED, PaymentStatus.FAILED, event(canceled, "failed"))
    between = await readers.order_ids_by_cart_ids([canceled.cart_id])

    again = await insert(shop, replace(order_of(mug), cart_id=canceled.cart_id))

    assert before == {canceled.cart_id: canceled.id}
    assert between == {}
    assert await readers.order_ids_by_cart_ids([canceled.cart_id]) == {canceled.cart_id: again.id}


async def test_an_order_costs_the_same_statements_whatever_its_lines(shop: Shop, mug: Stocked) -> None:
    async def statements(lines: int) -> tuple[int, int]:
        order = order_of(mug, lines=lines)
        with counted_statements(shop) as writing:
            await insert(shop, order)
        with counted_statements(shop) as reading:
            found = await shop.services.readers.orders.orders_by_ids([order.id])
        assert len(found[order.id].lines) == lines
        return len(writing), len(reading)

    assert await statements(1) == await statements(100) == (3, 1)


async def test_amounts_beyond_31_bits_are_kept(shop: Shop, mug: Stocked) -> None:
    dear = order_of(mug, lines=1)
    price = Money(9_999_999_999, Currency("USD"))
    dear = replace(
        dear,
        lines=(replace(dear.lines[0], unit_price=price, total=price),),
        cost=OrderCost(price, usd(0), usd(490), usd(0), price + usd(490)),
    )
    await insert(shop, dear)

    found = (await shop.services.readers.orders.orders_by_ids([dear.id]))[dear.id]

    assert (found.cost, found.lines) == (dear.cost, dear.lines)
