"""Customers' SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Text, bindparam, delete, or_, select, update
from sqlalchemy.dialects.postgresql import UUID, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.domain import Customer, Role, StoredPassword
from app.core.ids import CustomerId
from app.database.account_tables import customer
from app.database.customer_tables import deleted_customer

_rows = customer.c
_is_the_customer = _rows.id == bindparam("customer_id", type_=UUID(as_uuid=True))
_BY_EMAIL = select(customer).where(_rows.email == bindparam("of_email", type_=Text))
_BY_ID = select(customer).where(_is_the_customer)
_LOCKED = _BY_ID.with_for_update()
_INSERT = insert(customer).on_conflict_do_nothing(index_elements=["email"]).returning(_rows.id)
_UPDATE = update(customer).where(_is_the_customer).returning(_rows.id)
_DELETE = delete(customer).where(_is_the_customer)
_NOTE_DELETED = insert(deleted_customer)
_DELETED = select(deleted_customer).where(deleted_customer.c.at > bindparam("after", type_=deleted_customer.c.at.type))
_STAFF = select(customer).where(_rows.role == Role.STAFF.value).order_by(_rows.email)


class SqlAccounts:
    """`AccountStore` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find_by_email(self, email: str) -> StoredPassword | None:
        """The customer with this address, case folded."""
        row = (await self._connection.execute(_BY_EMAIL, {"of_email": email})).one_or_none()
        return None if row is None else _password(row)

    async def find(self, customer_id: CustomerId) -> Customer | None:
        """The customer with this id."""
        row = (await self._connection.execute(_BY_ID, {"customer_id": customer_id})).one_or_none()
        return None if row is None else _customer(row)

    async def find_password(self, customer_id: CustomerId) -> StoredPassword | None:
        """The customer with this id, locked, and their password."""
        row = (await self._connection.execute(_LOCKED, {"customer_id": customer_id})).one_or_none()
        return None if row is None else _password(row)

    async def insert(self, customer: Customer, password_hash: str, *, sealed_totp: bytes | None = None) -> bool:
        """Store a new customer; False when the address is taken."""
        values = {
            "id": customer.id,
            "email": customer.email,
            "name": customer.name,
            "password_hash": password_hash,
            "created_at": customer.created_at,
            "role": customer.role.value,
            "email_verified_at": customer.email_verified_at,
            "sealed_totp": sealed_totp,
        }
        return (await self._connection.execute(_INSERT, values)).one_or_none() is not None

    async def set_password(self, customer_id: CustomerId, password_hash: str, *, unless: str | None = None) -> bool:
        """Replace the password's hash."""
        statement = _UPDATE if unless is None else _UPDATE.where(_rows.password_hash == unless)
        changed = await self._connection.execute(
            statement.values(password_hash=password_hash), {"customer_id": customer_id}
        )
        return changed.one_or_none() is not None

    async def rename(self, customer_id: CustomerId, name: str | None) -> None:
        """Replace what the customer is called."""
        await self._connection.execute(_UPDATE.values(name=name), {"customer_id": customer_id})

    async def delete(self, customer_id: CustomerId, *, now: datetime) -> None:
        """Delete the customer; their id stays among the deleted ones."""
        await self._connection.execute(_DELETE, {"customer_id": customer_id})
        await self._connection.execute(_NOTE_DELETED, {"id": customer_id, "at": now})

    async def deleted_since(self, moment: datetime) -> dict[CustomerId, datetime]:
        """The customers that were deleted after a moment, and when."""
        return {CustomerId(row.id): row.at for row in await self._connection.execute(_DELETED, {"after": moment})}

    async def take_step(self, customer_id: CustomerId, step: int) -> bool:
        """Note that the second factor's code of this time step was taken."""
        statement = _UPDATE.where(or_(_rows.totp_step.is_(None), _rows.totp_step < step)).values(totp_step=step)
        return (await self._connection.execute(statement, {"customer_id": customer_id})).one_or_none() is not None

    async def set_staff(
        self, customer_id: CustomerId, *, sealed_totp: bytes | None, disabled_at: datetime | None
    ) -> None:
        """Replace a staff account's second factor, where one is given, and whether it is disabled."""
        values: dict[str, object] = {"disabled_at": disabled_at}
        if sealed_totp is not None:
            values |= {"sealed_totp": sealed_totp, "totp_step": None}
        await self._connection.execute(_UPDATE.values(values), {"customer_id": customer_id})

    async def list_staff(self) -> list[Customer]:
        """Every staff account, by address."""
        return [_customer(row) for row in await self._connection.execute(_STAFF)]


def _password(row: Row[Any]) -> StoredPassword:
    return StoredPassword(_customer(row), row.password_hash, row.sealed_totp, row.totp_step)


def _customer(row: Row[Any]) -> Customer:
    return Customer(
        CustomerId(row.id),
        row.email,
        row.name,
        row.created_at,
        Role(row.role),
        row.email_verified_at,
        row.disabled_at,
    )
