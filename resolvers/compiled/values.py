"""What a resolver gave, as it stands in the answer: leaves, objects, lists, and null where that is allowed.

A value that has to be awaited is a `Later` in its place; `answer_of` and lists await those below them together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeAlias

from graphql import GraphQLAbstractType, GraphQLError, GraphQLLeafType, GraphQLObjectType
from graphql.pyutils import Undefined, inspect, is_iterable

from resolvers.compiled.execution import Execution, Later, Path, Place, or_null
from resolvers.compiled.info import FieldInfo
from resolvers.compiled.together import all_of

Fields: TypeAlias = tuple[tuple[str, Callable[[Any, Execution, Path], object]], ...]

_LARGEST = 2**31 - 1  # an Int has 32 bits


class Value(ABC):
    """A place's values of one type. plain: a class whose values are answered as they are."""

    __slots__ = ("_is_nullable", "_place", "plain")

    def __init__(self, place: Place, *, is_nullable: bool, plain: type | None = None) -> None:
        self._place, self._is_nullable, self.plain = place, is_nullable, plain

    @property
    def is_nullable(self) -> bool:
        """Whether null may stand here, also in place of what failed."""
        return self._is_nullable

    def complete(self, value: Any, execution: Execution, path: Path) -> object:  # noqa: ANN401  what a resolver gives
        """The value as it is answered, or `Later`. Raises what makes this place null."""
        if value.__class__ is self.plain:
            return value
        if value is None or value is Undefined:
            if self._is_nullable:
                return None
            raise TypeError(f"Cannot return null for non-nullable field {self._place.name}.")
        if isinstance(value, Exception):
            raise value
        return self._complete(value, execution, path)

    @abstractmethod
    def _complete(self, value: Any, execution: Execution, path: Path) -> object:  # noqa: ANN401
        """The same for a value that is there and is no error."""


class Leaf(Value):
    """Scalars and enums, as their type writes them."""

    __slots__ = ("_kind",)

    def __init__(self, place: Place, kind: GraphQLLeafType, *, is_nullable: bool, plain: type | None) -> None:
        super().__init__(place, is_nullable=is_nullable, plain=plain)
        self._kind = kind

    def _complete(self, value: Any, execution: Execution, path: Path) -> object:  # noqa: ANN401
        written = self._kind.coerce_output_value(value)
        if written is None or written is Undefined:
            raise TypeError(
                f"Expected `{self._kind}.coerce_output_value({inspect(value)})` to return non-nullable value,"
                f" returned: {inspect(written)}"
            )
        return written


class Integer(Leaf):
    """Int."""

    __slots__ = ()

    def complete(self, value: Any, execution: Execution, path: Path) -> object:  # noqa: ANN401
        """The number."""
        if value.__class__ is int and -_LARGEST <= value <= _LARGEST:
            return value
        return super().complete(value, execution, path)


class EnumName(Leaf):
    """An enum's names, looked up once for each value."""

    __slots__ = ("_names",)

    def __init__(self, place: Place, kind: GraphQLLeafType, *, is_nullable: bool, names: dict[object, object]) -> None:
        super().__init__(place, kind, is_nullable=is_nullable, plain=None)
        self._names = names

    def _complete(self, value: Any, execution: Execution, path: Path) -> object:  # noqa: ANN401
        try:
            return self._names[value]
        except (KeyError, TypeError):  # not met yet; not hashable, and so none of its values
            name = super()._complete(value, execution, path)
        self._names[value] = name
        return name


class ObjectOf(Value):
    """Objects of one type. classes: those whose objects are known to be of it."""

    __slots__ = ("_classes", "_fields", "_fields_of", "_kind")

    def __init__(
        self,
        place: Place,
        kind: GraphQLObjectType,
        *,
        is_nullable: bool,
        classes: set[type],
        fields_of: Callable[[GraphQLObjectType, Place, Execution], Fields],
    ) -> None:
        super().__init__(place, is_nullable=is_nullable)
        self._kind, self._classes, self._fields_of = kind, classes, fields_of
        self._fields: Fields | None = None

    def complete(self, value: Any, execution: Execution, path: Path) -> object:  # noqa: ANN401
        """The selected fields, by their keys."""
        if value.__class__ in self._classes and self._fields is not None:
            return answer_of(self._fields, value, execution, path)
        return super().complete(value, execution, path)

    def _complete(self, value: Any, execution: Execution, path: Path) -> object:  # noqa: ANN401
        is_type_of = self._kind.is_type_of
        if is_type_of is not None and not is_type_of(value, FieldInfo(self._place, execution, path)):  # type: ignore[arg-type]
            message = f"Expected value of type '{self._kind}' but got: {inspect(value)}."
            raise GraphQLError(message, self._place.nodes)
        self._classes.add(value.__class__)
        if self._fields is None:
            self._fields = self._fields_of(self._kind, self._place, execution)
        return answer_of(self._fields, value, execution, path)


