"""Customers' things across rooms, as SQL: each statement is about one table and any number of customers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ARRAY, DateTime, Integer, Text, bindparam, text
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from app.cart.domain import Cart
from app.core.ids import CartId, CustomerId, OrderId
from app.customers.domain import CartsByIds, Claimed, RefundsOfOrders
from app.payments.refunds import Refund

_IDS = bindparam("ids", type_=ARRAY(UUID(as_uuid=True)))
_BEFORE = bindparam("placed_before", type_=DateTime(timezone=True))
_OF_GUEST = (
    bindparam("customer_id", type_=UUID(as_uuid=True)),
    bindparam("email", type_=Text),
    bindparam("most", type_=Integer),
)

# carts first, in the order of their keys, as every use case locks them
_CLAIM_CARTS = text("""
    WITH theirs AS (
        SELECT id FROM cart WHERE customer_id IS NULL AND lower(email) = lower(:email)
        ORDER BY id LIMIT :most FOR UPDATE
    )
    UPDATE cart SET customer_id = :customer_id, version = version + 1 FROM theirs WHERE cart.id = theirs.id
    RETURNING cart.id
""").bindparams(*_OF_GUEST)
_CLAIM_ORDERS = text("""
    WITH theirs AS (
        SELECT id FROM orders WHERE customer_id IS NULL AND lower(email) = lower(:email)
        ORDER BY id LIMIT :most FOR UPDATE
    )
    UPDATE orders SET customer_id = :customer_id FROM theirs WHERE orders.id = theirs.id RETURNING orders.id
""").bindparams(*_OF_GUEST)
# what an order was bought from goes with it, whatever address the cart has now
_CLAIM_CARTS_OF_ORDERS = text("""
    UPDATE cart SET customer_id = orders.customer_id, version = version + 1 FROM orders
    WHERE orders.id = ANY(:ids) AND cart.id = orders.cart_id AND cart.customer_id IS NULL RETURNING cart.id
""").bindparams(_IDS)

_CARTS_OF = text("SELECT id FROM cart WHERE customer_id = :customer_id ORDER BY updated_at DESC, id")
_ORDERS_OF = text("SELECT id FROM orders WHERE customer_id = :customer_id ORDER BY placed_at DESC, id")
_FORGET_MAIL = text("""
    DELETE FROM mail_message WHERE state = 'failed' AND lower(recipient) IN (
        SELECT lower(email) FROM orders WHERE customer_id = ANY(:ids)
    ) RETURNING key
""").bindparams(_IDS)
_OVER = """
    orders.customer_id = ANY(:ids)
    AND (orders.status IN ('canceled', 'completed') OR orders.placed_at < :placed_before)
    AND NOT EXISTS (SELECT FROM refund WHERE refund.order_id = orders.id AND refund.state = 'pending')
    AND NOT EXISTS (
        SELECT FROM payment_attempt WHERE payment_attempt.order_id = orders.id AND payment_attempt.check_at IS NOT NULL)
"""
_DELETE_CARTS = text("""
    WITH theirs AS (
        SELECT id FROM cart WHERE customer_id = ANY(:ids) AND state IN ('active', 'merged') ORDER BY id FOR UPDATE
    )
    DELETE FROM cart USING theirs WHERE cart.id = theirs.id RETURNING cart.id
""").bindparams(_IDS)
# the row stays: whoever changes the order later locks it
_EMPTY_CARTS = text(f"""
    WITH emptied AS (
        UPDATE cart SET email = NULL, note = NULL, shipping_address = NULL, billing_address = NULL,
                        discount_codes = '{{}}'
        FROM orders WHERE cart.id = orders.cart_id AND cart.customer_id = ANY(:ids) AND {_OVER}
          AND (cart.email, cart.note, cart.shipping_address, cart.billing_address) IS DISTINCT FROM
              (NULL, NULL, NULL, NULL)
        RETURNING cart.id
    ), lines AS (
        DELETE FROM cart_line USING emptied WHERE cart_line.cart_id = emptied.id
    )
    SELECT id FROM emptied
