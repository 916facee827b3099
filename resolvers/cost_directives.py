"""The directives that say in the schema what a request costs. Source: GraphQL Cost Directives Specification (IBM)."""

from __future__ import annotations

import strawberry
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


EMBEDDED = Cost(weight="0")  # for a type whose objects come with their parent
ALONE = ListSize(assumed_size=1)  # for a type of which a list has one object at most


def at_most(size: int, *, told_by: str | None = None) -> list[object]:
    """The directive of a list that never becomes longer. told_by: the argument whose length or value tells."""
    return [ListSize(assumed_size=size, slicing_argument=told_by)]
