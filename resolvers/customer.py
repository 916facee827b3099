"""Customers in the schema."""

from __future__ import annotations

import strawberry

from app.accounts import domain as records
from app.core.ids import Kind
from resolvers.backing import backed_by
from resolvers.ids import Node


@strawberry.type(description="Somebody with an account.")
@backed_by(records.Customer, kind=Kind.CUSTOMER)
class Customer(Node):
    """Declared over its record."""

    email: str = strawberry.field(description="The address they sign in with.")
    name: str | None = strawberry.field(description="What to call them.")
