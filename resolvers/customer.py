"""Customers in the schema: where they are signed in, their addresses, orders and carts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import strawberry

from app.accounts import address_book
from app.accounts import domain as records
from app.accounts.address_book import MAX_SAVED
from app.accounts.end_sessions import MAX_SESSIONS
from app.cart.domain import PricedCart
from app.cart.edit_cart import MAX_OWN_CARTS
from app.core.ids import Kind
from resolvers.address import Address
from resolvers.backing import backed_by
from resolvers.cart import Cart
from resolvers.connection import After, First, asked_page
from resolvers.context import Info
from resolvers.cost_directives import EMBEDDED, at_most
from resolvers.ids import Node, public_id
from resolvers.order_history import OrderConnection, OrderHistory, order_history


@strawberry.type(description="One sign-in on one device, for as long as its refresh token is used in time.")
@backed_by(records.Session)
class Session:
    """Declared over its record."""

    created_at: datetime = strawberry.field(description="When it began.")
    last_used_at: datetime = strawberry.field(description="When its tokens were refreshed last.")
    expires_at: datetime = strawberry.field(description="When it ends at the latest.")
    user_agent: str | None = strawberry.field(description="The client's own name for itself, at its last refresh.")

    @strawberry.field(description="The session's id: `sessionRevoke` takes it.")
    def id(session: strawberry.Parent[records.Session]) -> strawberry.ID:
        """From the record's key; a session is no `Node`: it is listed by its owner only."""
        return public_id(Kind.SESSION, session.id)

    @strawberry.field(description="Whether this request comes from it.")
    def current(session: strawberry.Parent[records.Session], info: Info) -> bool:
        """By the token of the request."""
        identity = info.context.identity
        return identity is not None and identity.session_id == session.id


@strawberry.type(description="An entry of a customer's address book.", directives=[EMBEDDED])
@backed_by(address_book.SavedAddress)
class SavedAddress:
    """Declared over its record."""

    address: Address = strawberry.field(description="The address.")
    is_default_shipping: bool = strawberry.field(description="Whether parcels go there by default.")
    is_default_billing: bool = strawberry.field(description="Whether bills go there by default.")

    @strawberry.field(description="The entry's id: `addressUpdate` and `addressDelete` take it.")
    def id(saved: strawberry.Parent[address_book.SavedAddress]) -> strawberry.ID:
        """From the record's key; an entry is no `Node`: it is listed by its owner only."""
        return public_id(Kind.ADDRESS, saved.id)


@strawberry.type(description="Somebody with an account.")
@backed_by(records.Customer, kind=Kind.CUSTOMER)
class Customer(Node):
    """Declared over its record."""

    email: str = strawberry.field(description="The address they sign in with.")
    name: str | None = strawberry.field(description="What to call them.")
    email_verified: bool = strawberry.field(description="Whether they have shown that the address is theirs.")

    @strawberry.field(
        directives=at_most(MAX_SESSIONS),
        description=f"Where they are signed in, the newest first; at most {MAX_SESSIONS}.",
        graphql_type=list[Session],
    )
    async def sessions(customer: strawberry.Parent[records.Customer], info: Info) -> Sequence[records.Session]:
        """Of the caller alone, who is the only customer that a request can see."""
        identity = _identity_of(customer, info)
        return [] if identity is None else await info.context.in_turn(info.context.services.accounts.sessions, identity)

    @strawberry.field(
        directives=at_most(MAX_SAVED),
        description=f"Their address book, oldest first; at most {MAX_SAVED}. One is the default of each kind.",
        graphql_type=list[SavedAddress],
    )
    async def addresses(
        customer: strawberry.Parent[records.Customer], info: Info
    ) -> Sequence[address_book.SavedAddress]:
        """From the accounts, wherever they are."""
        identity = _identity_of(customer, info)
        return (
            [] if identity is None else await info.context.in_turn(info.context.services.accounts.addresses, identity)
        )

    @strawberry.field(
        description="Their orders, the newest first, but for those whose payment came to nothing.",
        graphql_type=OrderConnection,
    )
    async def orders(
        customer: strawberry.Parent[records.Customer],
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
    ) -> OrderHistory:
        """By keyset, so that new orders disturb no walk."""
        identity, page = _identity_of(customer, info), asked_page(first, after)
        return await order_history(info.context, None if identity is None else identity.customer_id, page)

    @strawberry.field(
        directives=at_most(MAX_OWN_CARTS),
        description="Their carts that are open or being paid, the one that was changed last first;"
        f" at most {MAX_OWN_CARTS}.",
        graphql_type=list[Cart],
    )
    async def carts(customer: strawberry.Parent[records.Customer], info: Info) -> Sequence[PricedCart]:
        """At today's prices."""
        if _identity_of(customer, info) is None:
            return []
        return await info.context.in_turn(info.context.services.read_own_carts, customer.id)


def _identity_of(customer: records.Customer, info: Info) -> records.Identity | None:
    """The caller's, where it is their own account that is shown; else None, as in the answer to `emailVerify`."""
    identity = info.context.identity
    return identity if identity is not None and identity.customer_id == customer.id else None