""").bindparams(_IDS, _BEFORE)
_FORGET_ORDERS = text(f"""
    WITH forgotten AS (
        UPDATE orders SET customer_id = NULL, email = '', note = NULL,
                          billing_address = CASE WHEN payment_status <> 'failed'
                              THEN coalesce(billing_address, shipping_address) - 'phone' END,
                          shipping_address = NULL
        WHERE {_OVER} RETURNING id
    ), lines AS (
        UPDATE order_line SET attributes = '[]' FROM forgotten WHERE order_line.order_id = forgotten.id
    ), events AS (
        UPDATE order_event SET message = 'The order was canceled.' FROM forgotten
        WHERE order_event.order_id = forgotten.id AND kind IN ('canceled', 'cancel_requested')
    ), attempts AS (
        UPDATE payment_attempt SET receipt_email = '', client_secret = NULL FROM forgotten
        WHERE payment_attempt.order_id = forgotten.id
    ), refunds AS (
        UPDATE refund SET reason = '' FROM forgotten WHERE refund.order_id = forgotten.id
    ), uses AS (
        UPDATE promotion_use SET buyer = '' FROM forgotten WHERE promotion_use.order_id = forgotten.id
    )
    SELECT id FROM forgotten
""").bindparams(_IDS, _BEFORE)


class SqlCustomerTraces:
    """`CustomerTraces` on one connection to the primary. carts, refunds: of the same transaction."""

    def __init__(self, connection: AsyncConnection, carts: CartsByIds, refunds: RefundsOfOrders) -> None:
        self._connection = connection
        self._carts = carts
        self._refunds = refunds

    async def carts_of(self, customer_id: CustomerId) -> list[Cart]:
        """Every cart of a customer, the one that was changed last first."""
        ids = (await self._connection.execute(_CARTS_OF, {"customer_id": customer_id})).scalars().all()
        found = await self._carts.find_all(ids)
        return [found[key] for key in ids if key in found]

    async def order_ids_of(self, customer_id: CustomerId) -> list[OrderId]:
        """Every order of a customer, the newest first."""
        return list((await self._connection.execute(_ORDERS_OF, {"customer_id": customer_id})).scalars())

    async def refunds_of(self, ids: Collection[OrderId]) -> dict[OrderId, list[Refund]]:
        """The refunds of these orders, oldest first."""
        return await self._refunds.of_orders(ids)

    async def claim(self, customer_id: CustomerId, email: str, *, limit: int) -> Claimed:
        """Make guests' carts and orders with this address the customer's."""
        values = {"customer_id": customer_id, "email": email, "most": limit}
        carts = list((await self._connection.execute(_CLAIM_CARTS, values)).scalars())
        orders = list((await self._connection.execute(_CLAIM_ORDERS, values)).scalars())
        if orders:
            carts += (await self._connection.execute(_CLAIM_CARTS_OF_ORDERS, {"ids": orders})).scalars()
        return Claimed(tuple(map(OrderId, orders)), tuple(map(CartId, carts)))

    async def forget_mail(self, ids: Collection[CustomerId]) -> int:
        """Forget e-mails that could not be sent to the addresses of these customers' orders."""
        return len((await self._connection.execute(_FORGET_MAIL, {"ids": list(ids)})).all())

    async def forget_carts(self, ids: Collection[CustomerId], *, placed_before: datetime) -> int:
        """Delete these customers' carts; of those with an order that is over, what they hold."""
        deleted = (await self._connection.execute(_DELETE_CARTS, {"ids": list(ids)})).all()
        values = {"ids": list(ids), "placed_before": placed_before}
        return len(deleted) + len((await self._connection.execute(_EMPTY_CARTS, values)).all())

    async def forget_orders(self, ids: Collection[CustomerId], *, placed_before: datetime) -> int:
        """Reduce these customers' orders that are over to what bookkeeping needs."""
        values = {"ids": list(ids), "placed_before": placed_before}
        return len((await self._connection.execute(_FORGET_ORDERS, values)).all())
