"""Who a request comes from: a bearer token, or a guest."""

from __future__ import annotations

from collections.abc import Callable

from app.accounts.domain import AccessTokens
from app.core.errors import Unauthenticated
from app.core.ids import CustomerId

Authenticate = Callable[[str | None], CustomerId | None]


def bearer_authentication(tokens: AccessTokens) -> Authenticate:
    """A function that names the customer of an `Authorization` header: None without one.

    It raises Unauthenticated for a token that is not valid: a client that believes to be signed in has to know.
    """

    def authenticate(header: str | None) -> CustomerId | None:
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send the access token as Authorization: Bearer.")
        return tokens.verify(token.strip())

    return authenticate
