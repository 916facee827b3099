"""Refuses documents that repeat one field so often that validating them is the attack.

The rule that looks for conflicting fields compares every two of one name: 400 times `shop{name}`, in 5 kB, held a core
for a second. Counting is linear in the document. Source: GraphQL specification, Field Selection Merging.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from graphql import DocumentNode, FieldNode, FragmentSpreadNode, GraphQLError, InlineFragmentNode, Visitor, parse, visit
from graphql.language.ast import SelectionSetNode
from strawberry.extensions import SchemaExtension

CACHED = 100  # documents that have passed; as many as the schema keeps
MAX_REPETITIONS = 50  # of one response name in one selection set; clients repeat a field a few times at most


class RepetitionLimiter(SchemaExtension):
    """Runs before a document is validated."""

    def on_validate(self) -> Iterator[None]:
        """Raises GraphQLError for a document that is too repetitive."""
        query = self.execution_context.query
        if query is not None:
            _check_text(query)
        yield


@lru_cache(maxsize=CACHED)
def _check_text(query: str) -> None:
    check_repetitions(parse(query))


def check_repetitions(document: DocumentNode) -> None:
    """Raises GraphQLError when a selection set has a field more than MAX_REPETITIONS times."""
    visit(document, _Counting())


class _Counting(Visitor):
    def enter_selection_set(self, node: SelectionSetNode, _: object, parent: object, *__: object) -> None:
        if isinstance(parent, InlineFragmentNode):
            return  # counted with the selection set around it, into which it merges
        counts = Counter(_names(node))
        name, count = counts.most_common(1)[0] if counts else ("", 0)
        if count > MAX_REPETITIONS:
            message = f"The field {name} is selected {count} times in one place; {MAX_REPETITIONS} are allowed."
            raise GraphQLError(message)


def _names(selections: SelectionSetNode) -> Iterator[str]:
    for each in selections.selections:
        if isinstance(each, InlineFragmentNode):
            yield from _names(each.selection_set)
        elif isinstance(each, FieldNode):
            yield (each.alias or each.name).value
        elif isinstance(each, FragmentSpreadNode):
            yield f"...{each.name.value}"
