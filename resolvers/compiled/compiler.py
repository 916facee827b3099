"""Works out what a selection means: which fields it has of a type, whose resolvers they are, which values they give."""

from __future__ import annotations

from collections import defaultdict

import strawberry
from graphql import (
    GraphQLAbstractType,
    GraphQLBoolean,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    get_nullable_type,
    is_abstract_type,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    collect_fields,
    collect_subfields,
)
from strawberry.types.field import StrawberryField

from resolvers.compiled.execution import Execution, Place
from resolvers.compiled.fields import Attribute, Awaited, Called, Constant, Resolved, taken_by
from resolvers.compiled.values import AbstractOf, EnumName, Fields, Integer, Leaf, ListOf, ObjectOf, Value

_PLAIN: dict[str, type] = {GraphQLString.name: str, GraphQLID.name: str, GraphQLBoolean.name: bool}  # as they are


class Compiler:
    """Of one schema. Remembers what classes stand for: that an object is of a type is a matter of its class."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self.schema = schema._schema  # noqa: SLF001  graphql-core's, which strawberry has no other name for
        self._converter = schema.schema_converter
        self._is_plain = not schema.exception_handlers and schema.config.default_resolver is getattr
        self._classes: defaultdict[str, set[type]] = defaultdict(set)
        self._names: defaultdict[str, dict[type, str]] = defaultdict(dict)
        self._enum_names: defaultdict[str, dict[object, object]] = defaultdict(dict)

    def root(self, execution: Execution) -> Fields:
        """The fields of an operation. Raises GraphQLError."""
        kind = self.schema.get_root_type(execution.operation.operation)
        assert kind is not None, "a valid operation has a root type"
        collected = collect_fields(
            self.schema, execution.fragments, execution.variables, kind, execution.operation, hide_suggestions=True
        )
        return self._fields(kind, collected, execution)

    def _fields_of(self, kind: GraphQLObjectType, place: Place, execution: Execution) -> Fields:
        collected = collect_subfields(
            self.schema,
            execution.fragments,
            execution.variables,
            execution.operation,
            kind,
            place.details,
            hide_suggestions=True,
        )
        return self._fields(kind, collected, execution)

    def _fields(self, kind: GraphQLObjectType, collected: CollectedFields, execution: Execution) -> Fields:
        found = []
        for key, details in collected.grouped_field_set.items():
            definition = self.schema.get_field(kind, details[0].node.name.value)
            if definition is not None:
                found.append((key, self._field(key, kind, definition, details).value_of))
        execution.new_fields += len(found)
        return tuple(found)

    def _field(
        self, key: str, kind: GraphQLObjectType, definition: GraphQLField, details: FieldDetailsList
    ) -> Constant | Attribute | Resolved:
        if details[0].node.name.value == "__typename":
            return Constant(kind.name)
        place = Place(key, kind, definition, details)
        value = self._value(definition.type, place)
        field = definition.extensions.get("strawberry-definition")
        if not self._is_plain or not isinstance(field, StrawberryField) or field.extensions or field.is_subscription:
            return Resolved(place, value)
        if field.base_resolver is None:
            return Attribute(place, value, field.python_name)
        takes = taken_by(field.base_resolver)
        if takes is None:
            return Resolved(place, value)
        return (Awaited if field.is_async else Called)(place, value, field, takes, self._converter)

    def _value(self, of: GraphQLOutputType, place: Place) -> Value:
        is_nullable = not is_non_null_type(of)
        kind = get_nullable_type(of)
        if is_list_type(kind):
            return ListOf(place, self._value(kind.of_type, place), is_nullable=is_nullable)
        if kind is GraphQLInt:
            return Integer(place, kind, is_nullable=is_nullable, plain=None)
        if is_enum_type(kind):
            return EnumName(place, kind, is_nullable=is_nullable, names=self._enum_names[kind.name])
        if is_leaf_type(kind):
            plain = str if kind.coerce_output_value is str else _PLAIN.get(kind.name)
            return Leaf(place, kind, is_nullable=is_nullable, plain=plain)
        if is_abstract_type(kind):
            names = self._names[kind.name]
            return AbstractOf(place, kind, is_nullable=is_nullable, names=names, object_of=self._object_of)
        assert is_object_type(kind), f"{kind} is an output type"
        return self._object(kind, place, is_nullable=is_nullable)

    def _object_of(self, name: str, kind: GraphQLAbstractType, place: Place) -> ObjectOf | None:
        named = self.schema.get_type(name)
        if not is_object_type(named) or not self.schema.is_sub_type(kind, named):
            return None
        return self._object(named, place, is_nullable=False)

    def _object(self, kind: GraphQLObjectType, place: Place, *, is_nullable: bool) -> ObjectOf:
        classes = self._classes[kind.name]
        return ObjectOf(place, kind, is_nullable=is_nullable, classes=classes, fields_of=self._fields_of)