class AbstractOf(Value):
    """Objects of an interface's or union's types. names: of the types of those classes that were met already."""

    __slots__ = ("_kind", "_names", "_object_of", "_objects")

    def __init__(
        self,
        place: Place,
        kind: GraphQLAbstractType,
        *,
        is_nullable: bool,
        names: dict[type, str],
        object_of: Callable[[str, GraphQLAbstractType, Place], ObjectOf | None],
    ) -> None:
        super().__init__(place, is_nullable=is_nullable)
        self._kind, self._names, self._object_of = kind, names, object_of
        self._objects: dict[str, ObjectOf] = {}

    def complete(self, value: Any, execution: Execution, path: Path) -> object:  # noqa: ANN401
        """The fields that are selected of the value's type."""
        name = self._names.get(value.__class__)
        known = None if name is None else self._objects.get(name)
        return super().complete(value, execution, path) if known is None else known.complete(value, execution, path)

    def _complete(self, value: Any, execution: Execution, path: Path) -> object:  # noqa: ANN401
        resolve = self._kind.resolve_type
        assert resolve is not None, "strawberry gives one to every interface and union"
        name = resolve(value, FieldInfo(self._place, execution, path), self._kind)  # type: ignore[arg-type]
        if not isinstance(name, str):
            self._refuse(value, name)
        known = self._objects.get(name) or self._object_of(name, self._kind, self._place)
        if known is None:
            raise GraphQLError(
                f"Runtime Object type '{name}' is not a possible type for '{self._kind}'.", self._place.nodes
            )
        self._objects[name] = known
        self._names[value.__class__] = name
        return known.complete(value, execution, path)

    def _refuse(self, value: object, name: object) -> NoReturn:
        message = (
            f"Abstract type '{self._kind}' must resolve to an Object type at runtime for field '{self._place.name}'"
        )
        if name is None:
            message += (
                f". Either the '{self._kind}' type should provide a 'resolve_type' function or each possible type"
                " should provide an 'is_type_of' function."
            )
        else:
            message += (
                f" with value {inspect(value)}, received '{inspect(name)}', which is not a valid Object type name."
            )
        raise GraphQLError(message, self._place.nodes)


class ListOf(Value):
    """Lists, each of whose items stands for itself."""

    __slots__ = ("_item",)

    def __init__(self, place: Place, item: Value, *, is_nullable: bool) -> None:
        super().__init__(place, is_nullable=is_nullable)
        self._item = item

    def _complete(self, value: Any, execution: Execution, path: Path) -> object:  # noqa: ANN401
        if not is_iterable(value):
            raise GraphQLError(f"Expected Iterable, but did not find one for field '{self._place.name}'.")
        return self._items(value, execution, path)

    def _items(self, values: Iterable[Any], execution: Execution, path: Path) -> object:
        complete, plain = self._item.complete, self._item.plain
        items: list[object] = []
        waiting: list[int] = []
        try:
            for index, value in enumerate(values):
                if value.__class__ is plain:
                    items.append(value)
                    continue
                below = (path, index)
                try:
                    item = complete(value, execution, below)
                except Exception as error:  # noqa: BLE001  answered as an error of this item
                    item = execution.fail(error, self._place, below, is_nullable=self._item.is_nullable)
                if isinstance(item, Later):
                    waiting.append(index)
                    if self._item.is_nullable:
                        item = Later(or_null, item, execution, self._place, below)
                items.append(item)
        except Exception:
            _leave(items, waiting, execution)
            raise
        return Later(_together, items, waiting) if waiting else items


def answer_of(fields: Fields, source: object, execution: Execution, path: Path) -> object:
    """The fields' values by their keys, or `Later`. Raises what makes the object null.

    All fields are begun before any is awaited, and those that have to be are awaited together.
    """
    answer: dict[str, object] = {}
    waiting: list[str] | None = None
    try:
        for key, value_of in fields:
            value = answer[key] = value_of(source, execution, path)
            if value.__class__ is Later:
                if waiting is None:
                    waiting = []
                waiting.append(key)
    except Exception:
        _leave(answer, waiting or (), execution)
        raise
    return answer if waiting is None else Later(_together, answer, waiting)


def _leave(answer: Any, waiting: Iterable[Any], execution: Execution) -> None:  # noqa: ANN401
    execution.leave(answer[key]() for key in waiting)


async def _together(answer: Any, waiting: list[Any]) -> object:  # noqa: ANN401  an object by its keys, or a list
    if len(waiting) == 1:
        answer[waiting[0]] = await answer[waiting[0]]()
        return answer
    for key, value in zip(waiting, await all_of(answer[key]() for key in waiting), strict=True):
        answer[key] = value
    return answer
