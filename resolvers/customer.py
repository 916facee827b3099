"""Customers in the schema, and where they are signed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import strawberry

from app.accounts import domain as records
from app.accounts.end_sessions import MAX_SESSIONS
from app.core.ids import Kind
from resolvers.backing import backed_by
from resolvers.context import Info
from resolvers.cost_directives import at_most
from resolvers.ids import Node, public_id


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
        identity = info.context.identity
        if identity is None or identity.customer_id != customer.id:
            return []
        return await info.context.in_turn(info.context.services.accounts.sessions, identity)
