"""The directives that say in the schema what a request costs. Source: GraphQL Cost Directives Specification (IBM)."""

from __future__ import annotations

from collections.abc import Iterable

import strawberry
from graphql import GraphQLDirective
from strawberry.schema_directive import Location


@strawberry.schema_directive(
    locations=[Location.OBJECT, Location.FIELD_DEFINITION],
    name="cost",
    description="What an object of this type, or a call of this field, adds to a request's cost; objects add 1 else.",
)
class Cost:
    """Weighs a type or a field."""

    weight: str = strawberry.directive_field("weight")


@strawberry.schema_directive(
    locations=[Location.OBJECT, Location.FIELD_DEFINITION],
    name="listSize",
    description="How long a list may become; on a type, how many of its objects one list may have. The pages of"
    " connections are bounded by `first` and `last` instead.",
)
class ListSize:
    """Bounds a list. slicing_argument: the argument whose length or value tells how long it becomes."""

    assumed_size: int = strawberry.directive_field("assumedSize")
    slicing_argument: str | None = strawberry.directive_field("slicingArgument", default=None)


# by directive and argument; strawberry has no place for them where the arguments are declared
_ARGUMENTS = {
    "cost": {"weight": "How much: a whole number, as a string."},
    "listSize": {
        "assumedSize": "The length that the list is counted with, and never exceeds.",
        "slicingArgument": "The field's argument whose value or length makes the list shorter, where there is one.",
    },
}

EMBEDDED = Cost(weight="0")  # for a type whose objects come with their parent
ALONE = ListSize(assumed_size=1)  # for a type of which a list has one object at most


def at_most(size: int, *, told_by: str | None = None) -> list[object]:
    """The directive of a list that never becomes longer. told_by: the argument whose length or value tells."""
    return [ListSize(assumed_size=size, slicing_argument=told_by)]


def describe_arguments(directives: Iterable[GraphQLDirective]) -> None:
    """Describe the arguments of these directives among a schema's."""
    for directive in directives:
        for name, description in _ARGUMENTS.get(directive.name, {}).items():
            directive.args[name].description = description
