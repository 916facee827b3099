"""Orders' SQL. An order is read whole in one statement and always from the primary."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Integer, Row, bindparam, func, insert, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, UUID, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.contact import Address
from app.core.ids import CartId, CustomerId, OrderId, OrderLineId, VariantId
from app.core.money import Currency, Money
from app.core.pagination import Page, PageRequest, cut_page, decode_cursor, fingerprint
from app.database.engine import Database
from app.database.tables import cart, order_event, order_line, orders
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
from app.taxes.domain import TaxLine

_ids = bindparam("ids", type_=ARRAY(UUID(as_uuid=True)))
_lines = (
    select(func.jsonb_agg(aggregate_order_by(func.to_jsonb(order_line.table_valued()), order_line.c.position)))
    .where(order_line.c.order_id == orders.c.id)
    .scalar_subquery()
    .label("lines")
)
_ORDERS = select(orders, _lines).where(orders.c.id == func.any(_ids))
_came_to_something = or_(orders.c.status != "canceled", orders.c.payment_status != "failed")
_OF_CUSTOMER = (
    select(orders, _lines)
    .where(orders.c.customer_id == bindparam("of_customer", type_=UUID(as_uuid=True)), _came_to_something)
    .limit(bindparam("most", type_=Integer))
)
_PLACE = tuple_(orders.c.placed_at, orders.c.id)
_CURSOR = tuple_(bindparam("placed_at", type_=orders.c.placed_at.type), bindparam("after_id", type_=UUID(as_uuid=True)))
_COUNTS = (
    select(orders.c.customer_id, func.count().label("number"))
    .where(orders.c.customer_id == func.any(_ids), _came_to_something)
    .group_by(orders.c.customer_id)
)
_BY_NUMBER = select(orders, _lines).where(orders.c.number == bindparam("number"))
# the latest: orders whose payments came to nothing went before it; one that was paid and then canceled stays its cart's
_BY_CART = (
    select(orders.c.cart_id, orders.c.id)
    .outerjoin(cart, cart.c.id == orders.c.cart_id)
    .where(
        orders.c.cart_id == func.any(_ids),
        or_(orders.c.status != OrderStatus.CANCELED.value.lower(), cart.c.state == "completed"),
    )
    .order_by(orders.c.placed_at)
)
_EVENTS = (
    select(order_event.c.order_id, order_event.c.at, order_event.c.kind, order_event.c.message)
    .where(order_event.c.order_id == func.any(_ids))
    .order_by(order_event.c.id)
)
_INSERT = insert(orders)
_INSERT_LINES = text("""
    INSERT INTO order_line (id, order_id, position, variant_id, product_name, variant_name, sku, quantity,
                            unit_price_minor, discount_minor, total_minor, attributes)
    SELECT id, :order_id, position, variant_id, product_name, variant_name, sku, quantity,
           unit_price, discount, total, attributes
    FROM jsonb_to_recordset(:lines) AS line (
        id uuid, position int, variant_id int, product_name text, variant_name text, sku text, quantity int,
        unit_price bigint, discount bigint, total bigint, attributes jsonb)
""").bindparams(bindparam("lines", type_=JSONB), bindparam("order_id", type_=UUID(as_uuid=True)))
_INSERT_EVENT = insert(order_event)
_ADVANCE = update(orders).where(orders.c.id == bindparam("order_id", type_=UUID(as_uuid=True)))


class SqlOrderReader:
    """`OrderReader` on the primary."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def orders_by_ids(self, ids: Sequence[OrderId]) -> dict[OrderId, Order]:
        """The orders with these ids."""
        return {row.id: _order(row) for row in await self._rows(_ORDERS, ids)}

    async def page_of_customer(self, customer_id: CustomerId, request: PageRequest) -> Page[Order]:
        """A page of a customer's orders, the newest first."""
        mark = fingerprint("orders", customer_id.hex)
        statement, values = _OF_CUSTOMER, {"of_customer": customer_id, "most": request.limit + 1}
        if request.cursor is not None:
            placed_at, key = decode_cursor(request.cursor, mark, tuple[datetime, uuid.UUID])
            values |= {"placed_at": placed_at, "after_id": key}
            statement = statement.where(_PLACE < _CURSOR if request.forward else _PLACE > _CURSOR)
        ends = [orders.c.placed_at, orders.c.id]
        ordered = statement.order_by(*(end.desc() if request.forward else end for end in ends))
        async with self._database.read_fresh() as connection:
            rows = [_order(row) for row in await connection.execute(ordered, values)]
        return cut_page(rows, request, lambda order: (order.placed_at, order.id), mark)

    async def counts_by_customer_ids(self, ids: Sequence[CustomerId]) -> dict[CustomerId, int]:
        """How many orders there are in all."""
        return {row.customer_id: row.number for row in await self._rows(_COUNTS, ids)}

    async def order_ids_by_cart_ids(self, ids: Sequence[CartId]) -> dict[CartId, OrderId]:
        """The order that each cart became."""
        return {row.cart_id: row.id for row in await self._rows(_BY_CART, ids)}

    async def events_by_order_ids(self, ids: Sequence[OrderId]) -> dict[OrderId, tuple[OrderEvent, ...]]:
        """What happened to these orders, oldest first."""
        grouped: defaultdict[OrderId, list[OrderEvent]] = defaultdict(list)
        for row in await self._rows(_EVENTS, ids):
            grouped[row.order_id].append(OrderEvent(row.order_id, row.at, row.kind, row.message))
        return {order_id: tuple(events) for order_id, events in grouped.items()}

    async def _rows(self, statement: Any, ids: Sequence[uuid.UUID]) -> Sequence[Row[Any]]:  # noqa: ANN401  Select
        async with self._database.read_fresh() as connection:
            return (await connection.execute(statement, {"ids": list(ids)})).all()


