"""Customers' address books, and who has deleted their account: in the schema of accounts, as `account_tables`."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from app.database.account_tables import SCHEMA
from app.database.metadata import metadata, moment

saved_address = Table(
    "saved_address",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("customer_id", UUID(as_uuid=True), nullable=False),
    Column("address", JSONB, nullable=False),
    Column("is_default_shipping", Boolean, nullable=False),
    Column("is_default_billing", Boolean, nullable=False),
    Column("created_at", moment, nullable=False),
    Index(None, "customer_id"),
    # a book that is not empty has one of each: that there is one is kept by the use cases, under the customer's lock
    Index("saved_address_one_shipping_idx", "customer_id", unique=True, postgresql_where=text("is_default_shipping")),
    Index("saved_address_one_billing_idx", "customer_id", unique=True, postgresql_where=text("is_default_billing")),
    schema=SCHEMA,
)

deleted_customer = Table(  # an id and a time: by it the shop's other rooms learn whose data they have to forget
    "deleted_customer",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("at", moment, nullable=False, index=True),
    schema=SCHEMA,
)
