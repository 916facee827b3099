"""A GraphQL request, read from HTTP: whatever is malformed is refused here with a status and a code.

Source: GraphQL over HTTP, Request.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request

from app.documents.asked_document import AskedDocument, asked_document
from app.documents.domain import NoSuchDocument
from app.http import strict_json

MAX_BODY_BYTES = 100_000
MAX_QUERY_CHARACTERS = 20_000
READ_SECONDS = 10.0  # of a whole body; a slower one holds a connection for nothing

_NUL_ESCAPE = re.compile(r"\\u(?:0000|\{0+\})")


class BadRequest(Exception):
    """A request that is refused before anything is executed. code: of the error in the answer."""

    def __init__(
        self, status: int, message: str, code: str = "BAD_REQUEST", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers or {}


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What is to be executed."""

    document: AskedDocument
    operation_name: str | None
    variables: dict[str, Any]
    debug: frozenset[str] = frozenset()  # what `x-debug` asks for: cost, cache


async def read_request(request: Request) -> GraphQLRequest:
    """The GraphQL request in a GET's query string or a POST's JSON body. Raises BadRequest."""
    debug = frozenset(filter(None, map(str.strip, request.headers.get("x-debug", "").split(","))))
    if request.method == "GET":
        given = {name: value for name, value in request.query_params.items() if value}
        return checked_request({**given, **_decoded_parameters(request)}, debug)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise BadRequest(415, "Send the request as JSON, with Content-Type: application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise BadRequest(415, "Send the request without Content-Encoding.", headers={"accept-encoding": "identity"})
    body = _decode(await _body(request), "The body")
    if not isinstance(body, dict):
        raise BadRequest(400, "The body must be one JSON object; batches are not supported.")
    return checked_request(body, debug)


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise BadRequest(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
                chunks.append(chunk)
    except ClientDisconnect:
        raise BadRequest(400, "The body ended early.") from None
    except TimeoutError:
        raise BadRequest(408, "The body took too long to arrive.", headers={"connection": "close"}) from None
    return b"".join(chunks)


def _decoded_parameters(request: Request) -> dict[str, Any]:
    return {
        name: _decode(request.query_params[name].encode(errors="replace"), name)
        for name in ("variables", "extensions")
        if request.query_params.get(name)
    }


def _decode(raw: bytes, name: str) -> Any:  # noqa: ANN401  JSON
    try:
        return strict_json.decode(raw)
    except strict_json.NotJson as error:
        raise BadRequest(400, f"{name} {error}.") from None
    except strict_json.BadText as error:
        raise BadRequest(400, str(error), "BAD_USER_INPUT") from None


def checked_request(values: dict[str, Any], debug: frozenset[str] = frozenset()) -> GraphQLRequest:
    """The request in these values of JSON. Raises BadRequest."""
    operation_name, variables = values.get("operationName"), values.get("variables")
    try:
        document = asked_document(values)
    except NoSuchDocument as error:
        raise BadRequest(400, error.message) from None
    if document == AskedDocument():
        raise BadRequest(400, "The request has no query.")
    if operation_name is not None and not isinstance(operation_name, str):
        raise BadRequest(400, "operationName must be a string.")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest(400, "variables must be an object.")
    _check_query(document.text or "")
    return GraphQLRequest(document, operation_name or None, variables or {}, debug)


def _check_query(query: str) -> None:
    if len(query) > MAX_QUERY_CHARACTERS:
        raise BadRequest(413, f"The query is longer than {MAX_QUERY_CHARACTERS} characters.")
    try:
        strict_json.check_text(query)
    except strict_json.BadText as error:
        raise BadRequest(400, str(error), "BAD_USER_INPUT") from None
    if _NUL_ESCAPE.search(query):
        raise BadRequest(400, "Text must not have NUL characters.", "BAD_USER_INPUT")
