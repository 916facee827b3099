"""The schema as a whole: current, described, bounded, and true to the records behind it."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path

import pytest
import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    is_specified_directive,
)

from resolvers import backing
from resolvers import schema as roots
from resolvers.backing import backed_by, backed_types, shape_faults
from resolvers.scalars import URL, Cursor

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "schema.graphql"
OWN_TEXT = {
    str: "String",
    int: "Int",
    bool: "Boolean",
    datetime: "DateTime",
    Decimal: "Decimal",
    Cursor: "Cursor",
    URL: "URL",
}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(roots.build_schema().as_str())


def own_types(schema: GraphQLSchema) -> list[GraphQLNamedType]:
    builtin = {"String", "Int", "Float", "Boolean", "ID"}
    return [kind for name, kind in schema.type_map.items() if not name.startswith("__") and name not in builtin]


def undescribed(schema: GraphQLSchema) -> Iterator[str]:
    for kind in own_types(schema):
        if not kind.description:
            yield kind.name
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in kind.fields.items():
                if not field.description:
                    yield f"{kind.name}.{name}"
                yield from (f"{kind.name}.{name}({arg})" for arg, it in field.args.items() if not it.description)
        elif isinstance(kind, GraphQLInputObjectType):
            yield from (f"{kind.name}.{name}" for name, field in kind.fields.items() if not field.description)
        elif isinstance(kind, GraphQLEnumType):
            yield from (f"{kind.name}.{name}" for name, value in kind.values.items() if not value.description)
    yield from undescribed_directives(schema)


def undescribed_directives(schema: GraphQLSchema) -> Iterator[str]:
    for directive in schema.directives:
        if not is_specified_directive(directive):
            if not directive.description:
                yield f"@{directive.name}"
            yield from (f"@{directive.name}({name})" for name, it in directive.args.items() if not it.description)


def test_the_file_is_current() -> None:
    assert SCHEMA_FILE.read_text() == roots.build_schema().as_str() + "\n"


def test_every_name_is_described(schema: GraphQLSchema) -> None:
    assert list(undescribed(schema)) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('"R." type Query { shop: String }', "Query.shop"),
        ('type Query { "S." shop: String }', "Query"),
        ('"R." type Query { "S." shop(id: ID): String }', "Query.shop(id)"),
        ('"R." type Query { "S." shop: String } "K." enum Kind { BIG }', "Kind.BIG"),
        ('"R." type Query { "S." shop: String } "B." input By { id: ID }', "By.id"),
        ('"R." type Query { "S." shop: String } scalar URL', "URL"),
        ('"R." type Query { "S." shop: String } directive @cost on FIELD_DEFINITION', "@cost"),
        ('"R." type Query { "S." shop: String } "C." directive @cost(by: Int) on FIELD_DEFINITION', "@cost(by)"),
    ],
)
def test_a_missing_description_is_noticed(text: str, name: str) -> None:
    assert list(undescribed(build_schema(text))) == [name]


def test_every_own_scalar_names_its_specification(schema: GraphQLSchema) -> None:
    scalars = {
        kind.name: getattr(kind, "specified_by_url", None) for kind in own_types(schema) if hasattr(kind, "serialize")
    }
    scalars = {name: url for name, url in scalars.items() if not isinstance(schema.type_map[name], GraphQLEnumType)}

    assert set(scalars) == {"Cursor", "DateTime", "Decimal", "URL"}
    assert all(scalars.values())


def test_no_field_is_a_float(schema: GraphQLSchema) -> None:
    assert "Float" not in {
        get_named_type(field.type).name
        for kind in own_types(schema)
        if isinstance(kind, GraphQLObjectType | GraphQLInputObjectType)
        for field in kind.fields.values()
    }


def test_every_mutation_takes_one_input_and_may_be_null(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        assert list(field.args) == ["input"], name
        assert isinstance(field.args["input"].type, GraphQLNonNull), name
        assert not isinstance(field.type, GraphQLNonNull), name


def test_every_connection_is_of_the_relay_shape(schema: GraphQLSchema) -> None:
    connections = [kind for kind in own_types(schema) if kind.name.endswith("Connection")]

    assert len(connections) >= 6
    for connection in connections:
        assert isinstance(connection, GraphQLObjectType)
        assert str(connection.fields["pageInfo"].type) == "PageInfo!"
        edge = get_named_type(connection.fields["edges"].type)
        assert isinstance(edge, GraphQLObjectType)
        assert str(edge.fields["cursor"].type) == "Cursor!"
        assert get_named_type(edge.fields["node"].type) == get_named_type(connection.fields["nodes"].type)


def test_every_type_with_an_id_that_can_be_fetched_is_a_node(schema: GraphQLSchema) -> None:
    node = schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    names = {kind.name for kind in schema.get_possible_types(node)}

    assert names == {
        "Cart",
        "CartLine",
        "Category",
        "CheckoutAttempt",
        "Customer",
        "Order",
        "Product",
        "ProductVariant",
    }


def test_no_two_members_of_a_union_look_alike(schema: GraphQLSchema) -> None:
    unions = {
        kind.name: [str(member) for member in kind.types]
        for kind in own_types(schema)
        if isinstance(kind, GraphQLUnionType)
    }

    assert unions == {
        "CartProblem": [
            "LineUnavailable",
            "LineInsufficientStock",
            "LineQuantityNotAllowed",
            "LinePriceChanged",
            "DiscountCodeInactive",
            "DeliveryOptionGone",
        ],
        "CheckoutCompleteResult": [
            "CheckoutCompleted",
            "CheckoutActionRequired",
            "CheckoutProcessing",
            "CheckoutPaymentQueued",
            "CheckoutFailed",
        ],
    }


# ---------------------------------------------------------------------------------------- types and their records


def stated(annotation: object) -> str:
    """A Python annotation in GraphQL's words, with `_` for a type that is some record's."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType) and type(None) in arguments:
        (inner,) = [each for each in arguments if each is not type(None)]
        return stated(inner).removesuffix("!")
    if typing.get_origin(annotation) in (tuple, list):
        return f"[{stated(arguments[0])}]!"
    while hasattr(annotation, "__supertype__") and annotation not in OWN_TEXT:
        annotation = annotation.__supertype__
    if annotation in OWN_TEXT:
        return f"{OWN_TEXT[annotation]}!"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return f"{annotation.__name__}!"
    return "_!"


