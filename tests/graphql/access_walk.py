"""Ways through the schema from what somebody can ask for to every field that is behind it, found by walking it.

A probe asks for one field of one type, by the shortest way from one root; only its own way and that field are selected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_composite_type,
    is_object_type,
    is_required_argument,
)

from tests.graphql.positions import SCHEMA, call, selection


@dataclass(frozen=True, slots=True)
class Root:
    """Something that can be asked for. asked: the root field with its arguments; type_name: of what it gives."""

    name: str
    asked: str
    type_name: str


@dataclass(frozen=True, slots=True)
class Probe:
    """One field of one type. way: the fields and fragments that lead to it."""

    root: Root
    type_name: str
    field: str
    way: tuple[str, ...]

    @property
    def query(self) -> str:
        """The whole document."""
        kind = SCHEMA.type_map[self.type_name]
        assert is_object_type(kind)
        of = kind.fields[self.field]
        body = f"__typename asked: {call(self.field, of)}{selection(of)}"
        for step in reversed((self.root.asked, *self.way)):
            body = f"{step} {{ __typename {body} }}"
        return f"{{ {body} }}"

    def shown(self, data: Any) -> int:
        """How many objects of the type an answer's data shows."""
        return sum(each["__typename"] == self.type_name and "asked" in each for each in _objects(data))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for each in value:
            yield from _objects(each)
    elif isinstance(value, dict):
        if "__typename" in value:
            yield value
        for each in value.values():
            yield from _objects(each)


def probes(root: Root, is_wanted: Callable[[str], bool]) -> Iterator[Probe]:
    """A probe for each field of each wanted type that the root leads to; no way leads through another one."""
    for type_name, way in _ways(root, is_wanted).items():
        kind = SCHEMA.type_map[type_name]
        assert is_object_type(kind)
        for field in kind.fields:
            yield Probe(root, type_name, field, way)


def _ways(root: Root, is_wanted: Callable[[str], bool]) -> dict[str, tuple[str, ...]]:
    first = SCHEMA.type_map[root.type_name]
    assert is_object_type(first)
    found: dict[str, tuple[str, ...]] = {first.name: (f"... on {first.name}",)}
    waiting: deque[GraphQLObjectType] = deque([first])
    while waiting:
        kind = waiting.popleft()
        for name, field in kind.fields.items():
            if any(is_required_argument(each) for each in field.args.values()):
                continue  # what a test makes up for it leads to nothing
            for below in _objects_of(field):
                if below.name not in found and is_wanted(below.name):
                    found[below.name] = (*found[kind.name], _few(name, field), f"... on {below.name}")
                    waiting.append(below)
    return found


def _few(name: str, field: GraphQLField) -> str:
    """A field, of a list no more than the first three: whole ones below each other cost too much."""
    return call(name, field, {"first": "3"} if "first" in field.args else None)


def _objects_of(field: GraphQLField) -> list[GraphQLObjectType]:
    named: GraphQLNamedType = get_named_type(field.type)
    if not is_composite_type(named):
        return []
    return [named] if is_object_type(named) else list(SCHEMA.get_possible_types(named))
