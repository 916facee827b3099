"""The GraphQL endpoint over HTTP: request in, answer out.

read and check the request -> authenticate -> prepare -> execute -> the answer, in the media type liked best

Statuses are those of GraphQL over HTTP: with `application/graphql-response+json` a request that could not be executed
is a 4xx; with plain `application/json` it is a 200, because many clients read no body with another status.
Source: GraphQL over HTTP, Response.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.core.errors import CardDataNotAllowed, Forbidden, Unauthenticated
from app.http.authentication import Authentication
from app.http.body import BadRequest
from app.http.caller import CostBuckets
from app.http.event_stream import EventStreams, single_event
from app.http.graphql_errors import card_data_error, request_error
from app.http.graphql_request import read_request
from app.http.hang_up import ClientGone, while_connected
from app.http.negotiation import EVENTS, GRAPHQL_JSON, JSON, answer_type, prefers_html, takes_events
from app.http.operations import Operations, Refused
from resolvers.shop_schema import OperationKind

_encoder = msgspec.json.Encoder()
_NO_STREAM = "A subscription needs Accept: text/event-stream, or a WebSocket with graphql-transport-ws."
_CLIENT_GONE = 499  # nobody reads it; for the log and the metrics


class GraphQLView:
    """Answers /graphql. page: what a browser is shown, None where there is no explorer.

    get_queries: whether a GET may bring a document of its own; persisted ones it may always ask for.
    """

    def __init__(
        self,
        operations: Operations,
        authentication: Authentication,
        page: Callable[[Request], Awaitable[Response]] | None,
        *,
        buckets: CostBuckets,
        streams: EventStreams,
        get_queries: bool,
    ) -> None:
        self._operations = operations
        self._authentication = authentication
        self._page = page
        self._buckets = buckets
        self._streams = streams
        self._get_queries = get_queries

    async def __call__(self, request: Request) -> Response:
        """The answer; never an exception for what a client may send."""
        accept = request.headers.get("accept", "")
        is_page = request.method == "GET" and not request.query_params and prefers_html(accept)
        if is_page and self._page is not None:
            return await self._page(request)
        media_type = answer_type(accept) or (EVENTS if takes_events(accept) else None)
        try:
            return await self._answered(request, media_type)
        except BadRequest as error:
            body = {"errors": [request_error(error.message, error.code, request.state.request_id)]}
            return _response(_encoder.encode(body), error.status, media_type or JSON, error.headers)
        except CardDataNotAllowed as refusal:
            body = {"errors": [card_data_error(refusal, request.state.request_id)]}
            return _response(_encoder.encode(body), 200 if media_type == JSON else 400, media_type or JSON)
        except Unauthenticated as error:
            body = {"errors": [request_error(error.message, "UNAUTHENTICATED", request.state.request_id)]}
            return _response(_encoder.encode(body), 401, media_type or JSON, {"www-authenticate": "Bearer"})
        except Forbidden as error:
            body = {"errors": [request_error(error.message, "FORBIDDEN", request.state.request_id)]}
            return _response(_encoder.encode(body), 403, media_type or JSON)
        except Refused as refused:
            status = refused.plain_status if media_type == JSON else refused.status
            body = {"errors": refused.errors}
            return _response(_encoder.encode(body), status, media_type or JSON, refused.headers)
        except ClientGone:
            return Response(status_code=_CLIENT_GONE)

    async def _answered(self, request: Request, media_type: str | None) -> Response:
        if request.method not in ("GET", "POST"):
            raise BadRequest(405, "Use GET or POST.", headers={"allow": "GET, POST"})
        if media_type is None:
            raise BadRequest(406, f"The answer can be had as {GRAPHQL_JSON}, {JSON} or {EVENTS}.")
        identity = await self._authentication.of(request)
        caller = self._buckets.caller(request.state.request_id, identity, request)
        if request.method == "GET" and not self._get_queries and "query" in request.query_params:
            raise BadRequest(405, "Send documents by POST: this shop takes none by GET.", headers={"allow": "POST"})
        ready = await self._operations.prepare(await read_request(request), caller)
        if ready.kind is OperationKind.MUTATION and request.method == "GET":
            raise BadRequest(405, "Send mutations by POST.", headers={"allow": "POST"})
        if ready.kind is OperationKind.SUBSCRIPTION:
            if not takes_events(request.headers.get("accept", "")):
                raise BadRequest(406, _NO_STREAM)
            return self._streams.open(ready)
        if ready.kind is OperationKind.QUERY:
            answer = await while_connected(self._operations.execute(ready), request)
        else:  # what has begun to change something is carried through, whoever waits for it
            answer = await self._operations.execute(ready)
        return _response(answer, 200, media_type)


def _response(body: bytes, status: int, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    if media_type == EVENTS and status in (200, 400):  # who reads nothing but events is told by one what is wrong
        body, status = single_event(body), 200
    elif media_type == EVENTS:
        media_type = JSON
    return Response(
        body,
        status,
        {"vary": "Accept", "cache-control": "no-store", **(headers or {})},
        f"{media_type}; charset=utf-8",
    )
