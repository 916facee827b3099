"""The web application of accounts alone: `/api/auth`, the public keys, health. See ADR-0031."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from app.core.ids import IdSource
from app.http.auth_api import AuthApi
from app.http.auth_cookies import CSRF_HEADER, PREFLIGHT_HEADER
from app.http.closing import Closing, RefuseWhenClosing
from app.http.customer_api import CustomerApi
from app.http.health import livez, metrics, readyz
from app.http.middleware import RequestScope

PREFLIGHT_SECONDS = 3_600  # a browser need not ask more often; some keep it for no longer anyhow


@dataclass(frozen=True, slots=True)
class AccountWebServices:
    """What the web application of accounts is made of."""

    auth_api: AuthApi
    not_ready: Callable[[], Awaitable[str | None]]
    ids: IdSource
    allowed_origins: tuple[str, ...]
    on_shutdown: Callable[[], Awaitable[None]]


def create_account_asgi(web: AccountWebServices) -> ASGIApp:
    """The application, ready for a server."""
    closing = Closing()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with closing.on_signals():
            yield
        await web.on_shutdown()

    return Starlette(
        routes=[
            *web.auth_api.routes(),
            *CustomerApi(web.auth_api).routes(),
            Route("/livez", livez),
            Route("/readyz", readyz(web.not_ready)),
            Route("/metrics", metrics),
        ],
        lifespan=lifespan,
        middleware=[
            Middleware(RequestScope, ids=web.ids),
            *cross_origin(web.allowed_origins, cookies=web.auth_api.cookies),
            Middleware(RefuseWhenClosing, closing=closing),
        ],
    )


def cross_origin(origins: tuple[str, ...], *, cookies: bool) -> list[Middleware]:
    """What lets pages of these origins call the API, and no other page: none where there are none."""
    if not origins:
        return []
    headers = ["authorization", "content-type", "idempotency-key", "x-debug", "x-request-id"]
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=[*headers, CSRF_HEADER, PREFLIGHT_HEADER],
            expose_headers=["x-request-id", "retry-after"],
            allow_credentials=cookies,
            max_age=PREFLIGHT_SECONDS,
        )
    ]
