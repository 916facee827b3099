"""GraphQL errors as clients see them: a code always, nothing internal ever.

An error that a client can mend, or that a dependency caused, keeps its message and is logged as one line; anything
else is masked and logged once with its stack. See ADR-0006.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError

from app import telemetry
from app.core.errors import (
    CardDataNotAllowed,
    ClientError,
    DeadlineExceeded,
    NotFound,
    OperationalError,
    QueryTooCostly,
    RateLimited,
    ShopError,
    Unauthenticated,
)

_log = telemetry.logger(__name__)
# some of the library's rules cannot be told to keep it to themselves; bounded: a text full of beginnings is quadratic
_SUGGESTION = re.compile(r" Did you mean [^?]{0,400}\?")
_MAX_MESSAGE, _KEPT = 400, 180  # characters: a value that a message repeats may have 90,000
_UNAVAILABLE = {"TIMEOUT": "The request took too long and was given up: ask for less, or try again."}
_CODES: tuple[tuple[type[ShopError], str], ...] = (
    (NotFound, "NOT_FOUND"),
    (Unauthenticated, "UNAUTHENTICATED"),
    (RateLimited, "THROTTLED"),
    (QueryTooCostly, "MAX_COST_EXCEEDED"),
    (CardDataNotAllowed, "CARD_DATA_NOT_ALLOWED"),
    (ClientError, "BAD_USER_INPUT"),
    (DeadlineExceeded, "TIMEOUT"),
    (OperationalError, "SERVICE_UNAVAILABLE"),
)


def formatted(errors: Sequence[GraphQLError], request_id: str, *, before_execution: bool) -> list[dict[str, Any]]:
    """The errors of an answer. before_execution: the document was not valid, so nothing has been resolved."""
    return [_formatted(error, request_id, before_execution=before_execution) for error in errors]


def request_error(message: str, code: str, request_id: str, **extensions: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    """An error that is about the request as a whole."""
    telemetry.OPERATION_ERRORS.labels(code).inc()
    return {"message": message, "extensions": {"code": code, "requestId": request_id, **extensions}}


def card_data_error(refused: CardDataNotAllowed, request_id: str) -> dict[str, Any]:
    """The error of a request with a card number in it, which is named by its place only."""
    message, code, more = explained(refused)
    error = request_error(message, code, request_id, **more)
    if refused.location is not None:
        line, column = refused.location
        error["locations"] = [{"line": line, "column": column}]
    return error


def shortened(message: str) -> str:
    """The message without its middle, where a value makes it long."""
    return message if len(message) <= _MAX_MESSAGE else f"{message[:_KEPT]} … {message[-_KEPT:]}"


def _formatted(error: GraphQLError, request_id: str, *, before_execution: bool) -> dict[str, Any]:
    message, code, more = _explained(error, before_execution=before_execution)
    entry = request_error(shortened(message), code, request_id, **more)
    if error.locations:
        entry["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        entry["path"] = error.path
    if code == "INTERNAL_SERVER_ERROR":
        cause = error.original_error or error
        _log.error("unexpected_error", path=error.path, exc_info=cause)
    else:
        _log.info("expected_error", code=code, path=error.path)
    return entry


def explained(cause: ShopError) -> tuple[str, str, dict[str, Any]]:
    """The message, the code and what else a client is told of a failure that it may know of."""
    code = next(code for kind, code in _CODES if isinstance(cause, kind))
    if isinstance(cause, OperationalError):
        retry = {"retryable": True, "retryAfterMs": cause.retry_after_seconds * 1000}
        return _UNAVAILABLE.get(code, "The shop cannot answer this right now: try again soon."), code, retry
    assert isinstance(cause, ClientError), "a bug is masked"
    if isinstance(cause, RateLimited):
        return cause.message, code, {"retryable": True, "retryAfterMs": cause.retry_after_ms}
    if isinstance(cause, CardDataNotAllowed):
        return cause.message, code, {"position": list(cause.position)}
    return cause.message, code, {}


def _explained(error: GraphQLError, *, before_execution: bool) -> tuple[str, str, dict[str, Any]]:
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if isinstance(cause, ClientError | OperationalError):
        return explained(cause)
    if isinstance(cause, RecursionError) and before_execution:
        return "The document is nested too deeply.", "GRAPHQL_VALIDATION_FAILED", {}
    if isinstance(cause, ValueError) and before_execution:  # a number of thousands of digits
        return "The document has a value that cannot be read.", "GRAPHQL_VALIDATION_FAILED", {}
    if (cause is None or isinstance(cause, GraphQLError)) and (before_execution or not error.path):
        if not before_execution:
            return _SUGGESTION.sub("", error.message), "BAD_USER_INPUT", {}  # the variables did not fit their types
        syntax = isinstance(error, GraphQLSyntaxError)
        return _SUGGESTION.sub("", error.message), "GRAPHQL_PARSE_FAILED" if syntax else "GRAPHQL_VALIDATION_FAILED", {}
    return "Something went wrong on our side.", "INTERNAL_SERVER_ERROR", {"retryable": True}
