"""Every place of the schema where a client writes text, found by walking `schema.graphql`.

A position is an operation with one variable, and the value of that variable with HERE where the text goes. All else in
the value is what a client might send, so that whatever refuses the request refuses it for the text.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_object_type,
    is_required_argument,
    is_required_input_field,
)

SCHEMA = build_schema((Path(__file__).resolve().parents[2] / "schema.graphql").read_text(encoding="utf-8"))
HERE = "<here>"
_UUID = "1111111111111111111111"
_NOT_TEXT = {"Int", "Float", "Boolean"}
_PLAIN: dict[str, Any] = {  # what a client might send, by the name of the place, or else of its type
    "cartId": f"cart_{_UUID}",
    "sourceCartId": f"cart_{_UUID}",
    "targetCartId": f"cart_{_UUID}",
    "sessionId": f"sess_{_UUID}",
    "lineId": f"line_{_UUID}",
    "lineIds": f"line_{_UUID}",
    "variantId": "var_2",
    "ProductBy": {"slug": "trail-mug"},
    "CategoryBy": {"slug": "mugs"},
    "CountryCode": "US",
    "ID": "prod_2",
    "String": "text",
    "Int": 1,
    "Boolean": True,
    "Float": 1.0,
    "Decimal": "1.00",
    "DateTime": "2026-01-31T12:00:00Z",
    "URL": "https://shop.example/",
    "CurrencyCode": "USD",
}


class _EnumName(str):
    """A value that stands without quotes in a document."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Position:
    """Where text goes. value: the variable `v`. type_name: the scalar or enum that the text is read as."""

    name: str
    query: str
    value: Any
    type_name: str

    def body(self, escaped: str) -> bytes:
        """A request's body with a text in place, given as it stands between the quotes of a JSON string."""
        value = json.dumps(self.value).replace(HERE, escaped)
        return f'{{"query": {json.dumps(self.query)}, "variables": {{"v": {value}}}}}'.encode("utf-8", "surrogatepass")


def text_positions(schema: GraphQLSchema = SCHEMA, *, watching: bool = False) -> dict[str, Position]:
    """All of them, by a name such as `Mutation.cartCreate.input.lines.variantId`. watching: those of subscriptions."""
    found: dict[str, Position] = {}
    roots = {"subscription": schema.subscription_type}
    if not watching:
        roots = {"query": schema.query_type, "mutation": schema.mutation_type}
    for path, parent, field_name, field in _fields_with_arguments(roots):
        for argument_name, argument in field.args.items():
            for place, value, type_name in _leaves(argument.type):
                name = ".".join([parent.name, field_name, argument_name, *place])
                query = _operation(path, field_name, field, argument_name, argument)
                found[name] = Position(name, query, value, type_name)
    return found


def _fields_with_arguments(
    by_word: Mapping[str, GraphQLObjectType | None],
) -> Iterator[tuple[tuple[str, ...], GraphQLObjectType, str, GraphQLField]]:
    """Fields that take arguments, with the shortest way to the type that has them."""
    roots = [(root, word) for word, root in by_word.items() if root]
    seen = {root.name for root, _ in roots}
    waiting: deque[tuple[tuple[str, ...], GraphQLObjectType]] = deque(((word,), root) for root, word in roots)
    while waiting:
        path, parent = waiting.popleft()
        for name, field in parent.fields.items():
            if field.args:
                yield path, parent, name, field
            below = get_named_type(field.type)
            if is_object_type(below) and below.name not in seen:
                seen.add(below.name)
                waiting.append(((*path, call(name, field)), below))


def _operation(
    path: tuple[str, ...], name: str, field: GraphQLField, argument_name: str, argument: GraphQLArgument
) -> str:
    word, *way = path
    asked = call(name, field, {argument_name: "$v"})
    body = asked + selection(field)
    for step in reversed(way):
        body = f"{step} {{ {body} }}"
    return f"{word} ($v: {argument.type}) {{ {body} }}"


def selection(field: GraphQLField) -> str:
    """Whatever can be had without arguments, one level deep, so that the field's work is done."""
    kind = get_named_type(field.type)
    if is_leaf_type(kind):
        return ""
    members = [
        name if is_leaf_type(get_named_type(each.type)) else f"{name} {{ __typename }}"
        for name, each in (kind.fields if is_object_type(kind) else {}).items()
        if not each.args
    ]
    return f" {{ {' '.join(['__typename', *members])} }}"


def call(name: str, field: GraphQLField, given: dict[str, str] | None = None) -> str:
    """A field with every argument that it insists on."""
    arguments = {
        each: _literal(_plain(each, argument.type))
        for each, argument in field.args.items()
        if is_required_argument(argument)
    } | (given or {})
    return f"{name}({', '.join(f'{each}: {text}' for each, text in arguments.items())})" if arguments else name


def _leaves(of: GraphQLInputType) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Ways to a text within a value of this type, with the value that has HERE at its end."""
    kind = get_nullable_type(of)
    if isinstance(kind, GraphQLList):
        for place, value, type_name in _leaves(kind.of_type):
            yield place, [value], type_name
    elif isinstance(kind, GraphQLInputObjectType):
        for field_name, field in kind.fields.items():
            for place, value, type_name in _leaves(field.type):
                yield (field_name, *place), {**_required(kind), field_name: value}, type_name
    elif kind.name not in _NOT_TEXT:
        yield (), HERE, kind.name


def _required(kind: GraphQLInputObjectType) -> dict[str, Any]:
    return {name: _plain(name, field.type) for name, field in kind.fields.items() if is_required_input_field(field)}


def _plain(name: str, of: GraphQLInputType) -> Any:
    kind = get_nullable_type(of)
    if isinstance(kind, GraphQLList):
        return [_plain(name, kind.of_type)]
    if name in _PLAIN or kind.name in _PLAIN:
        value = _PLAIN.get(name, _PLAIN.get(kind.name))
        return _EnumName(value) if isinstance(kind, GraphQLEnumType) else value
    if isinstance(kind, GraphQLInputObjectType):
        if not kind.is_one_of:
            return _required(kind)
        first, field = next(iter(kind.fields.items()))
        return {first: _plain(first, field.type)}
    assert isinstance(kind, GraphQLEnumType), f"say in _PLAIN what a client might send as {kind}"
    return _EnumName(next(iter(kind.values)))


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_literal(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return value if isinstance(value, _EnumName) else json.dumps(value)
