"""When a subscription reads, and what an outage does to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from app.core.changes import Change
from app.core.errors import DatabaseUnavailable, NotFound
from app.core.ids import Kind
from resolvers.subscriptions import _states

MUG = Change(Kind.CART, UUID(int=1))
OUTAGE = DatabaseUnavailable("away")


class ManualChanges:
    """`ChangeFeed` that ticks when a test says so. watching: how many do."""

    def __init__(self) -> None:
        self.ticks: asyncio.Queue[None] = asyncio.Queue()
        self.watching = 0

    def announce(self, changes: Iterable[Change]) -> None:
        for _ in changes:
            self.ticks.put_nowait(None)

    @asynccontextmanager
    async def watch(self, change: Change) -> AsyncIterator[AsyncIterator[None]]:
        async def ticks() -> AsyncIterator[None]:
            while True:
                yield await self.ticks.get()

        self.watching += 1
        self.announce([change])
        try:
            yield ticks()
        finally:
            self.watching -= 1


class Script:
    """A reader that gives one answer after the other, and remembers how often the loaders had been cleared by then."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.changes = ManualChanges()
        self.cleared = 0
        self.cleared_at_read: list[int] = []

    def states(self) -> Any:
        def clear() -> None:
            self.cleared += 1

        context: Any = SimpleNamespace(
            services=SimpleNamespace(changes=self.changes, event_turns=asyncio.Semaphore(1)),
            loaders=SimpleNamespace(clear=clear),
        )
        return aclosing(_states(context, MUG, self.read))

    async def read(self) -> Any:
        self.cleared_at_read.append(self.cleared)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def short_outages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DatabaseUnavailable, "retry_after_seconds", 0)


async def test_every_state_is_read_with_loaders_that_remember_nothing() -> None:
    script = Script("empty", "full")

    async with script.states() as states:
        first = await anext(states)
        script.changes.announce([MUG])
        second = await anext(states)

    assert [first, second] == ["empty", "full"]
    assert script.cleared_at_read == [1, 2]


async def test_an_outage_ends_a_subscription_that_begins() -> None:
    script = Script(OUTAGE)

    async with script.states() as states:
        with pytest.raises(DatabaseUnavailable):
            await anext(states)

    assert script.changes.watching == 0


async def test_an_open_subscription_waits_for_the_end_of_an_outage_and_misses_nothing() -> None:
    script = Script("empty", OUTAGE, OUTAGE, "full")

    async with script.states() as states:
        await anext(states)
        script.changes.announce([MUG])
        after = await anext(states)

    assert after == "full"
    assert script.answers == []


async def test_what_is_gone_ends_the_subscription() -> None:
    script = Script("empty", None)

    async with script.states() as states:
        await anext(states)
        script.changes.announce([MUG])
        with pytest.raises(NotFound, match="no such cart"):
            await anext(states)


async def test_nobody_watches_when_the_client_has_gone() -> None:
    script = Script("empty")

    async with script.states() as states:
        await anext(states)
        before = script.changes.watching

    assert (before, script.changes.watching) == (1, 0)
