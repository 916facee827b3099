"""Carts' SQL. A cart is read whole in one statement, so its lines always belong to its version."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Integer, Row, Text, and_, bindparam, delete, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, UUID, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from app.cart.domain import Cart, CartLine, CartState, KeyValue, MergeReport, positions_of
from app.core.contact import Address
from app.core.fault_records import restored_faults, stored_faults
from app.core.ids import CartId, CartLineId, CustomerId, VariantId
from app.core.money import Currency, Money
from app.database.tables import cart, cart_line

_cart_id = bindparam("cart_id", type_=UUID(as_uuid=True))
_line_json = func.jsonb_build_object(
    "id",
    cart_line.c.id,
    "variant_id",
    cart_line.c.variant_id,
    "quantity",
    cart_line.c.quantity,
    "price",
    cart_line.c.unit_price_when_added_minor,
    "attributes",
    cart_line.c.attributes,
    "position",
    cart_line.c.position,
)
_lines = (
    select(func.coalesce(func.jsonb_agg(aggregate_order_by(_line_json, cart_line.c.position)), text("'[]'::jsonb")))
    .where(cart_line.c.cart_id == cart.c.id)
    .scalar_subquery()
    .label("lines")
)
_CARTS = select(cart, _lines)
_FIND = _CARTS.where(cart.c.id == _cart_id)
_among = cart.c.id == func.any(bindparam("ids", type_=ARRAY(UUID(as_uuid=True))))
_FIND_ALL = _CARTS.where(_among)
_OPEN_OF = (
    _CARTS.where(
        cart.c.customer_id == bindparam("customer_id", type_=UUID(as_uuid=True)),
        or_(
            cart.c.state == "in_checkout",
            and_(cart.c.state == "active", cart.c.expires_at > bindparam("now", type_=cart.c.expires_at.type)),
        ),
    )
    .order_by(cart.c.updated_at.desc(), cart.c.id)
    .limit(bindparam("most", type_=Integer))
)
# a statement of its own: the one that waited for the lock still sees the lines of before the wait
_LOCK = select(cart.c.id).where(cart.c.id == _cart_id).with_for_update()
_LOCK_ALL = select(cart.c.id).where(_among).order_by(cart.c.id).with_for_update()
_INSERT = insert(cart)
_UPDATE = update(cart).where(cart.c.id == _cart_id)
_MOVE = (
    update(cart)
    .where(cart.c.id == _cart_id)
    .values(state=bindparam("to", type_=Text), version=cart.c.version + 1, updated_at=bindparam("now"))
)
_CLOSE_MERGED = (
    update(cart)
    .where(cart.c.id == _cart_id)
    .values(
        state=CartState.MERGED.value.lower(),
        version=cart.c.version + 1,
        updated_at=bindparam("now"),
        merged_into=bindparam("into"),
        merge_report=bindparam("report"),
    )
)
_MERGE_REPORT = select(cart.c.merge_report).where(cart.c.id == _cart_id)
_DELETE = delete(cart).where(cart.c.id == _cart_id)
_DELETE_EXPIRED = text("""
    DELETE FROM cart WHERE id IN (
        SELECT id FROM cart WHERE expires_at < :before AND state IN ('active', 'merged')
        ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) RETURNING id
""")
_DELETE_LINES = delete(cart_line).where(cart_line.c.cart_id == _cart_id)
_INSERT_LINES = text("""
    INSERT INTO cart_line (id, cart_id, position, variant_id, quantity, unit_price_when_added_minor, attributes)
    SELECT id, :cart_id, position, variant_id, quantity, price, attributes
    FROM jsonb_to_recordset(:lines) AS line (
        id uuid, position int, variant_id int, quantity int, price bigint, attributes jsonb)
