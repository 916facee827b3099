"""A GraphQL request, read from HTTP: whatever is malformed is refused here with a status and a code.

Source: GraphQL over HTTP, Request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

MAX_BODY_BYTES = 100_000
MAX_QUERY_CHARACTERS = 20_000

_NUL_ESCAPE = re.compile(r"\\u(?:0000|\{0+\})")
_json = msgspec.json.Decoder()


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

    query: str
    operation_name: str | None
    variables: dict[str, Any]


async def read_request(request: Request) -> GraphQLRequest:
    """The GraphQL request in a GET's query string or a POST's JSON body. Raises BadRequest."""
    if request.method == "GET":
        given = {name: value for name, value in request.query_params.items() if value}
        return _checked({**given, **_decoded_parameters(request)})
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise BadRequest(415, "Send the request as JSON, with Content-Type: application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise BadRequest(415, "Send the request without Content-Encoding.", headers={"accept-encoding": "identity"})
    body = _decode(await _body(request), "The body")
    if not isinstance(body, dict):
        raise BadRequest(400, "The body must be one JSON object; batches are not supported.")
    return _checked(body)


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise BadRequest(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
            chunks.append(chunk)
    except ClientDisconnect:
        raise BadRequest(400, "The body ended early.") from None
    return b"".join(chunks)


def _decoded_parameters(request: Request) -> dict[str, Any]:
    return {
        name: _decode(request.query_params[name].encode(errors="replace"), name)
        for name in ("variables", "extensions")
        if request.query_params.get(name)
    }


def _decode(raw: bytes, name: str) -> Any:  # noqa: ANN401  JSON
    try:
        return _json.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
        raise BadRequest(400, f"{name} is not valid JSON.") from None


def _checked(values: dict[str, Any]) -> GraphQLRequest:
    query, operation_name = values.get("query"), values.get("operationName")
    variables, extensions = values.get("variables"), values.get("extensions")
    if not isinstance(query, str) or not query.strip():
        raise BadRequest(400, "The request has no query.")
    if operation_name is not None and not isinstance(operation_name, str):
        raise BadRequest(400, "operationName must be a string.")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest(400, "variables must be an object.")
    if extensions is not None and not isinstance(extensions, dict):
        raise BadRequest(400, "extensions must be an object.")
    if len(query) > MAX_QUERY_CHARACTERS:
        raise BadRequest(413, f"The query is longer than {MAX_QUERY_CHARACTERS} characters.")
    try:
        has_nul = "\0" in query or _NUL_ESCAPE.search(query) or _has_nul(variables)
    except RecursionError:
        raise BadRequest(400, "variables are nested too deeply.", "BAD_USER_INPUT") from None
    if has_nul:
        raise BadRequest(400, "Text must not have NUL characters.", "BAD_USER_INPUT")
    return GraphQLRequest(query, operation_name or None, variables or {})


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(each) for pair in value.items() for each in pair)
    return isinstance(value, list) and any(map(_has_nul, value))
