"""The GraphQL endpoint: HTTP in, the schema's answer out.

read and check the request -> authenticate -> execute -> the answer in the media type that the client likes best.
Statuses are those of GraphQL over HTTP: with `application/graphql-response+json` a request that could not be executed
is a 4xx; with plain `application/json` it is a 200, because many clients read no body with another status.
Source: GraphQL over HTTP, Response.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from app.core.errors import Unauthenticated
from app.core.ids import CustomerId
from app.http.graphql_errors import formatted, request_error
from app.http.graphql_request import BadRequest, GraphQLRequest, read_request
from app.http.negotiation import GRAPHQL_JSON, JSON, answer_type, prefers_html
from resolvers.context import Context, Services
from resolvers.schema import ShopSchema

_encoder = msgspec.json.Encoder()
_READ_ONLY = frozenset({OperationType.QUERY})
_ANY = frozenset({OperationType.QUERY, OperationType.MUTATION})


class GraphQLView:
    """Answers /graphql. page: what a browser is shown, None where there is no explorer."""

    def __init__(
        self,
        schema: ShopSchema,
        services: Services,
        authenticate: Callable[[Request], CustomerId | None],
        page: Callable[[Request], Awaitable[Response]] | None,
    ) -> None:
        self._schema = schema
        self._services = services
        self._authenticate = authenticate
        self._page = page

    async def __call__(self, request: Request) -> Response:
        """The answer; never an exception for what a client may send."""
        accept = request.headers.get("accept", "")
        is_page = request.method == "GET" and "query" not in request.query_params and prefers_html(accept)
        if is_page and self._page is not None:
            return await self._page(request)
        media_type = answer_type(accept)
        try:
            if request.method not in ("GET", "POST"):
                raise BadRequest(405, "Use GET or POST.", headers={"allow": "GET, POST"})
            if media_type is None:
                raise BadRequest(406, f"The answer can be had as {GRAPHQL_JSON} or {JSON}.")
            customer_id = self._authenticate(request)
            return await self._execute(await read_request(request), request, media_type, customer_id)
        except BadRequest as error:
            body = {"errors": [request_error(error.message, error.code, request.state.request_id)]}
            return _answer(body, error.status, media_type or JSON, error.headers)
        except Unauthenticated as error:
            body = {"errors": [request_error(error.message, "UNAUTHENTICATED", request.state.request_id)]}
            return _answer(body, 401, media_type or JSON, {"www-authenticate": "Bearer"})

    async def _execute(
        self, asked: GraphQLRequest, request: Request, media_type: str, customer_id: CustomerId | None
    ) -> Response:
        request_id = request.state.request_id
        try:
            result = await self._schema.execute(
                asked.query,
                variable_values=asked.variables,
                operation_name=asked.operation_name,
                context_value=Context(self._services, customer_id),
                allowed_operation_types=_READ_ONLY if request.method == "GET" else _ANY,
            )
        except InvalidOperationTypeError:
            raise BadRequest(405, "Send mutations by POST.", headers={"allow": "POST"}) from None
        except (MissingQueryError, CannotGetOperationTypeError):
            message = "The document has no such operation, or several and none is named."
            error = request_error(message, "OPERATION_RESOLUTION_FAILURE", request_id)
            return _answer({"errors": [error]}, _refused(media_type), media_type)
        if isinstance(result, PreExecutionError):
            errors = formatted(result.errors or [], request_id, before_execution=True)
            return _answer({"errors": errors}, _refused(media_type), media_type)
        errors = formatted(result.errors or [], request_id, before_execution=False)
        if result.data is None and not any(error.path for error in result.errors or []):
            return _answer({"errors": errors}, _refused(media_type), media_type)  # the variables did not fit
        body: dict[str, Any] = {"data": result.data}
        if errors:
            body["errors"] = errors
        return _answer(body, 200, media_type)


def _refused(media_type: str) -> int:
    return 400 if media_type == GRAPHQL_JSON else 200


def _answer(body: dict[str, Any], status: int, media_type: str, headers: dict[str, str] | None = None) -> Response:
    return Response(
        _encoder.encode(body),
        status,
        {"vary": "Accept", "cache-control": "no-store", **(headers or {})},
        f"{media_type}; charset=utf-8",
    )
