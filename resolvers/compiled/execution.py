"""One execution: what its fields share, and the errors that become part of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
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

# Where a value stands in the answer: the way to what it is in, its key or number there, the type that has the field.
Path: TypeAlias = "tuple[Path, str | int, str | None] | None"


@dataclass(frozen=True, slots=True)
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
        self._left: set[asyncio.Future[list[object]]] = set()

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

    def leave(self, unfinished: Sequence[Awaitable[object]]) -> None:
        """Wait no longer for what is in a place that is null by now."""
        left = asyncio.gather(*unfinished, return_exceptions=True)
        self._left.add(left)
        left.add_done_callback(self._left.discard)

    def end(self) -> None:
        """Cancel what was left: the answer is known, and with it goes the request that it would read for."""
        for left in self._left:
            left.cancel()


def keys_of(path: Path) -> list[str | int]:
    """The path as an answer tells it, from the root."""
    keys = []
    while path is not None:
        path, key, _ = path
        keys.append(key)
    return keys[::-1]
