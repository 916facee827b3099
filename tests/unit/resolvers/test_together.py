"""Several coroutines at once: held against graphql-core's own way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

import pytest
from graphql.pyutils import gather_with_cancel

from resolvers.compiled.together import all_of

AllOf = Callable[[Iterable[Coroutine[Any, Any, object]]], Awaitable[list[object]]]


async def of_graphql_core(coroutines: Iterable[Coroutine[Any, Any, object]]) -> list[object]:
    return list(await gather_with_cancel(*coroutines))


@pytest.fixture(params=[all_of, of_graphql_core], ids=["ours", "graphql-core's"])
def together(request: pytest.FixtureRequest) -> AllOf:
    way: AllOf = request.param
    return way


class Noted:
    """Coroutines that note what becomes of them."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def give(self, name: str, turns: int = 0) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        self.ended.append(name)
        return name

    async def fail(self, name: str, turns: int = 0) -> str:
        raise ValueError(await self.give(name, turns))

    async def hang(self, name: str, *, stubborn: bool = False) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.ended.append(f"{name} canceled")
            if not stubborn:
                raise
        return name


async def others_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_values_come_in_the_order_of_the_coroutines(together: AllOf) -> None:
    noted = Noted()

    assert await together([noted.give("slow", 5), noted.give("fast")]) == ["slow", "fast"]
    assert noted.ended == ["fast", "slow"]


async def test_the_first_error_ends_the_others_before_it_is_raised(together: AllOf) -> None:
    noted = Noted()

    with pytest.raises(ValueError, match="first"):
        await together([noted.hang("waiting"), noted.fail("second", 5), noted.fail("first", 2)])

    assert noted.ended == ["first", "waiting canceled"]


@pytest.mark.parametrize("stubborn", [False, True], ids=["that end", "that go on"])
async def test_to_cancel_it_is_to_cancel_all_and_is_not_lost_in_coroutines(together: AllOf, stubborn: bool) -> None:
    noted = Noted()

    async def wait() -> list[object]:
        return await together([noted.hang("one", stubborn=stubborn), noted.hang("other", stubborn=stubborn)])

    waiting = asyncio.create_task(wait())
    await others_run()
    waiting.cancel()
    await others_run()

    assert waiting.cancelled()
    assert noted.ended == ["one canceled", "other canceled"]
