"""What a document may be: counted before it is validated, in one pass that is linear in its text.

parse (tokens) -> definitions -> every operation, its fragments spread: fields, depth, aliases, directives, root fields

A fragment is counted once, however often it is spread: a chain of fragments that each spread the next one twice stands
for 2^n fields in a few hundred bytes, and walking those is the attack. The counts are what the spread document would
have; a cycle counts as nothing here and is refused by validation. Source: GraphQL specification, Fragments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    SelectionSetNode,
    ValidationContext,
)

MAX_TOKENS = 2_000
MAX_COMMENTS = 500
MAX_DEPTH = 15  # the introspection of every tool is exactly that deep
MAX_ALIASES = 30
MAX_DIRECTIVES = 20
MAX_OPERATIONS = 5
MAX_FRAGMENTS = 50
MAX_ROOT_FIELDS = 20
MAX_FIELDS = 1_000  # with fragments spread; validation takes 15 µs for each
MAX_COMPARISONS = 100_000  # units of the library's own count; an eighth of its default, which is 0.1 s


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a selection set stands for, its fragments spread. width: the fields of its own level."""

    width: int = 0
    fields: int = 0
    depth: int = 0
    aliases: int = 0
    directives: int = 0


class BoundedMergingRule(OverlappingFieldsCanBeMergedRule):
    """The library's rule on fields of one name, which compares every two of them, on a smaller budget."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = MAX_COMPARISONS


def check_limits(document: DocumentNode) -> None:
    """Raises GraphQLError naming the first limit that the document exceeds. Linear in the document."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    _check("operations", len(operations), MAX_OPERATIONS, document)
    _check("fragments", len(document.definitions) - len(operations), MAX_FRAGMENTS, document)
    measure = _Measure(fragments)
    try:
        for operation in operations:
            extent = measure.of(operation.selection_set)
            _check("levels of fields", extent.depth, MAX_DEPTH, operation)
            _check("root fields", extent.width, MAX_ROOT_FIELDS, operation)
            _check("fields", extent.fields, MAX_FIELDS, operation)
            _check("aliases", extent.aliases, MAX_ALIASES, operation)
            _check("directives", extent.directives + len(operation.directives or ()), MAX_DIRECTIVES, operation)
    except RecursionError:
        raise GraphQLError("The document is nested too deeply.") from None


def _check(noun: str, count: int, limit: int, node: Node) -> None:
    if count > limit:
        shown = str(count) if count < 10**9 else "billions of"
        raise GraphQLError(f"The document has {shown} {noun}, its fragments spread; {limit} are allowed.", node)


class _Measure:
    """Measures selection sets; every fragment once."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Extent] = {}

    def of(self, selections: SelectionSetNode | None) -> Extent:
        """How much this selection set stands for."""
        if selections is None:
            return Extent()
        parts = list(self._parts(selections))
        return Extent(
            width=sum(part.width for part in parts),
            fields=sum(part.fields for part in parts),
            depth=max((part.depth for part in parts), default=0),
            aliases=sum(part.aliases for part in parts),
            directives=sum(part.directives for part in parts),
        )

    def _parts(self, selections: SelectionSetNode) -> Iterator[Extent]:
        for each in selections.selections:
            if each.directives:
                yield Extent(directives=len(each.directives))
            if isinstance(each, FieldNode):
                below = self.of(each.selection_set)
                yield Extent(1, 1 + below.fields, 1 + below.depth, bool(each.alias) + below.aliases, below.directives)
            elif isinstance(each, InlineFragmentNode):
                yield self.of(each.selection_set)
            elif isinstance(each, FragmentSpreadNode):
                yield self._of_fragment(each.name.value)

    def _of_fragment(self, name: str) -> Extent:
        if name not in self._known:
            self._known[name] = Extent()  # what a cycle comes back to
            fragment = self._fragments.get(name)
            self._known[name] = self.of(fragment.selection_set) if fragment else Extent()
        return self._known[name]
