"""A GraphQL request, read from HTTP: whatever is malformed is refused here with a status and a code.

Source: GraphQL over HTTP, Request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from app.documents.asked_document import AskedDocument, asked_document
from app.documents.domain import NoSuchDocument
from app.http import strict_json
from app.http.body import BadRequest, decoded, read_json
from app.http.card_check import refuse_card_data, refuse_card_header

MAX_BODY_BYTES = 100_000
MAX_QUERY_CHARACTERS = 20_000

_JSON_PARAMETERS = frozenset({"variables", "extensions"})
_NONE = AskedDocument()
_NUL_ESCAPE = re.compile(r"\\u(?:0000|\{0+\})")


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What is to be executed."""

    document: AskedDocument
    operation_name: str | None
    variables: dict[str, Any]
    debug: frozenset[str] = frozenset()  # what `x-debug` asks for: cost, cache
    idempotency_key: str | None = None  # the header's, for mutations whose input has none


async def read_request(request: Request) -> GraphQLRequest:
    """The GraphQL request in a GET's query string or a POST's JSON body. Raises BadRequest and CardDataNotAllowed."""
    debug = frozenset(filter(None, map(str.strip, request.headers.get("x-debug", "").split(","))))
    if request.method == "GET":
        return checked_request(_parameters(request), debug)
    body = await read_json(request, MAX_BODY_BYTES)
    if not isinstance(body, dict):
        raise BadRequest(400, "The body must be one JSON object; batches are not supported.")
    key = request.headers.get("idempotency-key")
    refuse_card_header("idempotency-key", key)
    return checked_request(body, debug, key)


def _parameters(request: Request) -> dict[str, Any]:
    """The query string's members; one that is empty is one that is not there."""
    values: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in values:
            raise BadRequest(400, "The query string has a parameter twice.")
        values[name] = value or None
    for name in _JSON_PARAMETERS & values.keys():
        values[name] = decoded(values[name].encode(errors="replace"), name) if values[name] else None
    refuse_card_data(values)
    return values


def checked_request(
    values: dict[str, Any], debug: frozenset[str] = frozenset(), idempotency_key: str | None = None
) -> GraphQLRequest:
    """The request in these values of JSON, in which no card number stands. Raises BadRequest."""
    operation_name, variables = values.get("operationName"), values.get("variables")
    try:
        document = asked_document(values)
    except NoSuchDocument as error:
        raise BadRequest(400, error.message) from None
    if document == _NONE:
        raise BadRequest(400, "The request has no query.")
    if operation_name is not None and not isinstance(operation_name, str):
        raise BadRequest(400, "operationName must be a string.")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest(400, "variables must be an object.")
    _check_query(document.text or "")
    return GraphQLRequest(document, operation_name or None, variables or {}, debug, idempotency_key)


def _check_query(query: str) -> None:
    if len(query) > MAX_QUERY_CHARACTERS:
        raise BadRequest(413, f"The query is longer than {MAX_QUERY_CHARACTERS} characters.")
    try:
        strict_json.check_text(query)
    except strict_json.BadText as error:
        raise BadRequest(400, str(error), "BAD_USER_INPUT") from None
    if _NUL_ESCAPE.search(query):
        raise BadRequest(400, "Text must not have NUL characters.", "BAD_USER_INPUT")
