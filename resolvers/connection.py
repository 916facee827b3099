"""Connections: a page of records as the Relay specification wants it.

`Listing` is the record behind every connection; the generic `Connection` and `Edge` are declared over it.
Source: GraphQL Cursor Connections Specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import strawberry

from app.core.pagination import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, Page, PageRequest, page_request
from resolvers.backing import given
from resolvers.cost_directives import EMBEDDED
from resolvers.scalars import Cursor

T = TypeVar("T")
R = TypeVar("R")

_SIZE = f"1 to {MAX_PAGE_SIZE}; {DEFAULT_PAGE_SIZE} where no size is given."
First = Annotated[int | None, strawberry.argument(description=f"How many, from the start or after `after`: {_SIZE}")]
After = Annotated[Cursor | None, strawberry.argument(description="The cursor to continue after: `pageInfo.endCursor`.")]
Last = Annotated[int | None, strawberry.argument(description=f"How many, from the end or before `before`: {_SIZE}")]
Before = Annotated[
    Cursor | None, strawberry.argument(description="The cursor to go back from: `pageInfo.startCursor`.")
]


@strawberry.type(description="Where a page stands in its list.", directives=[EMBEDDED])
class PageInfo:
    """Declared over `PageMark`."""

    has_next_page: bool = strawberry.field(description="Whether there is more after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there is more before this page.")
    start_cursor: Cursor | None = strawberry.field(description="The first row's cursor; null on an empty page.")
    end_cursor: Cursor | None = strawberry.field(description="The last row's cursor; null on an empty page.")


@strawberry.type(description="A row of a list.", directives=[EMBEDDED])
class Edge(Generic[T]):
    """Declared over `Row`."""

    node: T = strawberry.field(description="The object itself.")
    cursor: Cursor = strawberry.field(description="The row's place in the list.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """Declared over `Listing`."""

    edges: list[Edge[T]] = strawberry.field(description="The rows of the page, with their cursors.")
    nodes: list[T] = strawberry.field(description="The objects of the page, for clients that need no cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in its list.")


@dataclass(frozen=True, slots=True)
class PageMark:
    """The record behind `PageInfo`."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class Row(Generic[R]):
    """The record behind an edge."""

    node: R
    cursor: str


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """The record behind a connection."""

    edges: tuple[Row[R], ...]
    nodes: tuple[R, ...]
    page_info: PageMark


def listing(page: Page[Any], records: Sequence[R | None]) -> Listing[R]:
    """The connection of a page. records: one for each of its rows; rows whose record is gone are left out."""
    rows = tuple(
        Row(record, cursor) for record, cursor in zip(records, page.cursors, strict=True) if record is not None
    )
    return Listing(rows, tuple(row.node for row in rows), page_mark(page))


def page_mark(page: Page[Any]) -> PageMark:
    """Where the page stands in its list."""
    start, end = (page.cursors[0], page.cursors[-1]) if page.cursors else (None, None)
    return PageMark(page.has_next, page.has_previous, start, end)


def asked_page(
    first: int | None, after: str | None, last: int | None = strawberry.UNSET, before: str | None = strawberry.UNSET
) -> PageRequest:
    """What the connection's arguments ask for. Raises InvalidInput when they contradict each other."""
    return page_request(given(first), given(after), given(last), given(before))