""").bindparams(bindparam("lines", type_=JSONB), _cart_id)

_COUNTS = ("moved", "summed", "clamped", "dropped")


class SqlCarts:
    """`CartStore` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, cart_id: CartId) -> Cart | None:
        """The cart, None where there is none."""
        row = (await self._connection.execute(_FIND, {"cart_id": cart_id})).one_or_none()
        return None if row is None else _cart(row)

    async def lock(self, cart_id: CartId) -> Cart | None:
        """The cart, held until the transaction ends."""
        await self.hold(cart_id)
        return await self.find(cart_id)

    async def lock_all(self, ids: Sequence[CartId]) -> dict[CartId, Cart]:
        """These carts, held until the transaction ends."""
        await self._connection.execute(_LOCK_ALL, {"ids": list(ids)})
        return await self.find_all(ids)

    async def find_all(self, ids: Sequence[CartId]) -> dict[CartId, Cart]:
        """These carts, as far as there are any."""
        rows = (await self._connection.execute(_FIND_ALL, {"ids": list(ids)})).all()
        return {row.id: _cart(row) for row in rows}

    async def open_of(self, customer_id: CustomerId, *, now: datetime, limit: int) -> list[Cart]:
        """The carts of a customer that are not over, the one that was changed last first."""
        values = {"customer_id": customer_id, "now": now, "most": limit}
        return [_cart(row) for row in (await self._connection.execute(_OPEN_OF, values)).all()]

    async def hold(self, cart_id: CartId) -> None:
        """Keep everybody else from changing the cart until the transaction ends."""
        await self._connection.execute(_LOCK, {"cart_id": cart_id})

    async def move(self, cart_id: CartId, state: CartState, *, now: datetime) -> None:
        """Move the cart to another state and raise its version."""
        await self._connection.execute(_MOVE, {"cart_id": cart_id, "to": state.value.lower(), "now": now})

    async def close_merged(self, cart_id: CartId, into: CartId, report: MergeReport, *, now: datetime) -> None:
        """Move the cart to MERGED and remember where its lines went."""
        counts = {name: getattr(report, name) for name in _COUNTS}
        stored = {**counts, "faults": stored_faults(report.faults)}
        await self._connection.execute(_CLOSE_MERGED, {"cart_id": cart_id, "into": into, "report": stored, "now": now})

    async def merge_report(self, cart_id: CartId) -> MergeReport:
        """What became of the lines of a cart that was merged."""
        stored: Any = await self._connection.scalar(_MERGE_REPORT, {"cart_id": cart_id})
        return MergeReport(**{name: stored[name] for name in _COUNTS}, faults=restored_faults(stored["faults"]))

    async def delete(self, cart_id: CartId) -> None:
        """Delete the cart with its lines."""
        await self._connection.execute(_DELETE, {"cart_id": cart_id})

    async def insert(self, cart: Cart) -> None:
        """Store a new cart with its lines."""
        await self._connection.execute(_INSERT, _row(cart))
        await self._insert_lines(cart)

    async def save(self, cart: Cart) -> None:
        """Replace the stored cart, lines included."""
        await self._connection.execute(_UPDATE, {"cart_id": cart.id, **_row(cart)})
        await self._connection.execute(_DELETE_LINES, {"cart_id": cart.id})
        await self._insert_lines(cart)

    async def delete_expired(self, before: datetime, *, limit: int) -> int:
        """Delete carts that ended before this moment and were never paid, at most so many."""
        result = await self._connection.execute(_DELETE_EXPIRED, {"before": before, "limit": limit})
        return len(result.all())

    async def _insert_lines(self, cart: Cart) -> None:
        rows = [
            {
                "id": line.id,
                "position": position,
                "variant_id": line.variant_id,
                "quantity": line.quantity,
                "price": line.unit_price_when_added.minor,
                "attributes": line.attributes,
            }
            for position, line in zip(positions_of(cart.lines), cart.lines, strict=True)
        ]
        if rows:
            await self._connection.execute(_INSERT_LINES, {"cart_id": cart.id, "lines": rows})


def _row(cart: Cart) -> dict[str, object]:
    return {
        "id": cart.id,
        "version": cart.version,
        "state": cart.state.value.lower(),
        "currency": cart.currency,
        "email": cart.email,
        "note": cart.note,
        "shipping_address": cart.shipping_address,
        "billing_address": cart.billing_address,
        "delivery_option_id": cart.delivery_option_id,
        "discount_codes": list(cart.discount_codes),
        "country_code": cart.country_code,
        "created_at": cart.created_at,
        "updated_at": cart.updated_at,
        "expires_at": cart.expires_at,
        "customer_id": cart.customer_id,
        "merged_into": cart.merged_into,
    }


def _cart(row: Row[Any]) -> Cart:
    currency = Currency(row.currency)
    return Cart(
        id=CartId(row.id),
        version=row.version,
        state=CartState(row.state.upper()),
        currency=currency,
        created_at=row.created_at,
        updated_at=row.updated_at,
        expires_at=row.expires_at,
        lines=tuple(_line(line, currency) for line in row.lines),
        email=row.email,
        note=row.note,
        shipping_address=_address(row.shipping_address),
        billing_address=_address(row.billing_address),
        delivery_option_id=row.delivery_option_id,
        discount_codes=tuple(row.discount_codes),
        country_code=row.country_code,
        customer_id=row.customer_id,
        merged_into=row.merged_into,
    )


def _line(line: dict[str, Any], currency: Currency) -> CartLine:
    return CartLine(
        id=CartLineId(uuid.UUID(line["id"])),
        variant_id=VariantId(line["variant_id"]),
        quantity=line["quantity"],
        unit_price_when_added=Money(line["price"], currency),
        attributes=msgspec.convert(line["attributes"], tuple[KeyValue, ...]),
        position=line["position"],
    )


def _address(stored: object) -> Address | None:
    return None if stored is None else msgspec.convert(stored, Address)
