"""Customers' SQL."""

from __future__ import annotations

from sqlalchemy import Text, bindparam, select
from sqlalchemy.dialects.postgresql import UUID, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.domain import Customer, StoredPassword
from app.core.ids import CustomerId
from app.database.tables import customer

_BY_EMAIL = select(customer).where(customer.c.email == bindparam("email", type_=Text))
_BY_ID = select(customer).where(customer.c.id == bindparam("customer_id", type_=UUID(as_uuid=True)))
_INSERT = insert(customer).on_conflict_do_nothing(index_elements=["email"]).returning(customer.c.id)


class SqlAccounts:
    """`AccountStore` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find_by_email(self, email: str) -> StoredPassword | None:
        """The customer with this address, case folded."""
        row = (await self._connection.execute(_BY_EMAIL, {"email": email})).one_or_none()
        if row is None:
            return None
        return StoredPassword(Customer(CustomerId(row.id), row.email, row.name, row.created_at), row.password_hash)

    async def find(self, customer_id: CustomerId) -> Customer | None:
        """The customer with this id."""
        row = (await self._connection.execute(_BY_ID, {"customer_id": customer_id})).one_or_none()
        return None if row is None else Customer(CustomerId(row.id), row.email, row.name, row.created_at)

    async def insert(self, customer: Customer, password_hash: str) -> bool:
        """Store a new customer; False when the address is taken."""
        values = {
            "id": customer.id,
            "email": customer.email,
            "name": customer.name,
            "password_hash": password_hash,
            "created_at": customer.created_at,
        }
        return (await self._connection.execute(_INSERT, values)).one_or_none() is not None
