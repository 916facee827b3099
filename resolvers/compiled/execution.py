"""One execution: what its fields share, and the errors that become part of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    located_error,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails
from graphql.execution.values import VariableValues

# Where a value stands in the answer: the way to what it is in, and the field, or its number in a list.
Path: TypeAlias = "tuple[Path, Place | int] | None"


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A field where it is selected. details: every time it is, under one key."""

    key: str
    parent: GraphQLObjectType
    definition: GraphQLField
    details: FieldDetailsList

    @property
    def nodes(self) -> list[FieldNode]:
        """The field in the document, as often as it is selected."""
        return [each.node for each in self.details]

    @property
    def name(self) -> str:
        """Of the field, with its type."""
        return f"{self.parent}.{self.details[0].node.name.value}"


class Later(partial[Coroutine[Any, Any, object]]):
    """A value that has to be awaited: called, it is the coroutine that gives it. It may be left uncalled."""

    __slots__ = ()


class Execution:
    """What the fields of one execution share.

    arguments: those that were read already, by their field. new_fields: how many were worked out for the first time.
    """

    __slots__ = (
        "_failed",
        "_left",
        "arguments",
        "context",
        "errors",
        "fragments",
        "new_fields",
        "operation",
        "root",
        "schema",
        "variables",
    )

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        variables: VariableValues,
        context: object,
        root: object,
    ) -> None:
        self.schema, self.operation, self.fragments = schema, operation, fragments
        self.variables, self.context, self.root = variables, context, root
        self.new_fields = 0
        self.arguments: dict[object, dict[str, Any]] = {}
        self.errors: list[GraphQLError] = []
        self._failed: set[Path] = set()
        self._left: set[asyncio.Future[object]] = set()

    def fail(self, error: Exception, place: Place, path: Path, *, is_nullable: bool) -> object:
        """Null, for which the error is noted; raises it, located, where null is not allowed."""
        located = located_error(error, place.nodes, keys_of(path))
        if not is_nullable:
            raise located
        self.note(located, path)
        return None

    def note(self, error: GraphQLError, path: Path) -> None:
        """Note an error that made this place null, unless something around it is null already."""
        above = path
        while above is not None:
            if above in self._failed:
                return
            above = above[0]
        if None not in self._failed:
            self._failed.add(path)
            self.errors.append(error)

    def leave(self, unfinished: Iterable[Awaitable[object]]) -> None:
        """Let this go on until the answer is known, though it is in a place that is null by now."""
        for each in unfinished:
            left = asyncio.ensure_future(each)
            self._left.add(left)
            left.add_done_callback(self._forget)

    def end(self) -> None:
        """Cancel what was left, since the answer is known."""
        for left in self._left:
            left.cancel()

    def _forget(self, left: asyncio.Future[object]) -> None:
        self._left.discard(left)
        if not left.cancelled():
            left.exception()  # which belongs to a place that is null


async def or_null(later: Later, execution: Execution, place: Place, path: Path) -> object:
    """The value; null where it fails, for which the error is noted."""
    try:
        return await later()
    except Exception as error:  # noqa: BLE001  answered as an error of this place
        return execution.fail(error, place, path, is_nullable=True)


def keys_of(path: Path) -> list[str | int]:
    """The path as an answer tells it, from the root."""
    keys: list[str | int] = []
    while path is not None:
        path, step = path
        keys.append(step if isinstance(step, int) else step.key)
    return keys[::-1]
