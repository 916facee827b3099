"""A schema of shapes that the shop's does not have: every way to be wrong, and every way to be asked."""

# ruff: noqa: N805  a resolver's first argument is its record
from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry.extensions import FieldExtension

from dataloaders.batching import Loader, Turns
from resolvers.backing import backed_by


@dataclass(frozen=True, slots=True)
class Cat:
    name: str
    lives: int = 9


@dataclass(frozen=True, slots=True)
class Dog:
    name: str


@dataclass(frozen=True, slots=True)
class Stone:
    """Of no type in the schema."""

    name: str = "stone"


@strawberry.enum
class Mood(enum.Enum):
    CALM = "calm"
    WILD = "wild"


@strawberry.interface
class Named:
    name: str


@strawberry.type
@backed_by(Cat)
class CatType(Named):
    lives: int

    @strawberry.field
    def lives_text(cat: strawberry.Parent[Cat]) -> str:
        if cat.lives < 0:
            raise ValueError(f"{cat.name} has {cat.lives} lives")
        return f"{cat.lives} lives"

    @strawberry.field
    async def owner(cat: strawberry.Parent[Cat], info: strawberry.Info) -> str:
        owner = await info.context.owners.load(cat.name)
        if owner is None:
            raise LookupError(cat.name)
        return str(owner)

    @strawberry.field(graphql_type="CatType | None")
    async def kitten(cat: strawberry.Parent[Cat], info: strawberry.Info) -> Cat | None:
        return await info.context.kittens.load(cat.name)


@strawberry.type
@backed_by(Dog)
class DogType(Named):
    @strawberry.field
    def loud(self, info: strawberry.Info) -> bool:
        return True


Pet = Annotated[CatType | DogType, strawberry.union("Pet")]


@strawberry.input
class Wish:
    words: list[str]
    mood: Mood = Mood.CALM


class Odd:
    """Its attributes are whatever a client asks for."""

    fails = property(lambda self: 1 / 0)
    too_large = 2**31
    whole = 3.0
    text_of_number = 7
    fault = ValueError("in place of a value")
    nothing = None
    numbers = (1, None, 2)
    infinite = float("inf")
    mood = "wild"
    pairs = ([1, 2], [])


@strawberry.type
class OddType:
    fails: int | None
    too_large: int | None
    whole: int | None
    text_of_number: str | None
    fault: str | None
    nothing: str
    numbers: list[int]
    infinite: float | None
    mood: Mood | None
    pairs: list[list[int]]


@strawberry.type
class Owned:
    """Objects of which some fail later, where null is allowed and where it is not."""

    cat: CatType | None
    cats: list[CatType] | None
    some: list[CatType | None]
    insisted: CatType


class Louder(FieldExtension):
    """Works on the answer of the resolver."""

    def resolve(self, next_: Callable[..., Any], source: Any, info: strawberry.Info, **given: Any) -> Any:
        return f"{next_(source, info, **given)}!"


@strawberry.type
class Query:
    @strawberry.field(graphql_type=list[CatType])
    def cats(self, info: strawberry.Info) -> Sequence[Cat]:
        return [Cat("a"), Cat("b"), Cat("bad", -1), Cat("d")]

    @strawberry.field(graphql_type=list[CatType | None])
    def maybe_cats(self) -> Iterator[object]:
        yield from (Cat("a"), None, Cat("bad", -1), Dog("no cat"), ValueError("instead of a cat"))

    @strawberry.field(graphql_type=list[Named | None])
    async def named(self) -> tuple[object, ...]:
        return (Cat("a"), Dog("b"), Stone(), None)

    @strawberry.field(graphql_type=list[Pet | None])
    async def pets(self) -> list[object]:
        return [Dog("b"), Cat("a"), Stone(), Dog("c")]

    @strawberry.field(graphql_type=Named | None)
    def one_named(self, wild: bool = False) -> object:
        return Stone() if wild else Dog("b")

    @strawberry.field(graphql_type=CatType | None)
    def bad_cat(self) -> Cat:
        return Cat("bad")

    @strawberry.field
    def owned(self) -> Owned:
        return Owned(cat=Cat("bad"), cats=[Cat("a"), Cat("bad")], some=[Cat("bad"), Cat("b")], insisted=Cat("b"))  # type: ignore[arg-type,list-item]  # records

    @strawberry.field(graphql_type=list[int] | None)
    def no_list(self) -> object:
        return {"a": 1}

    @strawberry.field(graphql_type=OddType | None)
    def odd(self) -> Odd:
        return Odd()

    @strawberry.field(graphql_type=CatType)
    async def never(self) -> Cat | None:
        return None

    @strawberry.field(graphql_type=CatType | None)
    def later(self) -> Awaitable[Cat]:
        async def cat() -> Cat:
            await asyncio.sleep(0)
            return Cat("late")

        return cat()

    @strawberry.field
    async def slow(self, info: strawberry.Info, turns: int = 3, fails: bool = False) -> str | None:
        for _ in range(turns):
            await asyncio.sleep(0)
        info.context.log.append(f"{info.path.key if info.path else None} after {turns}")
        if fails:
            raise LookupError(f"after {turns}")
        return "slow"

    @strawberry.field
    async def insists(self, turns: int = 1) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise LookupError(f"insists after {turns}")

    @strawberry.field
    def fails_at_once(self) -> str:
        raise LookupError("at once")

    @strawberry.field
    def wishes(
        self,
        wish: Wish | None = None,
        price: Decimal | None = None,
        moods: list[Mood] | None = strawberry.UNSET,
        count: int = 3,
    ) -> list[str]:
        given = [] if wish is None else [*wish.words, wish.mood.name]
        if wish is not None:
            wish.words.append("changed by the resolver")
        return [
            *given,
            str(price),
            str(moods is strawberry.UNSET or (moods and [each.name for each in moods])),
            str(count),
        ]

    @strawberry.field
    def told(self, info: strawberry.Info, note: str = "") -> list[str]:
        raw = info._raw_info
        return [
            info.field_name,
            info.python_name,
            str(info.path.as_list() if info.path else None),
            str(info.path.typename if info.path else None),
            str(sorted(info.variable_values)),
            str([each.name for each in info.selected_fields]),
            str(raw.return_type),
            raw.parent_type.name,
            raw.operation.operation.value,
            str(sorted(raw.fragments)),
            str(info.root_value),
        ]

    @strawberry.field(extensions=[Louder()])
    def loud(self, word: str = "hey") -> str:
        return word

    @strawberry.field
    def keyword_only(self, *, info: strawberry.Info, word: str = "hey") -> str:
        return f"{word} {info.field_name}"


@strawberry.type
class Subscription:
    @strawberry.subscription(graphql_type=CatType)
    async def cat(self) -> Any:
        yield Cat("a")


@dataclass
class Context:
    """Of an execution. log: what it did, in order."""

    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def owners(names: Sequence[str]) -> Mapping[str, str]:
            self.log.append(f"owners of {names}")
            return {name: f"owner of {name}" for name in names if name != "bad"}

        async def kittens(names: Sequence[str]) -> Mapping[str, Cat]:
            self.log.append(f"kittens of {names}")
            return {name: Cat(f"{name} junior") for name in names if len(name) < 20 and name != "d"}

        turns = Turns()
        self.owners, self.kittens = Loader(owners, turns), Loader(kittens, turns)
