from __future__ import annotations

from typing import Any

import graphql
import pytest
from graphql import GraphQLError, GraphQLSyntaxError
from prometheus_client import REGISTRY

from app.core.errors import (
    Bug,
    CartClosed,
    DatabaseUnavailable,
    ErrorCode,
    InvalidInput,
    NotFound,
    OperationalError,
    PaymentsUnavailable,
    ShopError,
    Unauthenticated,
    VersionConflict,
)
from app.http import graphql_errors
from app.http.graphql_errors import formatted, request_error
from tests.unit.fakes import LogBook

MASKED = "Something went wrong on our side."
SECRET = "connection to postgresql://shop:password@db failed"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> LogBook:
    log = LogBook()
    monkeypatch.setattr(graphql_errors, "_log", log)
    return log


def resolved(cause: Exception | None, message: str = "x", path: list[str | int] | None = None) -> GraphQLError:
    """An error that a resolver has raised."""
    return GraphQLError(message, path=path or ["cart", "lines", 0], original_error=cause)


def shown(error: GraphQLError, *, before_execution: bool = False) -> dict[str, Any]:
    (entry,) = formatted([error], "request-1", before_execution=before_execution)
    return entry


def counted(code: str) -> float:
    return REGISTRY.get_sample_value("cartograph_graphql_errors_total", {"code": code}) or 0.0


# ------------------------------------------------------------------------------------------------ while executing


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (NotFound("There is no such cart."), "NOT_FOUND"),
        (Unauthenticated("Sign in first."), "UNAUTHENTICATED"),
        (InvalidInput("first must be 1 to 100."), "BAD_USER_INPUT"),
        (InvalidInput("Bad.", code=ErrorCode.CURRENCY_MISMATCH), "BAD_USER_INPUT"),
        (CartClosed("This cart has been paid."), "BAD_USER_INPUT"),
        (VersionConflict(expected=1, current=2), "BAD_USER_INPUT"),
    ],
)
def test_what_a_client_can_mend_keeps_its_message(log: LogBook, cause: Any, code: str) -> None:
    assert shown(resolved(cause)) == {
        "message": cause.message,
        "extensions": {"code": code, "requestId": "request-1"},
        "path": ["cart", "lines", 0],
    }
    assert log.lines == [("info", "expected_error", {"code": code, "path": ["cart", "lines", 0]})]


@pytest.mark.parametrize("cause", [DatabaseUnavailable(SECRET), PaymentsUnavailable(SECRET), OperationalError(SECRET)])
def test_an_outage_says_when_to_try_again_and_nothing_of_its_cause(log: LogBook, cause: OperationalError) -> None:
    assert shown(resolved(cause, SECRET)) == {
        "message": "The shop cannot answer this right now: try again soon.",
        "extensions": {
            "code": "SERVICE_UNAVAILABLE",
            "requestId": "request-1",
            "retryable": True,
            "retryAfterMs": 5_000,
        },
        "path": ["cart", "lines", 0],
    }
    assert log.events("error") == []


@pytest.mark.parametrize(
    "cause",
    [Bug(SECRET), ShopError(SECRET), RuntimeError(SECRET), KeyError(SECRET), AssertionError(SECRET), RecursionError()],
)
def test_anything_else_is_masked_and_logged_once_with_its_cause(log: LogBook, cause: Exception) -> None:
    assert shown(resolved(cause, SECRET)) == {
        "message": MASKED,
        "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": "request-1", "retryable": True},
        "path": ["cart", "lines", 0],
    }
    assert log.lines == [("error", "unexpected_error", {"path": ["cart", "lines", 0], "exc_info": cause})]


def test_an_error_of_the_executor_itself_is_masked(log: LogBook) -> None:
    error = resolved(None, "Cannot return null for non-nullable field Cart.id.")

    assert shown(error)["message"] == MASKED
    assert log.lines == [("error", "unexpected_error", {"path": ["cart", "lines", 0], "exc_info": error})]


@pytest.mark.parametrize("cause", [InvalidInput("Bad."), RuntimeError(SECRET)])
def test_a_cause_is_found_below_errors_around_it(log: LogBook, cause: Exception) -> None:
    wrapped = resolved(resolved(resolved(cause, SECRET), SECRET), SECRET)

    assert shown(wrapped)["message"] == (MASKED if isinstance(cause, RuntimeError) else "Bad.")


