"""Address books' SQL."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, delete, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.address_book import Book, SavedAddress
from app.core.contact import Address
from app.core.ids import AddressId, CustomerId
from app.database.account_tables import customer
from app.database.customer_tables import saved_address

_rows = saved_address.c
_of = bindparam("of_customer", type_=UUID(as_uuid=True))
_is_it = _rows.id == bindparam("of_address", type_=UUID(as_uuid=True))
_LOCK = select(customer.c.id).where(customer.c.id == _of).with_for_update()
_LIST = select(saved_address).where(_rows.customer_id == _of).order_by(_rows.created_at, _rows.id)
_DELETE = delete(saved_address).where(_rows.id == bindparam("ids", type_=ARRAY(UUID(as_uuid=True))).any_())
_INSERT = insert(saved_address)
_UPDATE = update(saved_address).where(_is_it)


class SqlAddresses:
    """`AddressStore` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list(self, of: CustomerId) -> Book:
        """The customer's addresses, oldest first."""
        return tuple(_saved(row) for row in await self._connection.execute(_LIST, {"of_customer": of}))

    async def lock(self, of: CustomerId) -> Book | None:
        """The book, locked; None where the customer is gone."""
        is_there = (await self._connection.execute(_LOCK, {"of_customer": of})).one_or_none() is not None
        return await self.list(of) if is_there else None

    async def replace(self, of: CustomerId, before: Book, after: Book) -> None:
        """Store what differs: a default is taken from one row before another has it."""
        known, wanted = {each.id: each for each in before}, {each.id: each for each in after}
        if gone := [key for key in known if key not in wanted]:
            await self._connection.execute(_DELETE, {"ids": gone})
        changed = [each for each in after if known.get(each.id) != each]
        for each in changed:
            if each.id in known:
                cleared = {"is_default_shipping": False, "is_default_billing": False}
                await self._connection.execute(_UPDATE.values(cleared), {"of_address": each.id})
        for each in changed:
            if each.id in known:
                await self._connection.execute(_UPDATE.values(_row(of, each)), {"of_address": each.id})
            else:
                await self._connection.execute(_INSERT, _row(of, each))


def _row(of: CustomerId, saved: SavedAddress) -> dict[str, object]:
    return {
        "id": saved.id,
        "customer_id": of,
        "address": saved.address,
        "is_default_shipping": saved.is_default_shipping,
        "is_default_billing": saved.is_default_billing,
        "created_at": saved.created_at,
    }


def _saved(row: Row[Any]) -> SavedAddress:
    return SavedAddress(
        AddressId(row.id),
        msgspec.convert(row.address, Address),
        row.is_default_shipping,
        row.is_default_billing,
        row.created_at,
    )