class SqlOrders:
    """`OrderStore` on one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, order_id: OrderId) -> Order | None:
        """The order, None where there is none."""
        row = (await self._connection.execute(_ORDERS, {"ids": [order_id]})).one_or_none()
        return None if row is None else _order(row)

    async def find_by_number(self, number: int) -> Order | None:
        """The order that people call so, None where there is none."""
        row = (await self._connection.execute(_BY_NUMBER, {"number": number})).one_or_none()
        return None if row is None else _order(row)

    async def insert(self, order: Order, event: OrderEvent) -> None:
        """Store a new order with its lines and its first event."""
        await self._connection.execute(_INSERT, _row(order))
        lines = [
            {
                "id": line.id,
                "position": line.position,
                "variant_id": line.variant_id,
                "product_name": line.product_name,
                "variant_name": line.variant_name,
                "sku": line.sku,
                "quantity": line.quantity,
                "unit_price": line.unit_price.minor,
                "discount": line.discount.minor,
                "total": line.total.minor,
                "attributes": line.attributes,
            }
            for line in order.lines
        ]
        await self._connection.execute(_INSERT_LINES, {"order_id": order.id, "lines": lines})
        await self._insert_event(event)

    async def advance(
        self, order_id: OrderId, status: OrderStatus, payment_status: PaymentStatus, event: OrderEvent
    ) -> None:
        """Move an order on, and say why."""
        values = {"status": status.value.lower(), "payment_status": payment_status.value.lower()}
        await self._connection.execute(_ADVANCE, {"order_id": order_id, **values})
        await self._insert_event(event)

    async def tell(self, event: OrderEvent) -> None:
        """Say what happened to an order that stays as it is."""
        await self._insert_event(event)

    async def _insert_event(self, event: OrderEvent) -> None:
        row = {"order_id": event.order_id, "at": event.at, "kind": event.kind, "message": event.message}
        await self._connection.execute(_INSERT_EVENT, row)


def _row(order: Order) -> dict[str, object]:
    delivery = order.delivery
    return {
        "id": order.id,
        "cart_id": order.cart_id,
        "customer_id": order.customer_id,
        "status": order.status.value.lower(),
        "payment_status": order.payment_status.value.lower(),
        "fulfillment_status": order.fulfillment_status.value.lower(),
        "email": order.email,
        "currency": order.currency,
        "subtotal_minor": order.cost.subtotal.minor,
        "discount_minor": order.cost.discount.minor,
        "shipping_minor": order.cost.shipping.minor,
        "tax_minor": order.cost.tax.minor,
        "total_minor": order.cost.total.minor,
        "shipping_address": order.shipping_address,
        "billing_address": order.billing_address,
        "delivery_option_id": delivery and delivery.id,
        "delivery_name": delivery and delivery.name,
        "delivery_days": delivery and delivery.estimated_days,
        "delivery_is_pick_up": delivery is not None and delivery.is_pick_up,
        "tax_lines": [
            {"name": line.name, "rate": str(line.rate), "minor": line.amount.minor, "is_included": line.is_included}
            for line in order.cost.tax_lines
        ],
        "note": order.note,
        "placed_at": order.placed_at,
    }


def _order(row: Row[Any]) -> Order:
    currency = Currency(row.currency)
    shipping = Money(row.shipping_minor, currency)
    delivery = None
    if row.delivery_option_id is not None:
        delivery = Delivery(
            row.delivery_option_id, row.delivery_name, shipping, row.delivery_days, row.delivery_is_pick_up
        )
    return Order(
        id=OrderId(row.id),
        cart_id=CartId(row.cart_id),
        status=OrderStatus(row.status.upper()),
        payment_status=PaymentStatus(row.payment_status.upper()),
        fulfillment_status=FulfillmentStatus(row.fulfillment_status.upper()),
        email=row.email,
        currency=currency,
        lines=tuple(_line(line, currency) for line in row.lines),
        cost=OrderCost(
            subtotal=Money(row.subtotal_minor, currency),
            discount=Money(row.discount_minor, currency),
            shipping=shipping,
            tax=Money(row.tax_minor, currency),
            total=Money(row.total_minor, currency),
            tax_lines=tuple(
                TaxLine(line["name"], Decimal(line["rate"]), Money(line["minor"], currency), line["is_included"])
                for line in row.tax_lines
            ),
        ),
        shipping_address=_address(row.shipping_address),
        billing_address=_address(row.billing_address),
        delivery=delivery,
        note=row.note,
        placed_at=row.placed_at,
        number=str(row.number),
        customer_id=row.customer_id,
    )


def _line(line: dict[str, Any], currency: Currency) -> OrderLine:
    return OrderLine(
        id=OrderLineId(uuid.UUID(line["id"])),
        variant_id=VariantId(line["variant_id"]),
        product_name=line["product_name"],
        variant_name=line["variant_name"],
        sku=line["sku"],
        quantity=line["quantity"],
        unit_price=Money(line["unit_price_minor"], currency),
        discount=Money(line["discount_minor"], currency),
        total=Money(line["total_minor"], currency),
        attributes=msgspec.convert(line["attributes"], tuple[tuple[str, str], ...]),
        position=line["position"],
    )


def _address(stored: object) -> Address | None:
    return None if stored is None else msgspec.convert(stored, Address)
