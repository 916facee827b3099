"""Who a request comes from: a bearer token, or a guest."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from app.accounts.domain import AccessTokens
from app.core.errors import Unauthenticated
from app.core.ids import CustomerId


def bearer_authentication(tokens: AccessTokens) -> Callable[[Request], CustomerId | None]:
    """A function that names the customer of a request: None without a token.

    It raises Unauthenticated for a token that is not valid: a client that believes to be signed in has to know.
    """

    def authenticate(request: Request) -> CustomerId | None:
        header = request.headers.get("authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send the access token as Authorization: Bearer.")
        return tokens.verify(token.strip())

    return authenticate