def test_places_in_the_document_are_shown(log: LogBook) -> None:
    document = graphql.parse("{\n  cart { id }\n}")
    field = document.definitions[0].selection_set.selections[0]

    entry = shown(GraphQLError("x", [field], path=["cart"], original_error=NotFound("There is no such cart.")))

    assert entry["locations"] == [{"line": 2, "column": 3}]


# ------------------------------------------------------------------------------------------------ before executing


def test_a_document_that_cannot_be_parsed_says_where(log: LogBook) -> None:
    with pytest.raises(GraphQLSyntaxError) as failure:
        graphql.parse("{ cart ( }")

    entry = shown(failure.value, before_execution=True)

    assert entry["message"].startswith("Syntax Error: Expected Name")
    assert entry["extensions"] == {"code": "GRAPHQL_PARSE_FAILED", "requestId": "request-1"}
    assert entry["locations"] == [{"line": 1, "column": 10}]
    assert "path" not in entry


def test_a_document_that_does_not_fit_the_schema_says_why(log: LogBook) -> None:
    entry = shown(GraphQLError("Cannot query field 'x' on type 'Query'."), before_execution=True)

    assert entry["message"] == "Cannot query field 'x' on type 'Query'."
    assert entry["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_a_document_that_is_nested_too_deeply_is_the_clients_to_mend(log: LogBook) -> None:
    entry = shown(resolved(RecursionError("maximum recursion depth exceeded")), before_execution=True)

    assert entry["message"] == "The document is nested too deeply."
    assert entry["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert log.events("error") == []


def test_a_failure_of_ours_before_execution_is_masked_too(log: LogBook) -> None:
    entry = shown(GraphQLError(SECRET, original_error=RuntimeError(SECRET)), before_execution=True)

    assert (entry["message"], entry["extensions"]["code"]) == (MASKED, "INTERNAL_SERVER_ERROR")
    assert log.events("error") == ["unexpected_error"]


@pytest.mark.parametrize("cause", [None, GraphQLError("A Decimal must be a string.")])
def test_variables_that_do_not_fit_are_the_clients_to_mend(log: LogBook, cause: GraphQLError | None) -> None:
    entry = shown(GraphQLError("Variable '$first' got invalid value 'x'.", original_error=cause))

    assert entry["message"] == "Variable '$first' got invalid value 'x'."
    assert entry["extensions"]["code"] == "BAD_USER_INPUT"


# ------------------------------------------------------------------------------------------------ all of them


def test_every_error_of_an_answer_is_shown_in_order_and_counted_by_code(log: LogBook) -> None:
    before = {code: counted(code) for code in ("NOT_FOUND", "INTERNAL_SERVER_ERROR")}

    entries = formatted(
        [resolved(NotFound("a")), resolved(RuntimeError()), resolved(NotFound("c"))], "r", before_execution=False
    )

    assert [entry["message"] for entry in entries] == ["a", MASKED, "c"]
    assert {code: counted(code) - count for code, count in before.items()} == {
        "NOT_FOUND": 2.0,
        "INTERNAL_SERVER_ERROR": 1.0,
    }


@pytest.mark.parametrize("length", [1, 300, 400, 401, 90_000])
def test_a_message_that_repeats_a_long_value_loses_its_middle(log: LogBook, length: int) -> None:
    message = ("Variable '$v' has invalid value: " + "x" * length)[:length]

    shown_message = shown(resolved(InvalidInput(message)))["message"]

    assert len(shown_message) <= 400
    assert shown_message[:100] == message[:100]
    assert shown_message[-100:] == message[-100:]
    assert (shown_message == message) == (length <= 400)


def test_a_suggestion_is_dropped_and_a_value_full_of_their_beginnings_costs_nothing(log: LogBook) -> None:
    value = " Did you mean " * 7_000
    message = f"Value '{value}' does not exist. Did you mean the enum value 'PRICE_ASC'?"

    error = shown(GraphQLError(message), before_execution=True)

    assert "PRICE_ASC" not in error["message"]
    assert error["message"].startswith("Value ' Did you mean ")


def test_an_error_about_the_request_as_a_whole_has_what_it_is_given() -> None:
    before = counted("BAD_REQUEST")

    entry = request_error("Use GET or POST.", "BAD_REQUEST", "request-1", retryable=False)

    assert entry == {
        "message": "Use GET or POST.",
        "extensions": {"code": "BAD_REQUEST", "requestId": "request-1", "retryable": False},
    }
    assert counted("BAD_REQUEST") == before + 1
