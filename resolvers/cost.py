"""What a request costs, before it is executed and after.

An object weighs 1, one that comes with its parent weighs 0 (`@cost`), a mutation 10; what is below a list counts as
often as the list can be long: `first` or `last` of a connection, the declared bound (`@listSize`) of any other list.

validated document -> Plan (once) -> estimate(variables), before every execution -> actual(data), after it

The estimate is never below what is resolved: where a field's type is known only later, the dearest type counts. The
directives are part of the schema, so that clients can reckon too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_list_type,
    is_object_type,
)
from graphql.language.ast import InlineFragmentNode

from app.core.pagination import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from resolvers.cost_directives import Cost, ListSize

MAX_COST = 1_000  # of one request
MUTATION_COST = 10
SCHEMA_COST = 50  # of an introspection: two hundred kilobytes, as a rule, and 30 ms of CPU

_PAGED = frozenset({"edges", "nodes"})
Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Size:
    """How long a list becomes. given: numbers, or variables that have them or lists; the first that is set counts."""

    given: tuple[int | VariableNode, ...]
    default: int
    bound: int

    def of(self, variables: Variables) -> int:
        """At most `bound`; what is no size at all is refused later and costs nothing."""
        for each in self.given:
            value = variables.get(each.name.value) if isinstance(each, VariableNode) else each
            if isinstance(value, list):
                value = len(value)
            if isinstance(value, int):
                return max(0, min(value, self.bound))
        return self.default


@dataclass(frozen=True, slots=True)
class _Shape:
    """The objects of one concrete type at one place of an answer.

    keys: everything selected there; most: how many of them one list may have, None where only the list bounds them.
    dear: those of its fields that can cost something, whose values are all that has to be looked at afterwards.
    """

    weight: int
    most: int | None
    keys: frozenset[str]
    fields: Mapping[str, _Field]
    dear: Mapping[str, _Field]


@dataclass(frozen=True, slots=True)
class _Field:
    """A field whose value is an object or a list of them. page: the size of the lists inside, for a connection."""

    weight: int
    shapes: tuple[_Shape, ...]
    is_paged: bool
    size: _Size | None
    page: _Size | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What one operation costs. root_fields: names of its root fields, one for each time it is called."""

    root: _Shape
    root_fields: tuple[str, ...]
    defaults: Variables

    def estimate(self, variables: Variables) -> int:
        """The most that the operation can cost with these variables. Linear in the operation."""
        return max(1, _most(self.root, {**self.defaults, **variables}, None))

    def actual(self, data: Mapping[str, Any] | None) -> int:
        """What it has cost, by its answer's data. Linear in the answer."""
        return max(1, _spent(self.root, data)) if data else 1


def _most(shape: _Shape, variables: Variables, page: int | None) -> int:
    total = shape.weight
    for each in shape.fields.values():
        count = 1
        if each.is_paged and page is not None:
            count = page
        elif each.size is not None:
            count = each.size.of(variables)
        inside = None if each.page is None else each.page.of(variables)
        total += each.weight + _most_of_list(each.shapes, count, variables, inside)
    return total


def _most_of_list(shapes: tuple[_Shape, ...], count: int, variables: Variables, page: int | None) -> int:
    costs = [(_most(shape, variables, page), shape.most) for shape in shapes]
    dearest = count * max((cost for cost, _ in costs), default=0)
    few = sum(cost * most for cost, most in costs if most is not None)
    return min(dearest, few + count * max((cost for cost, most in costs if most is None), default=0))


def _spent(shape: _Shape, data: Mapping[str, Any]) -> int:
    total = shape.weight
    for key, each in shape.dear.items():
        if key in data:
            total += each.weight + _spent_below(each.shapes, data[key])
    return total


def _spent_below(shapes: tuple[_Shape, ...], value: object) -> int:
    if isinstance(value, list):
        return sum([_spent_below(shapes, each) for each in value])
    if not isinstance(value, dict):
        return 0
    if len(shapes) == 1:
        return _spent(shapes[0], value)
    # the answer does not say of which type it is: the dearest that it can be
    return max((_spent(shape, value) for shape in shapes if shape.keys >= value.keys()), default=0)


