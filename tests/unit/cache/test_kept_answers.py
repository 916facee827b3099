"""Answers that are kept: never older than what they were made from, never from before a change."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cache import keys
from app.cache.kept_answers import MAX_KEPT_BYTES, KeptAnswers
from app.core.public_answers import Lookup, PublicAnswer
from tests.unit.fakes import NOON, FixedClock, MemoryCache

ANSWER = PublicAnswer(b'{"data":{}}', 7)


@dataclass
class Desk:
    """Kept answers, over a cache whose clock a test turns."""

    clock: FixedClock = field(default_factory=FixedClock)

    def __post_init__(self) -> None:
        self.store = MemoryCache(self.clock)
        self.answers = KeptAnswers(self.store, self.clock)

    async def made(self, answer: PublicAnswer = ANSWER, *, age: float = 0) -> None:
        """Look for an answer in vain, make it from what is so many seconds old, and keep it."""
        self.answers.keep(await self.answers.find("question"), answer, self.clock.now().timestamp() - age)

    async def found(self) -> PublicAnswer | None:
        """The answer that is kept."""
        return (await self.answers.find("question")).answer


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_an_answer_is_given_again_as_it_was_with_its_cost(desk: Desk) -> None:
    before = await desk.found()
    await desk.made()

    assert before is None
    assert await desk.found() == ANSWER
    assert (await desk.answers.find("another question")).answer is None


@pytest.mark.parametrize(("age", "left"), [(0, 60), (0.25, 59.75), (50, 10)])
async def test_it_is_given_for_as_long_as_the_oldest_thing_in_it_is_fresh(desk: Desk, age: float, left: float) -> None:
    await desk.made(age=age)

    desk.clock.turn(seconds=left, milliseconds=-1)
    in_time = await desk.found()
    desk.clock.turn(milliseconds=1)

    assert in_time == ANSWER
    assert await desk.found() is None


async def test_what_was_made_from_nothing_is_as_old_as_itself(desk: Desk) -> None:
    desk.answers.keep(await desk.answers.find("question"), ANSWER, float("inf"))

    desk.clock.turn(seconds=60, milliseconds=-1)
    assert await desk.found() == ANSWER
    desk.clock.turn(milliseconds=1)
    assert await desk.found() is None


@pytest.mark.parametrize("age", [60, 299])
async def test_what_is_too_old_already_is_not_kept(desk: Desk, age: float) -> None:
    await desk.made(age=age)

    assert desk.store.entries == {}


async def test_a_change_of_anything_in_the_catalogue_ends_it(desk: Desk) -> None:
    await desk.made()

    await desk.store.drop_tags(keys.catalog_tags([5], [6]))
    changed = await desk.found()
    await desk.made(PublicAnswer(b"new", 1))

    assert changed is None
    assert await desk.found() == PublicAnswer(b"new", 1)


async def test_a_change_while_it_is_made_ends_it_too(desk: Desk) -> None:
    lookup = await desk.answers.find("question")
    await desk.store.drop_tags([keys.CATALOG])
    desk.answers.keep(lookup, ANSWER, NOON.timestamp())

    assert await desk.found() is None


async def test_a_long_one_is_not_kept(desk: Desk) -> None:
    await desk.made(PublicAnswer(bytes(MAX_KEPT_BYTES + 1), 1))
    long = await desk.found()
    await desk.made(PublicAnswer(bytes(MAX_KEPT_BYTES), 1))

    assert long is None
    assert await desk.found() is not None


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode([NOON.timestamp(), b"", 7]),
        msgspec.msgpack.encode([float("inf"), b"", 7, b"{}"]),
        msgspec.msgpack.encode([float("nan"), b"", 7, b"{}"]),
        msgspec.msgpack.encode([NOON.timestamp(), b"", -7, b"{}"]),
        msgspec.msgpack.encode([NOON.timestamp(), b"", 7, 5]),
    ],
)
async def test_a_damaged_one_is_none(desk: Desk, damage: bytes) -> None:
    desk.store.put_many({keys.entry("answer", "question"): damage}, seconds=60)

    assert await desk.found() is None


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(["look", "look", "read", "keep", "change", "drop", "look and keep"]), max_size=40))
def test_no_order_of_looks_and_changes_leaves_an_answer_from_before_a_change_behind(steps: list[str]) -> None:
    asyncio.run(_walk(steps))


async def _walk(steps: list[str]) -> None:
    """A catalogue that is a number, which grows. Answers say it; those under way are made in the order they began."""
    desk = Desk()
    truth, dropped = 0, 0
    looked: list[Lookup] = []
    read: list[tuple[Lookup, int]] = []
    for step in steps:
        if step in ("look", "look and keep"):
            lookup = await desk.answers.find("question")
            if lookup.answer is not None:
                assert int(lookup.answer.body) >= dropped
            elif step == "look":
                looked.append(lookup)
            else:
                desk.answers.keep(lookup, PublicAnswer(b"%d" % truth, 1), NOON.timestamp())
        elif step == "read" and looked:
            read.append((looked.pop(0), truth))
        elif step == "keep" and read:
            lookup, value = read.pop(0)
            desk.answers.keep(lookup, PublicAnswer(b"%d" % value, 1), NOON.timestamp())
        elif step == "change":
            truth += 1
        elif step == "drop":
            await desk.store.drop_tags([keys.CATALOG])
            dropped = truth
