"""An operation that is executed again and again: what was worked out for it is kept with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_variable_values,
)
from graphql.execution.collect_fields import FragmentDetails

from resolvers.compiled.compiler import Compiler
from resolvers.compiled.execution import Execution, Later
from resolvers.compiled.values import Fields, answer_of

_MAX_ERRORS = 50  # of variables that do not fit, as graphql-core has it


class CompiledOperation:
    """A query, or what is executed for each event of a subscription. Safe for any number of executions at once.

    most_fields: how many are kept; an operation with more of them works them out anew each time, as graphql-core does.
    A field counts for each type that has it, and each choice of what is skipped.
    """

    __slots__ = ("_compiler", "_conditions", "_fields", "_fragments", "_most_fields", "_node", "_roots")

    def __init__(
        self, compiler: Compiler, document: DocumentNode, node: OperationDefinitionNode, *, most_fields: int
    ) -> None:
        self._compiler, self._node, self._most_fields = compiler, node, most_fields
        self._fragments = {
            each.name.value: FragmentDetails(each)
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        selections = [node.selection_set, *(each.definition.selection_set for each in self._fragments.values())]
        self._conditions = tuple(sorted({name for each in selections for name in _conditions(each)}))
        self._roots: dict[tuple[object, ...], Fields] = {}
        self._fields = 0

    async def run(self, variables: dict[str, Any], context: object, root: object) -> ExecutionResult:
        """The answer. root: the event of a subscription's source."""
        schema = self._compiler.schema
        coerced = get_variable_values(
            schema, self._node.variable_definitions or (), variables, max_errors=_MAX_ERRORS, hide_suggestions=True
        )
        if isinstance(coerced, list):
            return ExecutionResult(None, coerced)
        execution = Execution(schema, self._node, self._fragments, coerced, context, root)
        answer: Any = None
        try:
            answer = answer_of(self._root(execution), root, execution, None)
            if isinstance(answer, Later):
                answer = await answer()
        except GraphQLError as error:
            answer = None
            execution.note(error, None)
        finally:
            execution.end()
            self._keep(execution)
        return ExecutionResult(answer, execution.errors or None)

    def _root(self, execution: Execution) -> Fields:
        coerced = execution.variables.coerced
        chosen = tuple(coerced.get(name) for name in self._conditions)
        root = self._roots.get(chosen)
        if root is None:
            root = self._roots[chosen] = self._compiler.root(execution)
        return root

    def _keep(self, execution: Execution) -> None:
        self._fields += execution.new_fields
        if self._fields > self._most_fields:
            self._roots.clear()
            self._fields = 0


def _conditions(selections: SelectionSetNode) -> Iterator[str]:
    """The variables that decide what is skipped or included."""
    for each in selections.selections:
        yield from (name for directive in each.directives or () for name in _variables(directive))
        if isinstance(each, FieldNode | InlineFragmentNode) and each.selection_set is not None:
            yield from _conditions(each.selection_set)


def _variables(directive: DirectiveNode) -> Iterator[str]:
    if directive.name.value in ("skip", "include"):
        for argument in directive.arguments or ():
            if isinstance(argument.value, VariableNode):
                yield argument.value.name.value
