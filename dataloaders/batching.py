"""A batch of keys becomes one call of a port. The only importer of aiodataloader.

A loader lives as long as one request and remembers what it loaded, so a value asked for twice is read once. Batches of
one request take turns for at most CONNECTIONS connections, so that a wide query cannot empty the pool. Each batch runs
in a task of its own, which nobody else knows: `Turns.cancel` ends what a request that is given up has under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from aiodataloader import DataLoader

CONNECTIONS = 3  # of one request at a time; a pool has ten
MAX_BATCH = 1_000

K = TypeVar("K")
V = TypeVar("V")


class Turns:
    """One request's turns for a connection, at most CONNECTIONS at a time."""

    def __init__(self) -> None:
        self._semaphore = asyncio.Semaphore(CONNECTIONS)
        self._tasks: set[asyncio.Task[object]] = set()

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "the loop runs nothing outside a task"
        await self._semaphore.acquire()
        self._tasks.add(task)

    async def __aexit__(self, *_: object) -> None:
        task = asyncio.current_task()
        assert task is not None, "the loop runs nothing outside a task"
        self._tasks.discard(task)
        self._semaphore.release()

    def cancel(self) -> None:
        """End whatever is having its turn; its statements are canceled on the server."""
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()


class Loader(Generic[K, V]):
    """Loads values by key, together with whoever else asks in the same turn of the event loop."""

    def __init__(self, load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], turns: Turns) -> None:
        async def batch(keys: list[K]) -> list[V | None]:
            async with turns:
                found = await load(keys)
            return [found.get(key) for key in keys]

        self._loader: DataLoader[K, V | None] = DataLoader(batch, max_batch_size=MAX_BATCH)

    async def load(self, key: K) -> V | None:
        """The value of this key, None where there is none.

        Concurrency: others wait for the same value, so whoever is canceled while waiting cancels nothing.
        """
        answer = self._loader.load(key)
        return answer.result() if answer.done() else await _own(answer)

    async def load_many(self, keys: Sequence[K]) -> list[V]:
        """The values of these keys in their order, without those that have none."""
        answers = [self._loader.load(key) for key in keys]
        try:
            for each in answers:  # those of one batch are there together: only the first is waited for
                if not each.done():
                    await _own(each)
            return [value for each in answers if (value := each.result()) is not None]
        except BaseException:
            for each in answers:
                each.add_done_callback(_heed)
            raise

    def clear(self) -> None:
        """Forget everything: a mutation has changed it."""
        self._loader.clear_all()


def _own(answer: asyncio.Future[V]) -> asyncio.Future[V]:
    """An answer that others wait for too: to cancel this future cancels nothing. Costs half of `asyncio.shield`."""
    own: asyncio.Future[V] = answer.get_loop().create_future()

    def give(answer: asyncio.Future[V]) -> None:
        if own.done():
            _heed(answer)
        elif answer.cancelled():
            own.cancel()
        elif (error := answer.exception()) is not None:
            own.set_exception(error)
        else:
            own.set_result(answer.result())

    answer.add_done_callback(give)
    return own


def _heed(answer: asyncio.Future[V]) -> None:
    """Have an error that nobody waits for not be reported as a forgotten one."""
    if not answer.cancelled():
        answer.exception()