class Planner:
    """Makes plans of validated operations."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema

    def plan(self, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> Plan:
        """The plan of an operation that is valid and within the limits."""
        root = self._schema.get_root_type(operation.operation)
        assert root is not None, "a valid operation has a root type"
        building = _Building(self._schema, fragments)
        defaults = {
            definition.variable.name.value: _literal(definition.default_value)
            for definition in operation.variable_definitions or ()
            if definition.default_value is not None
        }
        field_weight = MUTATION_COST if operation.operation is OperationType.MUTATION else 0
        shape = building.shape([operation.selection_set], root, field_weight=field_weight, weight=0)
        called = tuple(nodes[0].name.value for nodes in building.collected([operation.selection_set], root).values())
        return Plan(shape, called, defaults)


class _Building:
    """One operation's plan in the making."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments

    def shape(
        self, selections: list[SelectionSetNode], kind: GraphQLObjectType, *, field_weight: int = 0, weight: int = 1
    ) -> _Shape:
        """What is selected of objects of one type. field_weight, weight: where the schema declares none."""
        collected = self.collected(selections, kind)
        fields = {}
        for key, nodes in collected.items():
            if nodes[0].name.value in ("__schema", "__type"):
                fields[key] = _Field(SCHEMA_COST, (), is_paged=False, size=None, page=None)
            elif (definition := kind.fields.get(nodes[0].name.value)) is not None:
                planned = self._field(definition, nodes, field_weight)
                if planned is not None:
                    fields[key] = planned
        dear = {
            key: each for key, each in fields.items() if each.weight or any(of.weight or of.dear for of in each.shapes)
        }
        return _Shape(_declared(kind.extensions, weight), _most_objects(kind), frozenset(collected), fields, dear)

    def _field(self, definition: GraphQLField, nodes: list[FieldNode], field_weight: int) -> _Field | None:
        below = [node.selection_set for node in nodes if node.selection_set is not None]
        weight = _declared(definition.extensions, field_weight)
        if not below:
            return _Field(weight, (), is_paged=False, size=None, page=None) if weight else None
        named = get_named_type(definition.type)
        kinds = list(self._schema.get_possible_types(named)) if is_abstract_type(named) else [named]
        shapes = tuple(self.shape(below, kind) for kind in kinds if is_object_type(kind))
        is_list = is_list_type(get_nullable_type(definition.type))
        page = _page_size(definition, nodes[0])
        return _Field(
            weight,
            shapes,
            is_paged=is_list and nodes[0].name.value in _PAGED,
            size=(page or _list_size(definition, nodes[0])) if is_list else None,
            page=None if is_list else page,
        )

    def collected(self, selections: list[SelectionSetNode], kind: GraphQLObjectType) -> dict[str, list[FieldNode]]:
        """The fields that apply to objects of one type, by their keys in the answer."""
        fields: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for each in selections:
            self._collect(each, kind, fields, seen)
        return fields

    def _collect(
        self, selections: SelectionSetNode, kind: GraphQLObjectType, into: dict[str, list[FieldNode]], seen: set[str]
    ) -> None:
        for each in selections.selections:
            if isinstance(each, FieldNode):
                into.setdefault((each.alias or each.name).value, []).append(each)
                continue
            fragment: InlineFragmentNode | FragmentDefinitionNode
            if isinstance(each, FragmentSpreadNode):
                if each.name.value in seen:
                    continue
                seen.add(each.name.value)
                fragment = self._fragments[each.name.value]
            else:
                assert isinstance(each, InlineFragmentNode)
                fragment = each
            if fragment.type_condition is None or self._applies(fragment.type_condition.name.value, kind):
                self._collect(fragment.selection_set, kind, into, seen)

    def _applies(self, condition: str, kind: GraphQLObjectType) -> bool:
        named = self._schema.type_map[condition]
        return named is kind or (is_abstract_type(named) and self._schema.is_sub_type(named, kind))


def _page_size(definition: GraphQLField, node: FieldNode) -> _Size | None:
    """How many rows the field's `first` or `last` asks for; None for a field that has no `first`."""
    first = definition.args.get("first")
    if first is None:
        return None
    given = tuple(value for name in ("first", "last") if (value := _argument(node, name)) is not None)
    default = first.default_value if isinstance(first.default_value, int) else DEFAULT_PAGE_SIZE
    return _Size(given, default, MAX_PAGE_SIZE)


def _list_size(definition: GraphQLField, node: FieldNode) -> _Size:
    for each in _directives(definition.extensions):
        if isinstance(each, ListSize):
            told = None if each.slicing_argument is None else _argument(node, each.slicing_argument)
            return _Size(() if told is None else (told,), each.assumed_size, each.assumed_size)
    return _Size((), MAX_PAGE_SIZE, MAX_PAGE_SIZE)


def _most_objects(kind: GraphQLObjectType) -> int | None:
    return next((each.assumed_size for each in _directives(kind.extensions) if isinstance(each, ListSize)), None)


def _argument(node: FieldNode, name: str) -> int | VariableNode | None:
    value = next((each.value for each in node.arguments or () if each.name.value == name), None)
    if isinstance(value, VariableNode):
        return value
    literal = _literal(value)
    return len(literal) if isinstance(literal, list) else literal if isinstance(literal, int) else None


def _literal(value: ValueNode | None) -> int | list[ValueNode] | None:
    if isinstance(value, ListValueNode):
        return list(value.values)
    return int(value.value) if isinstance(value, IntValueNode) and len(value.value) < 12 else None


def _declared(extensions: Mapping[str, Any], default: int) -> int:
    return next((int(each.weight) for each in _directives(extensions) if isinstance(each, Cost)), default)


def _directives(extensions: Mapping[str, Any]) -> list[object]:
    definition = extensions.get("strawberry-definition")
    return list(getattr(definition, "directives", None) or ())
