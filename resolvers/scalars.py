"""Scalars of the schema, each with the specification that defines its text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

Cursor = NewType("Cursor", str)
URL = NewType("URL", str)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise GraphQLError("It must be a string.")
    return value


def _decimal(value: object) -> Decimal:
    """A finite decimal number from a string or an integer; never from a float, which has lost its digits already."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise GraphQLError('A Decimal must be a string such as "12.50".')
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise GraphQLError('A Decimal must be a string such as "12.50".') from None
    if not number.is_finite():
        raise GraphQLError("A Decimal must be a finite number.")
    return number


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        raise GraphQLError('A DateTime must be a string such as "2026-01-31T12:00:00Z".') from None
    if moment.tzinfo is None:
        raise GraphQLError('A DateTime must have a time zone, such as the Z in "2026-01-31T12:00:00Z".')
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise GraphQLError("A DateTime must be within the years 1 to 9999 in UTC.") from None


SCALARS: dict[object, ScalarDefinition] = {
    Cursor: strawberry.scalar(
        name="Cursor",
        description="A place in a list, for `after` and `before`. Opaque: keep it, never make one.",
        specified_by_url="https://relay.dev/graphql/connections.htm#sec-Cursor",
        serialize=str,
        parse_value=_text,
    ),
    URL: strawberry.scalar(
        name="URL",
        description="An absolute URL.",
        specified_by_url="https://url.spec.whatwg.org/",
        serialize=str,
        parse_value=_text,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='A decimal number as a string, such as "12.50": exact, unlike Float.',
        specified_by_url="https://www.w3.org/TR/xmlschema-2/#decimal",
        serialize=lambda value: format(value, "f"),
        parse_value=_decimal,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description='A moment in UTC, such as "2026-01-31T12:00:00.000Z".',
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=lambda value: value.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        parse_value=_moment,
    ),
}
