"""What the tests of accounts put in the place of other processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager

from app.core.changes import Change


class ToldChanges:
    """`ChangeFeed` in this process: whatever is announced ticks at once."""

    def __init__(self) -> None:
        self.announced: list[Change] = []
        self._ticks: list[asyncio.Event] = []

    def announce(self, changes: Iterable[Change]) -> None:
        self.announced.extend(changes)
        for tick in self._ticks:
            tick.set()

    @asynccontextmanager
    async def watch(self, change: Change) -> AsyncIterator[AsyncIterator[None]]:
        tick = asyncio.Event()
        self._ticks.append(tick)

        async def ticks() -> AsyncGenerator[None, None]:
            while True:
                await tick.wait()
                tick.clear()
                yield

        async with aclosing(ticks()) as each:
            yield each
