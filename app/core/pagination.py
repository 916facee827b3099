"""Pages by keyset: a cursor names a row's place in an order, never a count of rows.

A cursor holds the sort values and key of one row and the fingerprint of the list it was cut from, so that it cannot be
used with another filter or sort. Rows that come or go elsewhere never make a walk skip or repeat a row.
Source: GraphQL Cursor Connections Specification.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Generic, TypeVar

import msgspec

from app.core.errors import InvalidInput

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 20
_FINGERPRINT_BYTES = 6
_MAX_CURSOR_LENGTH = 4_096  # a name of 255 characters, four bytes each or more once its accents are folded, in base 64

T = TypeVar("T")
P = TypeVar("P", bound=tuple[object, ...])


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which rows of an ordered list: `limit` of them after the cursor, or before it when not forward."""

    limit: int
    forward: bool = True
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows in the list's own order, whichever way they were walked. cursors: one a row."""

    items: tuple[T, ...]
    cursors: tuple[str, ...]
    has_next: bool
    has_previous: bool


class CountPrecision(Enum):
    """How much a count can be relied on."""

    EXACT = "EXACT"
    AT_LEAST = "AT_LEAST"


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are: exactly, or at least."""

    value: int
    precision: CountPrecision = CountPrecision.EXACT


def page_request(first: int | None, after: str | None, last: int | None, before: str | None) -> PageRequest:
    """What the four connection arguments ask for.

    Raises InvalidInput when they contradict each other or a size is not within 1..MAX_PAGE_SIZE.
    """
    if (first is not None or after is not None) and (last is not None or before is not None):
        raise InvalidInput("Use first and after, or last and before, not both.")
    forward = last is None and before is None
    limit = first if forward else last
    if limit is None:
        limit = DEFAULT_PAGE_SIZE
    if not 1 <= limit <= MAX_PAGE_SIZE:
        raise InvalidInput(f"{'first' if forward else 'last'} must be 1 to {MAX_PAGE_SIZE}.")
    return PageRequest(limit, forward, after if forward else before)


def fingerprint(*parts: object) -> bytes:
    """A short hash of what a list was made from: filter, sort, language."""
    return hashlib.sha256(msgspec.msgpack.encode(parts)).digest()[:_FINGERPRINT_BYTES]


def encode_cursor(list_fingerprint: bytes, position: tuple[object, ...]) -> str:
    """The text of a place in a list."""
    return base64.urlsafe_b64encode(list_fingerprint + msgspec.msgpack.encode(position)).decode().rstrip("=")


def decode_cursor(cursor: str, list_fingerprint: bytes, position_type: type[P]) -> P:
    """The place that a cursor names.

    Raises InvalidInput when it is malformed or was cut from another list.
    """
    if len(cursor) > _MAX_CURSOR_LENGTH or not cursor.isascii():
        raise InvalidInput("This is not a cursor of this list.")
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position = msgspec.msgpack.decode(raw[_FINGERPRINT_BYTES:], type=position_type)
        for value in position:
            if isinstance(value, datetime):
                value.astimezone(UTC)  # one that has no place in UTC cannot be bound
    except (OverflowError, ValueError, msgspec.MsgspecError):
        raise InvalidInput("This is not a cursor of this list.") from None
    if raw[:_FINGERPRINT_BYTES] != list_fingerprint:
        raise InvalidInput("This cursor belongs to another filter or sort: start again without it.")
    return position


def cut_page(
    rows: Sequence[T], request: PageRequest, position_of: Callable[[T], tuple[object, ...]], list_fingerprint: bytes
) -> Page[T]:
    """The page in rows that a store fetched for it.

    rows: up to limit + 1 of them, walked from the cursor in the request's direction; the extra one tells that the
    list goes on.
    """
    more = len(rows) > request.limit
    kept = list(rows[: request.limit])
    if not request.forward:
        kept.reverse()
    started_inside = request.cursor is not None
    return Page(
        items=tuple(kept),
        cursors=tuple(encode_cursor(list_fingerprint, position_of(row)) for row in kept),
        has_next=more if request.forward else started_inside,
        has_previous=started_inside if request.forward else more,
    )


def slice_page(items: Sequence[T], request: PageRequest, key: Callable[[T], int], list_name: str) -> Page[T]:
    """A page of a short list that is wholly in memory, in rising order of an integer key."""
    return slice_sorted(items, request, lambda row: (key(row),), tuple[int], list_name)


def slice_sorted(
    items: Sequence[T], request: PageRequest, position_of: Callable[[T], P], position_type: type[P], list_name: str
) -> Page[T]:
    """A page of a list that is wholly in memory, in rising order of its rows' positions."""
    mark = fingerprint(list_name)
    rows = list(items) if request.forward else list(reversed(items))
    if request.cursor is not None:
        place = decode_cursor(request.cursor, mark, position_type)
        rows = [row for row in rows if (position_of(row) > place if request.forward else position_of(row) < place)]
    return cut_page(rows[: request.limit + 1], request, position_of, mark)