def shown(kind: object, schema: GraphQLSchema) -> str:
    """A GraphQL type, with `_` for object types."""
    if isinstance(kind, GraphQLNonNull):
        return f"{shown(kind.of_type, schema)}!"
    if isinstance(kind, GraphQLList):
        return f"[{shown(kind.of_type, schema)}]"
    return "_" if isinstance(kind, GraphQLObjectType | GraphQLUnionType) else str(kind)


def test_every_plain_field_has_the_type_of_its_record(schema: GraphQLSchema) -> None:
    compared = 0
    ours = {cls: records for cls, records in backed_types().items() if cls.__module__.startswith("resolvers.")}
    for cls, records in ours.items():
        definition = cls.__strawberry_definition__  # type: ignore[attr-defined]
        declared = schema.type_map[definition.name]
        assert isinstance(declared, GraphQLObjectType)
        for field in definition.fields:
            if field.base_resolver is not None:
                continue
            for record in records:
                hints = typing.get_type_hints(record)
                attribute = getattr(record, field.python_name, None)
                hint = (
                    typing.get_type_hints(attribute.fget)["return"]
                    if isinstance(attribute, property)
                    else hints[field.python_name]
                )
                name = "".join(
                    part.title() if place else part for place, part in enumerate(field.python_name.split("_"))
                )
                wanted, actual = stated(hint), shown(declared.fields[name].type, schema)
                optional_is_wider = actual == wanted.removesuffix("!")
                assert actual == wanted or optional_is_wider, (
                    f"{definition.name}.{name}: {actual}, the record has {wanted}"
                )
                compared += 1

    assert compared > 80


def test_a_field_that_its_record_does_not_have_is_noticed() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Globe:
        name: str

    @strawberry.type
    @backed_by(Globe)
    class GlobeType:
        name: str
        radius: int

    try:
        assert shape_faults() == ["GlobeType.radius is not on Globe"]
    finally:
        backing._BACKED.pop(GlobeType)


def test_every_declaration_fits_its_record() -> None:
    assert shape_faults() == []


# ---------------------------------------------------------------------------------------- bounds of what is sent


def unbounded(schema: GraphQLSchema) -> Iterator[str]:
    """Texts and lists of mutations' inputs whose description does not say how long they may be."""
    assert schema.mutation_type is not None
    waiting = [get_named_type(field.args["input"].type) for field in schema.mutation_type.fields.values()]
    seen: set[str] = set()
    while waiting:
        kind = waiting.pop()
        if not isinstance(kind, GraphQLInputObjectType) or kind.name in seen:
            continue
        seen.add(kind.name)
        for name, field in kind.fields.items():
            waiting.append(get_named_type(field.type))
            is_list = isinstance(getattr(field.type, "of_type", field.type), GraphQLList) or isinstance(
                field.type, GraphQLList
            )
            told = f"{field.description} {kind.description}"
            if (is_list or get_named_type(field.type).name == "String") and not any(map(str.isdigit, told)):
                yield f"{kind.name}.{name}"


def test_every_text_and_list_that_is_sent_says_how_long_it_may_be(schema: GraphQLSchema) -> None:
    assert sorted(unbounded(schema)) == []


def test_every_change_of_a_cart_may_name_the_version_that_was_read(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    inputs = [get_named_type(field.args["input"].type) for field in schema.mutation_type.fields.values()]
    of_carts = [
        kind
        for kind in inputs
        if isinstance(kind, GraphQLInputObjectType) and {"cartId", "targetCartId"} & {*kind.fields}
    ]

    assert len(of_carts) >= 7
    assert [kind.name for kind in of_carts if "expectedVersion" not in kind.fields] == []
