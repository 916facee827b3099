"""How a field of an object gets its value: an attribute, a resolver of ours, or whatever else the schema calls.

Only what a resolver returns may have to be awaited; attributes and the items of lists are values.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import Parameter
from operator import attrgetter
from typing import Any

from graphql import default_field_resolver, get_argument_values, get_nullable_type, is_leaf_type
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.types.info import Info

from resolvers.compiled.execution import Execution, Later, Path, Place, or_null
from resolvers.compiled.info import FieldInfo
from resolvers.compiled.values import Value

_BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class Constant:
    """A field that is the same for all objects of a type: `__typename`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def value_of(self, source: object, execution: Execution, path: Path) -> object:
        """The value."""
        return self._value


class Attribute:
    """A field that is an attribute of its object."""

    __slots__ = ("_complete", "_is_nullable", "_place", "_plain", "_read")

    def __init__(self, place: Place, value: Value, name: str) -> None:
        self._place, self._read = place, attrgetter(name)
        self._complete, self._plain, self._is_nullable = value.complete, value.plain, value.is_nullable

    def value_of(self, source: object, execution: Execution, path: Path) -> object:
        """The field's value as it is answered, or `Later`. path: the object's.

        Raises what makes the object null.
        """
        try:
            found = self._read(source)
            if found.__class__ is self._plain:
                return found
            value = self._complete(found, execution, (path, self._place))
            may_fail = value.__class__ is Later and self._is_nullable
            return Later(or_null, value, execution, self._place, (path, self._place)) if may_fail else value
        except Exception as error:  # noqa: BLE001  answered as an error of this field
            return execution.fail(error, self._place, (path, self._place), is_nullable=self._is_nullable)


class Resolved:
    """A field whose value is computed, as graphql-core would have it computed."""

    __slots__ = ("_place", "_value")

    def __init__(self, place: Place, value: Value) -> None:
        self._place, self._value = place, value

    def value_of(self, source: object, execution: Execution, path: Path) -> object:
        """As of an attribute."""
        path = (path, self._place)
        try:
            found = self._call(source, execution, path)
            if found.__class__ is self._value.plain:
                return found
            if optimized_is_awaitable(found):
                return Later(self._awaited, found, execution, path)
            value = self._value.complete(found, execution, path)
            may_fail = value.__class__ is Later and self._value.is_nullable
            return Later(or_null, value, execution, self._place, path) if may_fail else value
        except Exception as error:  # noqa: BLE001  answered as an error of this field
            return execution.fail(error, self._place, path, is_nullable=self._value.is_nullable)

    async def _awaited(self, found: Awaitable[object], execution: Execution, path: Path) -> object:
        try:
            value = self._value.complete(await found, execution, path)
            return await value() if isinstance(value, Later) else value
        except Exception as error:  # noqa: BLE001  answered as an error of this field
            return execution.fail(error, self._place, path, is_nullable=self._value.is_nullable)

    def _call(self, source: object, execution: Execution, path: Path) -> Any:  # noqa: ANN401
        place = self._place
        resolve = place.definition.resolve or default_field_resolver
        return resolve(source, FieldInfo(place, execution, path), **self._given(execution))  # type: ignore[arg-type]

    def _given(self, execution: Execution) -> dict[str, Any]:
        """The field's arguments, the same for every object. Raises GraphQLError."""
        if not self._place.definition.args:
            return {}
        given = execution.arguments.get(self)
        if given is None:
            given = execution.arguments[self] = self._read(execution)
        return given

    def _read(self, execution: Execution) -> dict[str, Any]:
        definition, first = self._place.definition, self._place.details[0]
        return get_argument_values(
            definition, first.node, execution.variables, first.fragment_variable_values, hide_suggestions=True
        )


class Called(Resolved):
    """A field with a function of ours, which is called directly. takes: see `taken_by`."""

    __slots__ = ("_convert", "_field", "_function", "_info", "_is_immutable", "_takes_info", "_takes_source")

    def __init__(
        self,
        place: Place,
        value: Value,
        field: StrawberryField,
        takes: tuple[bool, bool],
        converter: GraphQLCoreConverter,
    ) -> None:
        super().__init__(place, value)
        assert field.base_resolver is not None, "it takes something"
        self._field = field
        self._function: Callable[..., Any] = field.base_resolver.wrapped_func  # type: ignore[assignment]  # bound by now
        self._takes_source, self._takes_info = takes
        self._info: type[Info] = converter.config.info_class
        self._convert = partial(
            convert_arguments,
            arguments=field.arguments,
            scalar_registry=converter.scalar_registry,
            config=converter.config,
        )
        self._is_immutable = all(is_leaf_type(get_nullable_type(each.type)) for each in place.definition.args.values())

    def _read(self, execution: Execution) -> dict[str, Any]:
        given = super()._read(execution)
        return self._convert(given) if self._is_immutable else given

    def _call(self, source: object, execution: Execution, path: Path) -> Any:  # noqa: ANN401
        return self._called(source, self._given(execution), execution, path)

    def _called(self, source: object, given: dict[str, Any], execution: Execution, path: Path) -> Any:  # noqa: ANN401
        info = None
        if self._takes_info:
            info = self._info(FieldInfo(self._place, execution, path), self._field)  # type: ignore[arg-type]
        if given and not self._is_immutable:
            given = self._convert(given, info=info)  # anew: a resolver may change what it is given
        if info is not None:
            return self._function(source, info, **given) if self._takes_source else self._function(info, **given)
        return self._function(source, **given) if self._takes_source else self._function(**given)


class Awaited(Called):
    """A field with a coroutine function of ours."""

    __slots__ = ()

    def value_of(self, source: object, execution: Execution, path: Path) -> object:
        """`Later`. Raises what makes the object null: arguments that do not fit."""
        path = (path, self._place)
        try:
            given = self._given(execution)
        except Exception as error:  # noqa: BLE001  answered as an error of this field
            return execution.fail(error, self._place, path, is_nullable=self._value.is_nullable)
        return Later(self._finished, source, given, execution, path)

    async def _finished(self, source: object, given: dict[str, Any], execution: Execution, path: Path) -> object:
        try:
            value = self._value.complete(await self._called(source, given, execution, path), execution, path)
            return await value() if isinstance(value, Later) else value
        except Exception as error:  # noqa: BLE001  answered as an error of this field
            return execution.fail(error, self._place, path, is_nullable=self._value.is_nullable)


def taken_by(resolver: StrawberryResolver[Any]) -> tuple[bool, bool] | None:
    """Whether a resolver takes the object, and whether the info: first of all, and by their places.

    None where it takes them otherwise, so that strawberry has to call it.
    """
    sources = [
        each
        for each in (resolver.self_parameter, resolver.parent_parameter, resolver.root_parameter)
        if each is not None
    ]
    leading = sources if resolver.info_parameter is None else [*sources, resolver.info_parameter]
    first = list(resolver.signature.parameters.values())[: len(leading)]
    if len(sources) > 1 or [each.name for each in first] != [each.name for each in leading]:
        return None
    if not all(each.kind in _BY_PLACE for each in first):
        return None
    return bool(sources), resolver.info_parameter is not None
