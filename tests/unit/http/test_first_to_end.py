from __future__ import annotations

import asyncio

import pytest

from app.http.first_to_end import first_to_end


class Work:
    """Something that goes on until it is told to end. ended: how, once it has."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.ended: str | None = None

    async def run(self) -> None:
        try:
            await self.may_end.wait()
            self.ended = "done"
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # cleaning up takes a while
            self.ended = "canceled"
            raise


async def test_the_others_have_ended_when_the_first_one_has() -> None:
    works = [Work(), Work(), Work()]
    works[1].may_end.set()

    place = await first_to_end(*(work.run() for work in works))

    assert place == 1
    assert [work.ended for work in works] == ["canceled", "done", "canceled"]


async def test_what_the_first_one_raises_is_raised() -> None:
    other = Work()

    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await first_to_end(other.run(), fail())

    assert other.ended == "canceled"


async def test_of_works_that_end_together_the_one_named_first_counts() -> None:
    async def at_once() -> None:
        pass

    assert await first_to_end(Work().run(), at_once(), at_once()) == 1


async def test_canceling_it_cancels_them_all() -> None:
    works = [Work(), Work()]
    waiting = asyncio.ensure_future(first_to_end(*(work.run() for work in works)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.wait([waiting])

    assert waiting.cancelled()
    assert [work.ended for work in works] == ["canceled", "canceled"]
