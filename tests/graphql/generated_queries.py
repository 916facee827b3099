"""Queries over a whole schema, made up: what a field needs is taken from what is known to be there.

Plain ones have fields, sizes and the fragments that interfaces need. Varied ones have variables, directives, named
fragments and fields that are selected twice as well. One key always stands for one field with the same arguments, so
every query is valid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_object_type,
    is_required_argument,
)
from hypothesis import strategies as st

LEVELS = 5
_SIZES = ["$few", "$many", "1", "2", "3", "6"]
_DIRECTIVES = ["@include(if: $yes)", "@skip(if: $no)", "@skip(if: $yes)", "@include(if: true)", "@skip(if: false)"]
_VARIABLES: dict[str, tuple[str, list[Any]]] = {
    "few": ("Int = 2", [1, 2, 6]),
    "many": ("Int", [None, 1, 6, 0, 100_000]),
    "yes": ("Boolean!", [True, False]),
    "no": ("Boolean! = false", [True, False]),
}


@dataclass(frozen=True, slots=True)
class GeneratedQuery:
    """A query and its variables."""

    text: str
    variables: dict[str, Any]


def queries(
    graph: GraphQLSchema, known: Mapping[str, str], *, is_varied: bool = False, without: frozenset[str] = frozenset()
) -> st.SearchStrategy[GeneratedQuery]:
    """known: arguments that find something, by field, such as `Query.product`. without: fields to leave out."""

    @st.composite
    def query(draw: Callable[[st.SearchStrategy[Any]], Any]) -> GeneratedQuery:
        return _Writing(graph, known, without, draw, is_varied=is_varied).query()

    return query()


@dataclass(slots=True)
class _Writing:
    """One query in the making."""

    graph: GraphQLSchema
    known: Mapping[str, str]
    without: frozenset[str]
    draw: Callable[[st.SearchStrategy[Any]], Any]
    is_varied: bool = field(kw_only=True)
    fragments: list[str] = field(default_factory=list)

    def query(self) -> GeneratedQuery:
        assert self.graph.query_type is not None
        body = " ".join([self._selection(self.graph.query_type, LEVELS), *self.fragments])
        used = [name for name in _VARIABLES if f"${name}" in body]
        declared = ", ".join(f"${name}: {_VARIABLES[name][0]}" for name in used)
        variables = {}
        for name in used:
            kind, values = _VARIABLES[name]
            if kind == "Boolean!" or self.draw(st.booleans()):
                variables[name] = self.draw(st.sampled_from(values))
        return GeneratedQuery(f"query ({declared}) {body}" if declared else f"query {body}", variables)

    def _selection(self, kind: GraphQLNamedType, levels: int) -> str:
        if is_abstract_type(kind):
            types = list(self.graph.get_possible_types(kind))
            chosen = self.draw(st.lists(st.sampled_from(types), min_size=1, max_size=2))
            parts = [f"... on {each.name}{self._directive()} {self._selection(each, levels)}" for each in chosen]
            return "{ __typename " + " ".join(parts) + " }"
        assert is_object_type(kind)
        names = [name for name, each in kind.fields.items() if self._is_wanted(kind, name, each, levels)]
        if not names:
            return "{ __typename }"
        is_unique = not self.is_varied
        chosen = self.draw(st.lists(st.sampled_from(sorted(names)), min_size=1, max_size=4, unique=is_unique))
        return (
            "{ __typename "
            + " ".join(self._in_fragment(kind, self._field(kind, each, levels)) for each in chosen)
            + " }"
        )

    def _is_wanted(self, kind: GraphQLObjectType, name: str, of: GraphQLField, levels: int) -> bool:
        if f"{kind.name}.{name}" in self.without or (levels == 0 and _has_fields(of)):
            return False
        return f"{kind.name}.{name}" in self.known or not any(map(is_required_argument, of.args.values()))

    def _field(self, kind: GraphQLObjectType, name: str, levels: int) -> str:
        of = kind.fields[name]
        size = self.draw(st.sampled_from(_SIZES if self.is_varied else _SIZES[2:])) if "first" in of.args else None
        given = [self.known.get(f"{kind.name}.{name}"), f"first: {size}" if size else None]
        arguments = ", ".join(each for each in given if each)
        key = "_".join([kind.name, name, *([size.strip("$")] if size else [])])
        text = f"{key}: {name}{f'({arguments})' if arguments else ''}{self._directive()}"
        return f"{text} {self._selection(get_named_type(of.type), levels - 1)}" if _has_fields(of) else text

    def _directive(self) -> str:
        if not self.is_varied or self.draw(st.integers(0, 5)):
            return ""
        return " " + self.draw(st.sampled_from(_DIRECTIVES))

    def _in_fragment(self, kind: GraphQLObjectType, text: str) -> str:
        way = self.draw(st.integers(0, 9)) if self.is_varied else 0
        if way == 8:
            return f"...{self._directive()} {{ {text} }}"
        if way == 9:
            name = f"F{len(self.fragments)}"
            self.fragments.append(f"fragment {name} on {kind.name} {{ {text} }}")
            return f"...{name}{self._directive()} ...{name}"
        return text


def _has_fields(of: GraphQLField) -> bool:
    named = get_named_type(of.type)
    return is_object_type(named) or is_abstract_type(named)
