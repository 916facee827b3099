"""What a resolver may know of the field that it resolves, looked up when it asks."""

from __future__ import annotations

from typing import Any

from graphql import FieldNode, FragmentDefinitionNode, GraphQLObjectType, GraphQLSchema, OperationDefinitionNode
from graphql.pyutils import Path as CorePath
from graphql.pyutils import gather_with_cancel
from graphql.type import GraphQLOutputType, GraphQLResolveInfoHelpers
from strawberry.execution import optimized_is_awaitable

from resolvers.compiled.execution import Execution, Path, Place


class FieldInfo:
    """Stands for graphql-core's GraphQLResolveInfo: the same attributes, none of them made before it is wanted."""

    __slots__ = ("_execution", "_path", "_place")

    abort_signal = None
    operation_extensions = None
    is_awaitable = staticmethod(optimized_is_awaitable)

    def __init__(self, place: Place, execution: Execution, path: Path) -> None:
        self._place, self._execution, self._path = place, execution, path

    @property
    def context(self) -> Any:  # noqa: ANN401  whatever the schema is executed with
        """The request's."""
        return self._execution.context

    @property
    def field_name(self) -> str:
        """The schema's name of the field."""
        return self._place.details[0].node.name.value

    @property
    def field_nodes(self) -> list[FieldNode]:
        """The field in the document."""
        return self._place.nodes

    @property
    def return_type(self) -> GraphQLOutputType:
        """The field's."""
        return self._place.definition.type

    @property
    def parent_type(self) -> GraphQLObjectType:
        """The type that has the field."""
        return self._place.parent

    @property
    def path(self) -> CorePath | None:
        """Where the value stands in the answer."""
        return _core_path(self._path)

    @property
    def schema(self) -> GraphQLSchema:
        """The one that is executed."""
        return self._execution.schema

    @property
    def fragments(self) -> dict[str, FragmentDefinitionNode]:
        """The document's, by their names."""
        return {name: each.definition for name, each in self._execution.fragments.items()}

    @property
    def root_value(self) -> object:
        """The event of a subscription's source."""
        return self._execution.root

    @property
    def operation(self) -> OperationDefinitionNode:
        """The one that is executed."""
        return self._execution.operation

    @property
    def variable_values(self) -> dict[str, Any]:
        """The operation's variables with their defaults."""
        return self._execution.variables.coerced

    @property
    def async_helpers(self) -> GraphQLResolveInfoHelpers:
        """Ways to wait for several things, and for none."""
        return GraphQLResolveInfoHelpers(
            gather=lambda awaited: gather_with_cancel(*awaited), track=self._execution.leave
        )


def _core_path(path: Path) -> CorePath | None:
    if path is None:
        return None
    above, step = path
    if isinstance(step, int):
        return CorePath(_core_path(above), step, None)
    return CorePath(_core_path(above), step.key, step.parent.name)
