"""Who a request comes from: a bearer token, a token in a cookie, or a guest."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from app.accounts.domain import Identity
from app.accounts.secret_ports import TokenVerifier
from app.core.errors import Unauthenticated
from app.http.auth_cookies import ACCESS, CSRF_HEADER, PREFLIGHT_HEADER, check_csrf


class Authentication:
    """Finds out who asks. cookies: whether a token may be in one.

    It raises Unauthenticated for a token that is not valid: a client that believes to be signed in has to know.
    """

    def __init__(self, tokens: TokenVerifier, *, cookies: bool = False) -> None:
        self._tokens = tokens
        self.cookies = cookies

    async def by_header(self, header: str | None) -> Identity | None:
        """Whose token an `Authorization` header brings; None without one."""
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send the access token as Authorization: Bearer.")
        return await self._tokens.verify(token.strip())

    async def of(self, connection: HTTPConnection) -> Identity | None:
        """Who a request comes from. Raises Forbidden where a cookie comes without what shows who made the request."""
        header = connection.headers.get("authorization")
        token = connection.cookies.get(ACCESS) if self.cookies and header is None else None
        if token is None or _is_plain_read(connection):
            return await self.by_header(header)
        identity = await self._tokens.verify(token)
        check_csrf(connection, identity)
        return identity


def _is_plain_read(connection: HTTPConnection) -> bool:
    """A GET that any page can cause: it is a guest's, cookies or not, so that following a link works."""
    headers = connection.headers
    return connection.scope.get("method") == "GET" and not (CSRF_HEADER in headers or PREFLIGHT_HEADER in headers)
