"""GraphQL types as declarations over records. See ADR-0002.

`@backed_by(Record)` below `@strawberry.type` says which record a type stands for. The type is never instantiated:
resolvers return the record, plain fields are its attributes, and only a field that differs is a function that takes
`strawberry.Parent[Record]`. `shape_faults` holds every declaration against its record; a test runs it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

from app.core.ids import Kind

T = TypeVar("T")

INPUT = strawberry.argument(description="Everything the mutation needs.")

_BACKED: dict[type, tuple[type, ...]] = {}
KIND_OF: dict[type, Kind] = {}  # of records; filled while the schema's modules are imported, then only read


def backed_by(*records: type, kind: Kind | None = None) -> Callable[[type[T]], type[T]]:
    """Declare the record that a GraphQL type stands for; where an interface or union is asked for, it tells.

    records: usually one; several where they have the same fields. kind: of the ids of a type that has them.
    """

    def declare(cls: type[T]) -> type[T]:
        cls.is_type_of = classmethod(lambda _, value, __: isinstance(value, records))  # type: ignore[attr-defined]
        _BACKED[cls] = records
        if kind is not None:
            KIND_OF.update(dict.fromkeys(records, kind))
        return cls

    return declare


def shape_faults() -> list[str]:
    """A line for every plain field that a record of its type does not have."""
    faults = []
    for cls, records in _BACKED.items():
        definition: Any = cls.__strawberry_definition__  # type: ignore[attr-defined]
        plain = [field.python_name for field in definition.fields if field.base_resolver is None]
        for record in records:
            names = {f.name for f in dataclasses.fields(record)}
            names |= {name for name in dir(record) if isinstance(getattr(record, name, None), property)}
            faults += [f"{cls.__name__}.{name} is not on {record.__name__}" for name in plain if name not in names]
    return faults


def backed_types() -> dict[type, tuple[type, ...]]:
    """Every GraphQL type that stands for records, with these."""
    return dict(_BACKED)


def given(value: T | None) -> T | None:
    """The value of an optional argument or input field: None where the client left it out, as where it wrote null."""
    return None if value is strawberry.UNSET else value
