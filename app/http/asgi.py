"""The web application: which path is answered by what."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.checkout.receive_event import ReceiveEvent
from app.core.ids import IdSource
from app.core.public_answers import PublicAnswers
from app.core.throttle import Throttle
from app.customers.export_data import ExportCustomer
from app.documents.find_document import FindDocument
from app.http.account_asgi import cross_origin
from app.http.account_export import AccountExport
from app.http.auth_api import AuthApi
from app.http.authentication import Authentication
from app.http.caller import CostBuckets
from app.http.closing import Closing, RefuseWhenClosing
from app.http.customer_api import CustomerApi
from app.http.event_stream import EventStreams
from app.http.graphql_view import GraphQLView
from app.http.health import livez, metrics, readyz
from app.http.live_connections import LiveConnections
from app.http.middleware import RequestScope
from app.http.operations import Operations
from app.http.pages import Pages
from app.http.public_queries import PublicQueries
from app.http.socket_operations import Executor
from app.http.stripe_webhooks import PATH as WEBHOOKS_PATH
from app.http.stripe_webhooks import stripe_webhook
from app.http.websocket import GraphQLSocket
from app.payments.events import EventReader
from resolvers.schema import SENSITIVE, build_schema
from resolvers.services import Services

# objects made and kept before the collector looks at the young, and how many looks before it looks at the older ones:
# at the default of 700 a search with facets is looked at every time or two, and most of it is about to go by itself
GC_THRESHOLDS = (20_000, 20, 50)
_GRAPHQL = "/graphql"


@dataclass(frozen=True, slots=True)
class WebServices:
    """What the web application is made of. auth_api: None where another process serves it."""

    services: Services
    auth_api: AuthApi | None
    export_customer: ExportCustomer
    authentication: Authentication
    allowed_origins: tuple[str, ...]
    not_ready: Callable[[], Awaitable[str | None]]
    look_around: Callable[[], Awaitable[None]]
    throttle: Throttle
    cost_buckets: CostBuckets
    find_document: FindDocument
    public_answers: PublicAnswers
    payment_events: EventReader
    receive_event: ReceiveEvent
    pages: Pages
    ids: IdSource
    introspection: bool
    get_queries: bool
    on_shutdown: Callable[[], Awaitable[None]]


class _Endpoint:
    """An ASGI application from a function, so that Starlette's route lets every method through."""

    def __init__(self, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)


class _Shortcut:
    """Wraps the router: what is posted to one path is answered without its layers, which find nothing to do for it.

    endpoint: raises no HTTPException.
    """

    def __init__(self, app: ASGIApp, path: str, endpoint: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_short = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == self._path
        await (self._endpoint if is_short else self._app)(scope, receive, send)


def create_asgi(web: WebServices) -> ASGIApp:
    """The application, ready for a server."""
    schema = build_schema(introspection=web.introspection)
    text = schema.as_str() + "\n"
    public_queries = PublicQueries(web.public_answers, text, web.services.profile)
    operations = Operations(schema, web.services, web.throttle, web.find_document, public_queries, sensitive=SENSITIVE)
    closing, connections, executor = Closing(), LiveConnections(), Executor(operations, web.ids)
    view = GraphQLView(
        operations,
        web.authentication,
        web.pages.explorer_page,
        buckets=web.cost_buckets,
        streams=EventStreams(operations, closing=closing, connections=connections),
        get_queries=web.get_queries,
    )
    graphql = _Endpoint(view)
    socket = GraphQLSocket(
        executor, web.authentication, buckets=web.cost_buckets, closing=closing, connections=connections
    )
    export = AccountExport(
        web.services.accounts, web.export_customer, web.authentication, web.throttle, web.cost_buckets
    )

    async def schema_text(_: Request) -> Response:
        if not web.introspection:
            return PlainTextResponse("The schema is not public.\n", 404)
        return PlainTextResponse(text, headers={"cache-control": "no-cache"})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()  # what is here now stays: the collector need not walk it again and again
        gc.set_threshold(*GC_THRESHOLDS)
        with closing.on_signals():
            yield
        await executor.finish()
        await web.on_shutdown()

    return Starlette(
        routes=[
            Route(_GRAPHQL, graphql),
            WebSocketRoute(_GRAPHQL, socket),
            Route("/graphql/schema.graphql", schema_text),
            *(web.auth_api.routes() if web.auth_api else ()),
            Route(WEBHOOKS_PATH, stripe_webhook(web.payment_events, web.receive_event), methods=["POST"]),
            *(CustomerApi(web.auth_api).routes() if web.auth_api else ()),
            export.route(),
            Route("/livez", livez),
            Route("/readyz", readyz(web.not_ready)),
            Route("/metrics", metrics(web.look_around)),
            *web.pages.routes(),
        ],
        lifespan=lifespan,
        middleware=[  # inside Starlette's own, which would answer in plain text
            Middleware(RequestScope, ids=web.ids),
            *cross_origin(web.allowed_origins, cookies=web.authentication.cookies),
            Middleware(RefuseWhenClosing, closing=closing),
            Middleware(_Shortcut, path=_GRAPHQL, endpoint=graphql),
        ],
    )
