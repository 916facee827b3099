"""Tokens in cookies, for browsers: where no script reads them, and with what keeps other pages from using them.

The browser sends the cookies by itself, whoever's page asks. So they count only beside a header that another site's
page can neither know nor set: `X-CSRF-Token`, whose value a cookie tells to the storefront's own scripts. The access
token has its digest in it, so it is checked with public keys alone. A read by GET may do with
`GraphQL-Require-Preflight`, which a browser lets no other site's page send without asking first.
Source: OWASP Cross-Site Request Forgery Prevention Cheat Sheet; RFC 6265bis, cookie prefixes.
"""

from __future__ import annotations

import hmac

from starlette.requests import HTTPConnection
from starlette.responses import Response

from app.accounts.domain import Identity, SignedIn
from app.accounts.session_desk import csrf_digest
from app.core.errors import Forbidden

ACCESS, REFRESH, CSRF = "__Host-cartograph-access", "__Secure-cartograph-refresh", "__Host-cartograph-csrf"
CSRF_HEADER, PREFLIGHT_HEADER = "x-csrf-token", "graphql-require-preflight"
REFRESH_PATH = "/api/auth"
_KEPT_SECONDS = 90 * 24 * 3_600  # as long as a session may last: a token that is over is refused, none makes a guest


def set_cookies(response: Response, signed_in: SignedIn) -> None:
    """Put the tokens of a session into cookies."""
    _set(response, ACCESS, signed_in.token, _KEPT_SECONDS, path="/", hidden=True)
    _set(response, REFRESH, signed_in.refresh_token, _KEPT_SECONDS, path=REFRESH_PATH, hidden=True)
    _set(response, CSRF, signed_in.csrf or "", _KEPT_SECONDS, path="/", hidden=False)


def clear_cookies(response: Response) -> None:
    """Have the browser forget them."""
    for name, path in ((ACCESS, "/"), (REFRESH, REFRESH_PATH), (CSRF, "/")):
        _set(response, name, "", 0, path=path, hidden=True)


def check_csrf(connection: HTTPConnection, identity: Identity) -> None:
    """Make sure that a request with this identity in a cookie comes from the storefront. Raises Forbidden."""
    given = connection.headers.get(CSRF_HEADER)
    is_read = connection.scope.get("method") in ("GET", "HEAD")
    if given is None and is_read and connection.headers.get(PREFLIGHT_HEADER):
        return
    wanted = identity.csrf_digest
    if given is None or wanted is None or not hmac.compare_digest(csrf_digest(given), wanted):
        raise Forbidden(f"A request with cookies must bring the value of the cookie {CSRF} as X-CSRF-Token.")


def check_double_submit(connection: HTTPConnection) -> None:
    """Make sure that a request with the refresh token in a cookie comes from the storefront. Raises Forbidden."""
    given, cookie = connection.headers.get(CSRF_HEADER), connection.cookies.get(CSRF)
    if not given or not cookie or not hmac.compare_digest(given.encode(), cookie.encode()):
        raise Forbidden(f"A request with cookies must bring the value of the cookie {CSRF} as X-CSRF-Token.")


def _set(response: Response, name: str, value: str, seconds: int, *, path: str, hidden: bool) -> None:
    response.set_cookie(name, value, seconds, path=path, secure=True, httponly=hidden, samesite="lax")
